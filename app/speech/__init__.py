"""Speech: engines, detection and reading aloud; turns and output belong to a session."""
