"""The vendor's protocols as bytes: no I/O, no clock, no knowledge of cameras."""
