"""Protocol v2: numbered messages; a session outlives its connection."""
