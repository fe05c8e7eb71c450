"""Measures the daemon beside a floor: ``python -m benchmarks`` (see README.md in this directory)."""
