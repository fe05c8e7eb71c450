"""Pictures as bytes and as files: made small enough to be sent, and kept."""
