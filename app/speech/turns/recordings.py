"""What somebody says in a recording that is whole: the detector is asked before the recogniser.

A recogniser finds words in anything, in an engaged tone as in the wind; a stream never brings it that far.
"""

import asyncio

from app.speech.base import BYTES_PER_SAMPLE, EAR_RATE_HZ, SpeechDetector

PIECE_MS = 20
"""What the detector is given at once: less than a frame of its own, so that it says one thing at a time."""

PIECES_A_TURN = 5
"""Pieces that are judged without looking at anything else."""

PAUSE_MS = 1_200
"""A silence of this length ends an utterance; the rest of it is left out."""

_PIECE_BYTES = EAR_RATE_HZ * PIECE_MS // 1000 * BYTES_PER_SAMPLE
_SILENCE = bytes(EAR_RATE_HZ * 2 * PAUSE_MS // 1000 * BYTES_PER_SAMPLE)


async def speech_in(pcm: bytes, detector: SpeechDetector) -> bytes:
    """Return the utterances of a recording, one after another; empty where nobody speaks.

    Each has a little sound from before and after it, as those of a stream have; longer silences and sounds
    without a voice between them are left out. Others have their turn between two pieces.

    Args:
        pcm: At `EAR_RATE_HZ`.
        detector: Heard nothing before.
    """
    said = bytearray()
    is_speech = False
    # The end of the recording is a silence too, however close to its last word it is.
    sound = pcm + _SILENCE
    for count, start in enumerate(range(0, len(sound), _PIECE_BYTES)):
        for event in detector.feed(sound[start : start + _PIECE_BYTES]):
            is_speech = is_speech or event.kind == "confirmed"
            is_over = event.kind == "full" or (event.kind == "silence" and event.ms >= PAUSE_MS)
            if is_speech and is_over:
                said += detector.speech()
                detector.reset()
                is_speech = False
        if count % PIECES_A_TURN == 0:
            await asyncio.sleep(0)
    return bytes(said)
