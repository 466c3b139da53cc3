"""The real model over the recordings, in this process."""

from functools import cache, partial
from typing import Any

import pytest
import soxr

from app.errors import Locale
from app.speech.base import EAR_RATE_HZ, Speech
from app.speech.detection.detector import UtteranceDetector
from app.speech.engines.stt.checks import plain
from app.speech.engines.stt.local import PROMPTS
from app.speech.engines.stt.whisper import Asked, Whisper, window_s
from app.speech.engines.stt.whisper_worker import understood
from app.speech.engines.tts.espeak import EspeakSynthesiser
from app.speech.engines.tts.espeak_engine import library_or_refusal, running
from app.speech.g711 import G711Law, decoder, encoder
from app.speech.pcm import Samples, resampled, to_floats, to_pcm, trimmed
from app.speech.turns.recordings import speech_in
from bench.voice.unspoken import made
from tests.support.clips import Recording, recordings, silence
from tests.support.models import MODELS_DIR, model
from tests.support.sounds import NOISES, with_noise
from tests.support.synthesis import all_of, need_espeak
from tests.support.synthesis import sound_of as pcm_of

SPOKEN = [one for one in recordings() if one.text]
NOTHING_KNOWN = Asked("auto", {})


@cache
def whisper() -> Whisper:
    return Whisper(model("whisper-base"))


def sound_of(recording: Recording) -> Samples:
    return to_floats(trimmed(recording.pcm))


def words_of(samples: Samples, hint: Locale = "es") -> str:
    return understood(whisper(), samples, NOTHING_KNOWN, hint, "fast").text


@pytest.mark.parametrize("recording", SPOKEN, ids=lambda one: one.id)
def test_language_is_heard_among_the_two(recording: Recording):
    reading = whisper().read(sound_of(recording), NOTHING_KNOWN)

    assert reading.language == recording.language
    assert reading.confidence > 0.4
    assert not reading.is_cut


def test_window_is_short_but_never_so_short_that_the_model_goes_round_in_circles():
    assert window_s(0.5) == 10
    assert window_s(7) == 10
    assert window_s(9) == 12
    assert window_s(28) == 30
    assert window_s(3, full=True) == 30


def test_words_that_are_likely_help():
    [hour] = [sound_of(one) for one in SPOKEN if one.id == "es_hora"]

    reading = whisper().read(hour, Asked("es", {"es": "¿Qué hora es? Dime qué hora es."}))

    assert plain(reading.text) == "dime que hora es por favor"


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("seconds", [1, 4])
def test_noise_has_no_words(noise: str, seconds: float):
    assert words_of(NOISES[noise](seconds)) == ""


def test_recorded_noise_has_no_words():
    [noise] = [one for one in recordings() if not one.text]

    assert words_of(to_floats(noise.pcm)) == ""


def test_speech_that_is_turned_round_has_hardly_any_words():
    """Which of them is taken for words, if any, differs with the processor's arithmetic."""
    heard = [words_of(sound_of(recording)[::-1].copy()) for recording in SPOKEN]

    assert sum(map(bool, heard)) <= 1, heard


@pytest.mark.parametrize("recording", SPOKEN, ids=lambda one: one.id)
def test_words_are_understood_over_noise(recording: Recording):
    words = plain(words_of(with_noise(sound_of(recording), 10)))

    spelt = {"2": ("2", "dos"), "7": ("7", "siete"), "8": ("8", "ocho")}
    for keyword in recording.keywords:
        if recording.id != "es_hora":  # without likely words it is heard as "ahora"
            assert any(form in words for form in spelt.get(keyword, (plain(keyword),)))


@pytest.mark.parametrize("law", ["mulaw", "alaw"])
@pytest.mark.parametrize("recording", SPOKEN, ids=lambda one: one.id)
def test_words_are_understood_over_a_telephone(recording: Recording, law: G711Law):
    """Eight thousand samples a second, a byte each, as a call brings them."""
    narrow = encoder(law)(resampled(trimmed(recording.pcm), 16_000, 8000))
    words = plain(words_of(to_floats(resampled(decoder(law)(narrow), 8000, 16_000))))

    spelt = {"2": ("2", "dos"), "7": ("7", "siete"), "8": ("8", "ocho")}
    for keyword in recording.keywords:
        if recording.id != "es_hora":  # without likely words it is heard as "ahora"
            assert any(form in words for form in spelt.get(keyword, (plain(keyword),)))


# What passes for a voice, and is none; and short words, which are


PASS_FOR_A_VOICE = ("coughs", "throat", "hummed", "tune", "knocks", "bark", "sneeze", "engine")


@cache
def new_detector() -> partial[UtteranceDetector]:
    model("silero_vad.onnx")
    from app.speech.detection.vad import VoiceActivity

    activity = VoiceActivity(MODELS_DIR)
    return partial(_detector_of, activity)


def _detector_of(activity: Any) -> UtteranceDetector:
    return UtteranceDetector(activity.stream(), 60)


@pytest.mark.parametrize("hint", ["es", "en"])
async def test_sounds_that_pass_for_a_voice_have_hardly_any_words(hint: Locale):
    """Which of them is taken for words, if any, differs with the processor's arithmetic."""
    heard: list[str] = []
    for kind in PASS_FOR_A_VOICE:
        for seconds, seed in ((1.2, 71), (3.0, 72), (3.0, 73)):
            found = await speech_in(silence(0.3) + to_pcm(made(kind, seconds, seed)), new_detector()())
            if found:
                heard.append(words_with_prompt(to_floats(found), hint))

    assert len(heard) >= 4
    assert sum(map(bool, heard)) <= 1, heard


@pytest.mark.parametrize(
    ("language", "said"),
    [("es", "sí no vale stop para espera gracias hola"), ("en", "yes no okay stop wait thanks hello sure")],
)
async def test_short_words_are_words(language: Locale, said: str):
    need_espeak()
    heard: dict[str, str] = {}
    async with running(library_or_refusal()) as engine:
        espeak = EspeakSynthesiser(engine)
        for word in said.split():
            pcm = pcm_of(await all_of(espeak.speak(Speech(word, language))))
            at_ears = soxr.resample(to_floats(pcm), espeak.sample_rate_hz, EAR_RATE_HZ)
            found = await speech_in(silence(0.3) + to_pcm(at_ears), new_detector()())
            heard[word] = words_with_prompt(to_floats(found), language)

    assert sum(not text for text in heard.values()) <= 1, heard


def words_with_prompt(samples: Samples, hint: Locale) -> str:
    return understood(whisper(), samples, Asked("auto", PROMPTS), hint, "fast").text
