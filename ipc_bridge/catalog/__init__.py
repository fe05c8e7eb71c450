"""The vendor's API as rows: data, no I/O."""
