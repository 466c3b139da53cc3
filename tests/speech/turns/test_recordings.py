"""What is said in a recording, by a detector whose world has words for sounds, and by the real one."""

import asyncio
from collections.abc import Callable

import numpy as np
import pytest

from app.speech.base import EAR_RATE_HZ
from app.speech.detection.detector import UtteranceDetector
from app.speech.pcm import to_pcm
from app.speech.turns.recordings import PAUSE_MS, speech_in
from bench.voice.unspoken import made
from tests.support.clips import recording, recordings, silence
from tests.support.ears import LevelDetector, Vocabulary
from tests.support.ears import silence as quiet
from tests.support.models import MODELS_DIR, model


async def words(*parts: str | int) -> str:
    """What is found in words and silences of so many milliseconds."""
    vocabulary = Vocabulary()
    sound = b"".join(quiet(part) if isinstance(part, int) else vocabulary.sound(part) for part in parts)
    return vocabulary.words_in(await speech_in(sound, LevelDetector()))


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        (("hola",), "hola"),
        ((500, "hola", 300, "qué tal", 500), "hola qué tal"),
        ((3000, "uno", 5000, "dos", 4000), "uno dos"),
        ((3000,), ""),
        ((), ""),
    ],
)
async def test_words_of_a_recording_are_found_and_silence_is_none(parts: tuple[str | int, ...], found: str):
    assert await words(*parts) == found


async def test_long_silence_inside_is_left_out():
    vocabulary = Vocabulary()
    sound = vocabulary.sound("uno") + quiet(10_000) + vocabulary.sound("dos")

    assert len(await speech_in(sound, LevelDetector())) < len(vocabulary.sound("uno dos")) + len(
        quiet(PAUSE_MS)
    )


async def test_others_have_their_turn_while_a_minute_is_judged():
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    await speech_in(quiet(60_000), LevelDetector())
    task.cancel()

    assert turns > 500


def real() -> Callable[[], UtteranceDetector]:
    model("silero_vad.onnx")
    from app.speech.detection.vad import VoiceActivity

    activity = VoiceActivity(MODELS_DIR)
    return lambda: UtteranceDetector(activity.stream(), 60)


@pytest.mark.parametrize("level", [1.0, 0.1])
async def test_each_recording_is_speech_from_its_first_to_its_last_word(level: float):
    detector = real()
    for one in recordings():
        if not one.text:
            continue
        sound = (np.frombuffer(one.pcm, "<i2") * level).astype("<i2").tobytes()
        found = await speech_in(silence(1.5) + sound + silence(1.5), detector())

        assert 0.5 * len(one.pcm) < len(found) < len(one.pcm) + len(silence(0.8)), one.id


KINDS_WITHOUT_A_VOICE = (
    "white", "pink", "brown", "tone", "beeps", "chord", "mains", "siren", "clicks", "keyboard",
    "breath", "rustle", "wind",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS_WITHOUT_A_VOICE)
@pytest.mark.parametrize("seconds", [0.4, 3.0])
async def test_sounds_without_a_voice_never_reach_the_recogniser(kind: str, seconds: float):
    detector = real()
    for seed in (100, 101):
        for peak in (0.02, 0.9):
            assert await speech_in(to_pcm(made(kind, seconds, seed, peak)), detector()) == b"", (seed, peak)


async def test_words_between_noises_are_what_is_left():
    noise = to_pcm(made("white", 4.0, 1, 0.05))
    said = recording("es_barcelona").pcm

    found = await speech_in(noise + said + noise, real()())

    assert abs(len(found) - len(said)) < EAR_RATE_HZ * 2
