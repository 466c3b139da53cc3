"""Ears and a mouth: what turns speech into text and text into speech. Knows nothing of sessions."""
