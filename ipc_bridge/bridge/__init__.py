"""What the program is: cameras supervised, events delivered, state published."""
