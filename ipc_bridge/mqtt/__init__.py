"""Talks to the broker; the only importer of paho."""
