"""Sound as numbers."""

import numpy as np
import pytest
import soxr
from hypothesis import given
from hypothesis import strategies as st

from app.speech.pcm import (
    EvenBytes,
    Resampler,
    frame_loudness,
    loudness,
    resampled,
    to_floats,
    to_pcm,
    trimmed,
)
from tests.support.clips import recording, silence, tone


@given(st.lists(st.binary(max_size=7)))
def test_odd_bytes_wait_for_the_next_frame(frames: list[bytes]):
    even = EvenBytes()

    out = [even.feed(frame) for frame in frames]

    together = b"".join(frames)
    assert all(len(piece) % 2 == 0 for piece in out)
    assert b"".join(out) == together[: len(together) - len(together) % 2]


def test_byte_that_waits_can_be_forgotten():
    even = EvenBytes()
    even.feed(b"\x01")
    even.clear()

    assert even.feed(b"\x02\x03") == b"\x02\x03"


def test_numbers_come_back_as_the_same_sound():
    pcm = np.arange(-32768, 32768, dtype="<i2").tobytes()

    assert to_pcm(to_floats(pcm)) == pcm


def test_what_is_over_full_scale_is_cut_and_never_wraps():
    assert to_pcm(np.array([2.0, -2.0, 1.0])) == np.array([32767, -32768, 32767], "<i2").tobytes()


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 24_000, 48_000])
@pytest.mark.parametrize("frame_bytes", [1, 333, 640, 100_000])
def test_frames_of_any_length_give_the_same_sound_at_16_khz(rate_hz: int, frame_bytes: int):
    pcm = tone(0.5, rate_hz)
    resampler = Resampler(rate_hz)

    pieces = [resampler.feed(pcm[at : at + frame_bytes]) for at in range(0, len(pcm), frame_bytes)]
    pieces.append(resampler.flush())

    streamed, whole = (
        np.frombuffer(s, "<i2").astype(int) for s in (b"".join(pieces), resampled(pcm, rate_hz))
    )
    assert streamed.size == whole.size == 8_000
    assert np.max(np.abs(streamed - whole)) <= 1


@pytest.mark.parametrize("rate_hz", [8_000, 24_000, 48_000])
def test_tone_keeps_its_pitch_and_its_loudness(rate_hz: int):
    heard = to_floats(resampled(tone(1, rate_hz, hz=1000), rate_hz))[2000:14_000]

    spectrum = np.abs(np.fft.rfft(heard * np.hanning(heard.size)))
    assert np.argmax(spectrum) * 16_000 / heard.size == pytest.approx(1000, abs=2)
    assert loudness(to_pcm(heard)) == pytest.approx(0.3 / np.sqrt(2), rel=0.01)


def test_what_16_khz_cannot_hold_goes_and_does_not_turn_into_other_tones():
    for hz in (9_000, 12_000, 20_000):
        heard = resampled(tone(1, 48_000, hz=hz), 48_000)
        assert loudness(heard[2000:-2000]) < 0.3 / np.sqrt(2) / 1000, f"{hz} Hz is heard"


@pytest.mark.parametrize(
    ("rate_hz", "to_rate_hz"),
    [(8_000, 16_000), (24_000, 16_000), (48_000, 16_000), (24_000, 8_000), (16_000, 8_000), (16_000, 24_000)],
)
def test_resampled_stream_is_never_far_behind(rate_hz: int, to_rate_hz: int):
    """After each frame: an interruption is noticed by it."""
    resampler, told = Resampler(rate_hz, to_rate_hz), 0
    for number in range(1, 51):
        told += len(resampler.feed(tone(0.02, rate_hz)))
        assert told / 2 / to_rate_hz >= 0.02 * number - 0.005


def test_rates_without_a_simple_ratio_are_changed_too():
    heard = to_floats(resampled(tone(1, 22_050, hz=1000), 22_050, 8000))

    assert abs(heard.size - 8000) <= 1
    assert loudness(to_pcm(heard[1000:-1000])) == pytest.approx(0.3 / np.sqrt(2), rel=0.01)


def test_loudness_of_nothing_is_none():
    assert loudness(b"") == 0
    assert loudness(silence(0.1)) == 0
    assert loudness(tone(1, level=1.0)) == pytest.approx(0.7071, abs=0.001)
    assert frame_loudness(to_floats(tone(0.05))).size == 2


def test_trimming_takes_the_quiet_around_speech_and_leaves_the_words():
    speech = recording("es_hora").pcm
    around = silence(2) + speech + silence(3)

    kept = trimmed(around)

    assert len(kept) <= len(speech) + 2 * 2 * 3200
    loud = frame_loudness(to_floats(speech)) > 0.02
    assert np.count_nonzero(frame_loudness(to_floats(kept)) > 0.02) == pytest.approx(
        np.count_nonzero(loud), abs=2
    )


def test_sound_without_anything_loud_is_left_alone():
    assert trimmed(silence(1)) == silence(1)
    assert trimmed(b"") == b""


@pytest.mark.parametrize("frame_ms", [20, 100])
def test_rates_without_a_simple_ratio_leave_no_seams_between_frames(frame_ms: int):
    """As espeak's voice, of 22.05 kHz, goes to a telephone: in blocks without edges."""
    sound = np.frombuffer(resampled(recording("es_hora").pcm, 16_000, 22_050), "<i2")
    whole = soxr.resample(sound, 22_050, 8000, quality="HQ").astype(float)
    resampler = Resampler(22_050, 8000)
    pcm, step, behind_ms = b"", 22_050 * frame_ms // 1000 * 2, 0.0
    for end in range(step, 2 * len(sound), step):
        pcm += resampler.feed(sound.tobytes()[end - step : end])
        behind_ms = max(behind_ms, end / 2 / 22.05 - len(pcm) / 2 / 8)
    pcm += resampler.feed(sound.tobytes()[2 * len(sound) - (2 * len(sound)) % step :]) + resampler.flush()
    heard = np.frombuffer(pcm, "<i2").astype(float)

    assert abs(len(heard) - len(whole)) <= 1
    both = min(len(heard), len(whole))
    assert np.abs(heard[:both] - whole[:both]).max() <= 8  # of 32,768; mu-law's own steps are 8 at least
    assert behind_ms <= 160  # a phone is sent 800 ms ahead
