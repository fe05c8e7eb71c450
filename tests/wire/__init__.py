"""The codecs, against bytes written by hand."""
