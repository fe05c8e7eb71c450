"""Talks to cameras, and knows nothing of MQTT."""
