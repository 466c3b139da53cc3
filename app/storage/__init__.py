"""Where talks are kept: sessions, messages and tool calls in SQLite or PostgreSQL."""
