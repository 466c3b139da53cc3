"""What keeps the process well: its memory, its settings' names, the endpoints of its tools."""
