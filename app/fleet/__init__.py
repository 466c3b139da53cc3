"""One process among several: who owns a session, and the way to whoever does."""
