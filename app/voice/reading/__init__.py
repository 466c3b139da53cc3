"""How a written text is read aloud, in Spanish and English."""

from app.voice.reading.base import Pause, Token
from app.voice.reading.reader import read_aloud, spoken_text

__all__ = ["Pause", "Token", "read_aloud", "spoken_text"]
