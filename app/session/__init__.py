"""What belongs to one session, without any I/O."""
