"""Protocol v1: plain messages; a session is its connection."""
