"""The agent's own voice on the line, by recordings: none of it is heard, and who speaks over it is."""

import numpy as np
import pytest

from app.protocol.events import AudioFrame, AudioStarted
from app.speech.detection.echo_gate import EchoGate
from app.speech.g711 import decoder, encoder
from app.speech.pcm import resampled
from tests.support.clips import recording

RATE_HZ = 8000
BYTES_PER_MS = 16
FRAME_BYTES = 20 * BYTES_PER_MS
ROOM = {0: 1.0, 80: 0.3, 200: -0.2, 390: 0.1}
"""How a room rings: so loud after so many samples."""

Samples = np.ndarray[tuple[int], np.dtype[np.float64]]


def said(*names: str) -> Samples:
    """Recordings, one after another, as a telephone brings them."""
    return np.concatenate(
        [np.frombuffer(resampled(recording(name).pcm, 16_000, RATE_HZ), "<i2") for name in names]
    ).astype(np.float64)


AGENT = said("es_barcelona", "en_time", "es_calcula", "es_hora")


def line(*sounds: tuple[Samples, float, float]) -> bytes:
    """Sounds, each by its level in dB and its beginning in ms, through mu-law."""
    mixed = np.zeros(len(AGENT) + RATE_HZ)
    for sound, level_db, begin_ms in sounds:
        begin = round(begin_ms * RATE_HZ / 1000)
        heard = sound[: len(mixed) - begin]
        mixed[begin : begin + len(heard)] += heard * 10 ** (level_db / 20)
    pcm = np.clip(mixed, -32768, 32767).astype("<i2").tobytes()
    return decoder("mulaw")(encoder("mulaw")(pcm))


def echo() -> Samples:
    room = np.zeros(max(ROOM) + 1)
    for at, level in ROOM.items():
        room[at] = level
    return np.convolve(AGENT, room)[: len(AGENT)]


def through(comes: bytes, burst: int = 1, until_ms: float = 1e9) -> bytes:
    """What is left of it, where the agent is heard from the beginning on; `burst` frames come at once."""
    gate = EchoGate(RATE_HZ)
    gate.note(AudioStarted("t", RATE_HZ, 0))
    gate.note(AudioFrame("t", AGENT.astype("<i2").tobytes()))
    length_ms = min(len(AGENT) / RATE_HZ * 1000, until_ms)
    left: list[bytes] = []
    for start in range(0, len(comes), FRAME_BYTES):
        arrived = start // (FRAME_BYTES * burst) * burst + burst
        now = 100.0 + arrived * 0.02
        left.append(
            gate.feed(
                comes[start : start + FRAME_BYTES],
                now,
                lambda moment: ("t", min((moment - 100.0) * 1000, length_ms)),
            )
        )
    return b"".join(left)


def loud_ms(pcm: bytes) -> int:
    """How much of it is louder than a whisper."""
    samples = np.frombuffer(pcm, "<i2").astype(float)
    frames = samples[: len(samples) // 160 * 160].reshape(-1, 160)
    return 20 * int((np.sqrt((frames**2).mean(axis=1)) > 100).sum())


@pytest.mark.parametrize("burst", [1, 5])
@pytest.mark.parametrize("late_ms", [40, 200, 500, 800])
@pytest.mark.parametrize("level_db", [-6, -12, -20, -30])
def test_echo_is_silence(level_db: float, late_ms: float, burst: int):
    comes = line((echo(), level_db, late_ms))
    left = through(comes, burst)

    assert len(left) == len(comes) // FRAME_BYTES * FRAME_BYTES
    assert loud_ms(left) <= 0.02 * loud_ms(comes) + 40


@pytest.mark.parametrize("caller_db", [0, -6, -12])
@pytest.mark.parametrize("level_db", [-100, -30, -20, -12])
def test_who_speaks_over_the_agent_is_heard(level_db: float, caller_db: float):
    """And the agent falls silent half a second after their first word has begun."""
    caller, until_ms = said("es_espera"), 4800
    left = through(
        line((echo()[: until_ms * RATE_HZ // 1000], level_db, 200), (caller, caller_db, 4000)),
        until_ms=until_ms,
    )
    begin = 4000 * BYTES_PER_MS
    own = line((caller, caller_db, 4000))

    assert loud_ms(left[:begin]) <= 60
    assert loud_ms(left[begin:]) >= 0.7 * loud_ms(own[begin:]) - 100


def test_who_speaks_where_the_agent_is_silent_is_heard_to_the_sample():
    gate, comes = EchoGate(RATE_HZ), line((said("es_hora"), 0, 0))
    left = b"".join(
        gate.feed(comes[at : at + 100], at / 16_000, lambda moment: None) for at in range(0, len(comes), 100)
    )

    assert comes.startswith(left) and len(comes) - len(left) < FRAME_BYTES


def test_line_whose_echo_begins_late_is_learned():
    """A caller who lays the telephone on the table: after some seconds nothing of the voice is heard."""
    comes = line((echo(), -100, 0))[: 2 * RATE_HZ * 3] + line((echo(), -12, 200))[2 * RATE_HZ * 3 :]
    left = through(comes)

    assert loud_ms(left[2 * RATE_HZ * 6 :]) <= 60
