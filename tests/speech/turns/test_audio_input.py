"""How a session's sound is taken: bounded, in order, and without holding up others. See test_hearing.py."""

import asyncio
from collections.abc import Sequence

import pytest

from app.errors import AudioOverflow
from app.speech.base import SpeechEvent
from app.speech.turns.audio_input import MAX_PACE, PIECE_MS, AudioInputBuffer
from tests.support.virtual_time import virtual

RATE_HZ = 8000


class Log:
    """A detector, a hearing and an understanding that write down what they are told."""

    is_open = False
    is_manual = False
    voiced_ms = 0.0
    is_surely_speech = False

    def __init__(self) -> None:
        self.pieces: list[bytes | str] = []
        self.decided = asyncio.Event()
        self.decided.set()

    @property
    def expects_more(self) -> bool:
        return self.is_open

    def feed(self, pcm: bytes) -> Sequence[SpeechEvent]:
        self.pieces.append(pcm)
        return [SpeechEvent("silence", 20)]

    def on(self, event: SpeechEvent) -> None:
        if self.pieces[-1] == b"!!":
            raise ZeroDivisionError

    def commit(self) -> None:
        self.pieces.append("commit")

    def clear(self) -> None:
        self.pieces.append("clear")

    def close(self) -> None:
        self.pieces.append("close")

    async def aclose(self) -> None:
        self.pieces.append("closed")

    def speech(self) -> bytes:
        return b""

    def reset(self) -> None: ...


def new_ear(log: Log, max_seconds: float = 2) -> AudioInputBuffer:
    return AudioInputBuffer(RATE_HZ, lambda pcm: pcm, log, log, log, max_seconds)  # type: ignore[arg-type]


@virtual
async def test_long_frame_is_worked_off_in_pieces_between_which_others_run():
    log = Log()
    audio_input = new_ear(log)
    audio_input.take(bytes(RATE_HZ * 2))
    ran = 0
    while len(log.pieces) < 1000 // PIECE_MS:
        await asyncio.sleep(0.001)
        ran += 1

    assert ran >= 1000 // PIECE_MS
    assert {len(piece) for piece in log.pieces} == {RATE_HZ * 2 * PIECE_MS // 1000}
    await audio_input.aclose()


@virtual
async def test_burst_is_worked_off_no_faster_than_its_pace():
    log = Log()
    audio_input = new_ear(log, max_seconds=60)
    audio_input.take(bytes(RATE_HZ * 2 * 40))
    await asyncio.sleep(1)

    assert len(log.pieces) == pytest.approx(MAX_PACE * 1000 / PIECE_MS, abs=3)
    await audio_input.aclose()


@virtual
async def test_what_the_client_asks_for_comes_after_the_sound_before_it():
    log = Log()
    audio_input = new_ear(log)
    audio_input.take(b"11")
    audio_input.commit()
    audio_input.take(b"22")
    audio_input.clear()
    await asyncio.sleep(1)

    assert log.pieces == [b"11", "commit", b"22", "clear"]
    await audio_input.aclose()
    assert log.pieces[-2:] == ["close", "closed"]


@virtual
async def test_small_frames_that_wait_are_worked_off_together():
    log = Log()
    audio_input = new_ear(log)
    for sample in range(100):
        audio_input.take(bytes([sample]))
        audio_input.take(b"")
    await asyncio.sleep(0.1)

    assert log.pieces == [bytes(range(100))]
    await audio_input.aclose()


@virtual
async def test_frame_without_sound_is_none():
    """One for each byte that may be sent would wait for ever longer; and it does not end a silence."""
    log = Log()
    log.is_open = True
    audio_input = new_ear(log)
    audio_input.take(b"11")
    for _ in range(20):
        await asyncio.sleep(0.1)
        audio_input.take(b"")

    assert len(log.pieces) > 3
    await audio_input.aclose()


@virtual
async def test_sound_that_comes_too_fast_is_dropped_with_one_error_until_there_is_room():
    log = Log()
    audio_input = new_ear(log, max_seconds=1)
    second = bytes(RATE_HZ * 2)
    audio_input.take(second)
    with pytest.raises(AudioOverflow):
        audio_input.take(second)
    audio_input.take(second)
    await asyncio.sleep(1)
    assert sum(map(len, log.pieces)) == len(second)

    audio_input.take(second)
    with pytest.raises(AudioOverflow):
        audio_input.take(second)
    await audio_input.aclose()


@virtual
async def test_client_that_falls_silent_in_an_utterance_is_taken_to_be_silent():
    log = Log()
    log.is_open = True
    audio_input = new_ear(log)
    audio_input.take(b"11")
    await asyncio.sleep(2)

    assert len(log.pieces) > 3
    assert not any(piece.strip(b"\0") for piece in log.pieces[1:] if isinstance(piece, bytes))
    await audio_input.aclose()


@virtual
async def test_bug_over_one_frame_does_not_make_the_session_deaf():
    log = Log()
    audio_input = new_ear(log)
    audio_input.take(b"!!")
    await asyncio.sleep(1)
    audio_input.take(b"22")
    await asyncio.sleep(1)

    assert log.pieces == [b"!!", b"22"]
    await audio_input.aclose()
