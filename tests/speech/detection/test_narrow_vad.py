"""The real model at a telephone's rate: what comes by mu-law is noticed as soon, and noise no oftener."""

import numpy as np
import pytest

from app.speech.base import EAR_RATE_HZ, NARROW_RATE_HZ
from app.speech.detection.utterances import (
    ENTER_NARROW,
    FRAME_BYTES,
    FRAME_MS,
    Confirmed,
    Heard,
    Onset,
    Utterances,
)
from app.speech.detection.vad import VoiceActivity
from app.speech.g711 import decoder, encoder
from app.speech.pcm import resampled, to_pcm
from bench.voice.unspoken import made
from tests.support.models import MODELS_DIR, model
from tests.support.recordings import noise, recording

SPEECH = ("es_calcula", "es_hora", "es_barcelona", "es_espera", "en_time", "en_stop")
WORDLESS = tuple("coughs throat knocks hummed tune dial keyboard bark sneeze engine".split())
LEAD_MS = 1000
BYTES_PER_MS = 16
"""Of PCM16 at a telephone's rate."""


@pytest.fixture(scope="module")
def activity() -> VoiceActivity:
    model("silero_vad.onnx")
    return VoiceActivity(MODELS_DIR)


def over_a_telephone(sound: bytes, late_ms: int) -> bytes:
    """Sound at a telephone's rate, after some silence, as the server's ears get it."""
    said = bytes((LEAD_MS + late_ms) * BYTES_PER_MS) + sound
    codes = encoder("mulaw")(said)
    return resampled(decoder("mulaw")(codes), NARROW_RATE_HZ, EAR_RATE_HZ)


def heard_in(activity: VoiceActivity, sound: bytes) -> list[Heard]:
    return Utterances(activity.stream(is_narrow=True), 60, ENTER_NARROW).feed(sound)


def first_voice_ms(sound: bytes) -> float:
    """Where the first of the 20 ms frames begins that has 5 % of the loudness of the loudest."""
    frames = np.frombuffer(sound, "<i2").astype(float)[: len(sound) // 320 * 160].reshape(-1, 160)
    loudness = np.sqrt(np.mean(frames**2, axis=1))
    return float(np.argmax(loudness > loudness.max() * 0.05)) * 20


@pytest.mark.parametrize("late_ms", [0, 10, 20, 30])
@pytest.mark.parametrize("name", SPEECH)
def test_voice_is_noticed_within_150_ms_wherever_frames_begin(
    activity: VoiceActivity, name: str, late_ms: int
) -> None:
    sound = resampled(recording(name), EAR_RATE_HZ, NARROW_RATE_HZ)

    heard = heard_in(activity, over_a_telephone(sound, late_ms))

    onset = heard[0]
    assert isinstance(onset, Onset)
    # It is known when its frame is whole.
    assert onset.at_ms + FRAME_MS - (LEAD_MS + late_ms + first_voice_ms(sound)) <= 150
    assert heard[1] == Confirmed()


@pytest.mark.parametrize("late_ms", [0, 10, 20, 30])
def test_weak_vowel_is_noticed_as_soon_later_in_a_call(activity: VoiceActivity, late_ms: int) -> None:
    before = resampled(recording("es_calcula"), EAR_RATE_HZ, NARROW_RATE_HZ) + bytes(10_000 * BYTES_PER_MS)
    sound = resampled(recording("es_espera"), EAR_RATE_HZ, NARROW_RATE_HZ)
    begins_ms = LEAD_MS + late_ms + len(before) / BYTES_PER_MS + first_voice_ms(sound)
    stream = activity.stream(is_narrow=True)
    pcm = over_a_telephone(before + sound, late_ms)
    likelihoods = [stream(pcm[at : at + FRAME_BYTES]) for at in range(0, len(pcm) - FRAME_BYTES, FRAME_BYTES)]

    first = next(
        (number + 1) * FRAME_MS
        for number, likelihood in enumerate(likelihoods)
        if likelihood >= ENTER_NARROW and number * FRAME_MS > begins_ms - 500
    )
    assert first - begins_ms <= 150


@pytest.mark.parametrize("kind", ["white", "pink", "hum", "clicks"])
def test_noise_is_no_voice_later_in_a_call(activity: VoiceActivity, kind: str) -> None:
    stream = activity.stream(is_narrow=True)
    said = resampled(recording("es_calcula"), EAR_RATE_HZ, NARROW_RATE_HZ)
    behind = resampled(noise(kind, 10), EAR_RATE_HZ, NARROW_RATE_HZ)
    pcm = over_a_telephone(said + bytes(500 * BYTES_PER_MS) + behind, 0)
    likelihoods = [stream(pcm[at : at + FRAME_BYTES]) for at in range(0, len(pcm) - FRAME_BYTES, FRAME_BYTES)]

    assert max(likelihoods[-9 * 1000 // FRAME_MS :]) < ENTER_NARROW


@pytest.mark.parametrize("kind", ["ruido", "white", "pink", "hum", "clicks"])
def test_noise_is_no_voice(activity: VoiceActivity, kind: str) -> None:
    sound = recording("ruido") if kind == "ruido" else noise(kind, 10)

    assert heard_in(activity, over_a_telephone(resampled(sound, EAR_RATE_HZ, NARROW_RATE_HZ), 0)) == []


def test_sounds_without_words_are_no_oftener_a_voice_than_at_the_full_rate(activity: VoiceActivity) -> None:
    onsets = {"narrow": 0, "wide": 0}
    for kind in WORDLESS:
        for seed in (71, 72, 73, 74):
            sound = resampled(to_pcm(made(kind, 3.0, seed)), EAR_RATE_HZ, NARROW_RATE_HZ)
            at_ears = over_a_telephone(sound, 0)
            onsets["narrow"] += count_of_onsets(heard_in(activity, at_ears))
            onsets["wide"] += count_of_onsets(Utterances(activity.stream(), 60).feed(at_ears))

    assert onsets["narrow"] <= onsets["wide"] * 1.3, onsets


def count_of_onsets(heard: list[Heard]) -> int:
    return sum(isinstance(event, Onset) for event in heard)
