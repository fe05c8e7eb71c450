"""The vendor's calls over HTTPS, the same for cameras and cloud: a signed form there, a code and data back."""
