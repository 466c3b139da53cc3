"""How a written text is read aloud, in Spanish and English."""

from app.speech.reading.base import Pause, ReadingToken
from app.speech.reading.reader import read_aloud, spoken_text

__all__ = ["Pause", "ReadingToken", "read_aloud", "spoken_text"]
