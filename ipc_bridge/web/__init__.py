"""The web server: posts of cameras, health, and what plugins show."""
