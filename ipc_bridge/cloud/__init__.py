"""The vendor's cloud: calls, and events that it posts. Nothing is asked there unless the configuration says so."""
