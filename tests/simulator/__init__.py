"""The fake cameras, against clients that speak bytes."""
