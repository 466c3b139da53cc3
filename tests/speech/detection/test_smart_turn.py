import subprocess
import sys

import numpy as np
import pytest
from faster_whisper.feature_extractor import FeatureExtractor

from app.speech.detection.smart_turn import WINDOW_SAMPLES, SmartTurn, features_of
from tests.support.models import MODELS_DIR, model
from tests.support.recordings import recording, silence

WHOLE = ["es_calcula", "es_hora", "es_barcelona", "es_espera", "en_time", "en_stop"]


@pytest.fixture(scope="module")
def smart_turn() -> SmartTurn:
    model("smart-turn-v3.2-cpu.onnx")
    return SmartTurn(MODELS_DIR)


@pytest.mark.parametrize("name", WHOLE)
def test_finished_sentence_sounds_finished(smart_turn: SmartTurn, name: str) -> None:
    """How sure it is differs with the processor's arithmetic: 0.70 at least where whole numbers saturate."""
    assert smart_turn.finished(recording(name) + silence(0.2)) > 0.6


def test_word_that_is_broken_off_does_not(smart_turn: SmartTurn) -> None:
    assert smart_turn.finished(recording("es_calcula")[: 2 * 16_000]) < 0.2


@pytest.mark.parametrize("pcm", [b"", b"\0\0", silence(20)], ids=["nothing", "a sample", "20 s of silence"])
def test_sound_without_anything_is_judged_too(smart_turn: SmartTurn, pcm: bytes) -> None:
    assert 0 <= smart_turn.finished(pcm) <= 1


def test_only_the_last_eight_seconds_count() -> None:
    recent = recording("es_calcula") * 4

    assert np.array_equal(features_of(silence(3) + recent[-2 * WINDOW_SAMPLES :]), features_of(recent))


def test_features_are_whispers_of_sound_that_stands_at_the_end() -> None:
    pcm = recording("es_hora")
    sound = np.zeros(WINDOW_SAMPLES, np.float32)
    sound[-len(pcm) // 2 :] = np.frombuffer(pcm, "<i2") / 32768
    evened = (sound - sound.mean()) / np.sqrt(sound.var() + 1e-7)

    features = features_of(pcm)

    theirs = FeatureExtractor(chunk_length=8)(evened, padding=0)[:, :800]
    assert features.shape == (80, 800)
    assert np.abs(features - theirs).max() < 1e-4


BESIDE_FORKS = """
import asyncio, os, threading, uvloop
from app.speech.detection.smart_turn import features_of

pictures = [0, 0]

def look(number):
    while True:
        features_of(bytes(32_000))
        pictures[number] += 1

async def speak():
    for _ in range(200):
        await (await asyncio.create_subprocess_exec("true")).wait()

for number in range(2):
    threading.Thread(target=look, args=(number,), daemon=True).start()
uvloop.run(speak())
before = list(pictures)
while not all(now > then for now, then in zip(pictures, before)):
    pass
os._exit(0)
"""


def test_two_threads_look_on_while_the_server_starts_programs() -> None:
    """A library that stops its threads at each fork would leave both of them waiting for ever."""
    assert subprocess.run([sys.executable, "-c", BESIDE_FORKS], timeout=120, check=False).returncode == 0
