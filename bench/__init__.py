"""Measures how fast the server is: `python -m bench`. Figures only; nothing here passes or fails."""
