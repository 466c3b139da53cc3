"""How good and how fast the voice is, measured on recordings."""
