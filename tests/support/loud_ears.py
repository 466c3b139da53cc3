"""The ears of `ears.py` for sound that came through a browser: words lie far apart, frames begin anywhere."""

import numpy as np

from tests.support.ears import FRAME_BYTES, LevelDetector, Vocabulary

STEP = 1500
"""Between the levels of two words."""


def level_of(frame: bytes) -> int:
    """The word that a frame holds, by its number; 0 is silence.

    A busy machine leaves holes of 10 ms, half a frame, in a browser's sound: they are no silence.
    """
    return round(int(np.percentile(np.frombuffer(frame, "<i2"), 75, method="nearest")) / STEP)


class LoudVocabulary(Vocabulary):
    """At most 20 words."""

    def sound(self, text: str, word_ms: int = 300) -> bytes:
        quiet = np.frombuffer(super().sound(text, word_ms), "<i2")
        return (quiet * STEP).astype("<i2").tobytes()

    def words_in(self, pcm: bytes) -> str:
        frames = [pcm[n : n + FRAME_BYTES] for n in range(0, len(pcm) - FRAME_BYTES + 1, FRAME_BYTES)]
        return super().words_in(b"".join(level_of(frame).to_bytes(2, "little") * 320 for frame in frames))


class LoudDetector(LevelDetector):
    """Voice is whatever is not nearly zero."""

    def _is_voice(self, frame: bytes) -> bool:
        return level_of(frame) > 0
