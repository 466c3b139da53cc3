"""How much a client may do: rates, connections, sessions, sound."""
