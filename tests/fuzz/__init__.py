"""Talks that no client would hold, drawn by Hypothesis and sent through real sockets to a real server."""
