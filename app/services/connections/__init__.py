"""One client's connection, and what its commands do."""
