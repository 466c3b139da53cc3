"""The whole wire contract."""
