"""The agent as a service to connections."""
