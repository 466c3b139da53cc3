"""What is kept of a turn's sound: every sample comes once, and the oldest go when they have been sent."""

from hypothesis import given
from hypothesis import strategies as st

from app.speech.output.kept_sound import KEPT_MS, KeptSound

RATES = st.sampled_from([8_000, 16_000, 22_050, 24_000, 44_100])


@given(rate_hz=RATES, pieces=st.lists(st.binary(max_size=400)), length_ms=st.floats(0.01, 40))
def test_frames_joined_are_the_sound(rate_hz: int, pieces: list[bytes], length_ms: float) -> None:
    sound = KeptSound(rate_hz)
    for piece in pieces:
        sound.add(piece)

    frames, upto_ms = list[bytes](), 0.0
    while upto_ms < sound.made_ms:
        frame, upto_ms = sound.frame(upto_ms, length_ms)
        frames.append(frame)

    assert b"".join(frames) == b"".join(pieces)


def sound_of(seconds: int) -> KeptSound:
    """Each second's samples have its number."""
    sound = KeptSound(8_000)
    for second in range(seconds):
        sound.add(bytes([second, 0]) * 8_000)
    return sound


def test_what_was_sent_long_ago_is_forgotten_and_the_rest_stays_where_it_was() -> None:
    sound = sound_of(60)

    sound.forget_old(50_000)

    assert sound.first_kept(0) == 50_000 - KEPT_MS
    assert sound.first_kept(45_000) == 45_000
    assert sound.frame(45_000, 100)[0] == bytes([45, 0]) * 800
    assert sound.made_ms == 60_000


def test_little_is_not_worth_forgetting() -> None:
    sound = sound_of(60)

    sound.forget_old(KEPT_MS + KEPT_MS / 10)

    assert sound.first_kept(0) == 0


def test_all_that_is_forgotten_still_has_its_length() -> None:
    sound = sound_of(2)

    sound.forget_all()

    assert sound.made_ms == 2_000
    assert sound.frame(0, 100)[0] == b""
