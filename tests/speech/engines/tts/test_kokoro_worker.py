"""The model in two halves is the model."""

from typing import Any

import numpy as np
import onnxruntime
import pytest

from app.speech.engines.tts import kokoro, kokoro_worker
from app.speech.engines.tts.kokoro_symbols import phrases_of, write
from app.speech.engines.worker_wire import Handler, JobRefused
from app.speech.models.catalogue import KOKORO, VOICES_FILE
from tests.support.models import model

TOKENS = [["hola", ","], ["qué", ""], ["tal", "?"]]
SOUNDS = ["ˈola", "kˈe tˈal"]
FRONT: dict[str, Any] = {"do": "front", "tokens": TOKENS, "sounds": SOUNDS, "voice": "ef_dora", "speed": 1.0}


@pytest.fixture(scope="module")
def handler() -> Handler:
    options = {"model": str(model(KOKORO.files[0].path)), "voices": str(VOICES_FILE), "threads": 1}
    return kokoro_worker.load(options)


def whole_model(tokens: list[list[str]]) -> bytes:
    """The clause's sound by the model as it is."""
    phrases = phrases_of([(words, pause) for words, pause in tokens])  # pyright: ignore
    numbers = write(phrases, SOUNDS).numbers
    style = np.load(VOICES_FILE)["ef_dora"][len(numbers) - 1]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model(KOKORO.files[0].path)), options)
    feed = {"tokens": np.array([[0, *numbers, 0]]), "style": style, "speed": np.ones(1, dtype=np.float32)}
    [audio] = session.run(None, feed)
    return (np.clip(audio, -1, 1) * 32767).astype("<i2").tobytes()


@pytest.mark.timeout(180)
def test_front_and_vocoder_together_make_the_same_sound_as_the_whole(handler: Handler):
    [(front, body)] = handler(dict(FRONT), b"")
    [(_, pcm)] = handler({"do": "sound", "steps": front["steps"]}, body)

    assert pcm == whole_model(TOKENS)
    assert len(pcm) == front["steps"] * 300 * 2
    assert front["ends"] == sorted(front["ends"]) and len(front["ends"]) == 3
    assert front["silent"][0] < front["ends"][0] < front["ends"][-1] <= front["steps"]


def test_threads_without_work_sleep():
    options = {"model": str(model(KOKORO.files[0].path)), "voices": str(VOICES_FILE), "threads": 2}
    worker: Any = kokoro_worker.load(options)
    for session in (worker.__self__._front, worker.__self__._vocoder):
        entry = session.get_session_options().get_session_config_entry("session.intra_op.allow_spinning")
        assert entry == "0"


def test_layout_is_the_one_that_the_server_cuts_by():
    assert kokoro_worker.SHAPE_WIDTH * 4 == kokoro._SHAPE_BYTES  # pyright: ignore[reportPrivateUsage]
    assert kokoro_worker.SOURCE_WIDTH * 4 == kokoro._SOURCE_BYTES  # pyright: ignore[reportPrivateUsage]
    assert kokoro_worker.SOURCE_PER_STEP == kokoro._SOURCE_PER_STEP  # pyright: ignore[reportPrivateUsage]


def test_clause_without_symbols_is_refused(handler: Handler):
    with pytest.raises(JobRefused):
        list(handler({**FRONT, "tokens": [], "sounds": []}, b""))
