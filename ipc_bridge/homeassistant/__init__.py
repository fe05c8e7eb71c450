"""Home Assistant's discovery: everything of it is in this folder."""
