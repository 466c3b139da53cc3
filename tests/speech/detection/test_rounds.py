"""Frames of several streams judged together: the same verdicts, in fewer runs, and nobody waits long."""

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest

from app.speech.detection.rounds import MOST_AT_ONCE, ROUND_S, Rounds
from app.speech.detection.utterances import FRAME_BYTES
from app.speech.detection.vad import VoiceActivity
from tests.support.models import MODELS_DIR, model
from tests.support.recordings import recording
from tests.support.virtual_time import virtual


class Judge:
    """Judges a frame by its length, and remembers how many came at once and when."""

    def __init__(self) -> None:
        self.rounds: list[tuple[float, int]] = []
        self.fails = False

    def __call__(self, frames: Sequence[tuple[str, bytes]]) -> list[float]:
        if self.fails:
            self.fails = False
            raise ValueError("no model")
        self.rounds.append((asyncio.get_running_loop().time(), len(frames)))
        return [float(len(frame)) for _, frame in frames]


@virtual
async def test_one_stream_alone_does_not_wait():
    judge = Judge()
    rounds = Rounds[str](judge)
    began = asyncio.get_running_loop().time()
    for frame in range(3):
        await rounds.judged("a", b"x" * frame)
        await asyncio.sleep(0.032)

    assert [round(at - began, 3) for at, _ in judge.rounds] == [0, 0.032, 0.064]


@virtual
async def test_those_that_come_soon_after_a_round_are_judged_together():
    judge = Judge()
    rounds = Rounds[str](judge)
    began = asyncio.get_running_loop().time()

    async def one(number: int) -> float:
        await asyncio.sleep(number * 0.001)
        return await rounds.judged(str(number), b"x" * number)

    found = await asyncio.gather(*map(one, range(8)))

    assert found == list(range(8))
    assert [(round(at - began, 3), count) for at, count in judge.rounds] == [(0, 1), (ROUND_S, 7)]


@virtual
async def test_crowd_is_judged_in_several_turns_of_the_loop():
    judge = Judge()
    rounds = Rounds[str](judge)
    found = await asyncio.gather(*(rounds.judged(str(n), b"x") for n in range(2 * MOST_AT_ONCE + 1)))

    assert len(found) == 2 * MOST_AT_ONCE + 1
    assert [count for _, count in judge.rounds] == [MOST_AT_ONCE, MOST_AT_ONCE, 1]


@virtual
async def test_stream_that_ends_or_a_model_that_fails_holds_up_no_other():
    judge = Judge()
    rounds = Rounds[str](judge)
    ends = asyncio.create_task(rounds.judged("ends", b"x"))
    stays = asyncio.create_task(rounds.judged("stays", b"xx"))
    await asyncio.sleep(0)
    ends.cancel()

    assert await stays == 2
    judge.fails = True
    with pytest.raises(ValueError, match="no model"):
        await rounds.judged("stays", b"x")
    assert await rounds.judged("stays", b"xxx") == 3


@pytest.mark.parametrize("is_narrow", [True, False])
async def test_verdicts_are_those_of_streams_on_their_own(is_narrow: bool):
    model("silero_vad.onnx")
    activity = VoiceActivity(MODELS_DIR)
    names = ("es_calcula", "es_espera", "en_stop", "ruido")
    frames = [
        [recording(name)[at : at + FRAME_BYTES] for at in range(0, 40 * FRAME_BYTES, FRAME_BYTES)]
        for name in names
    ]

    async def together(own: list[bytes]) -> list[float]:
        stream = activity.stream(is_narrow=is_narrow)
        found: list[float] = []
        for frame in own:
            await stream.foresee(frame)
            found.append(stream(frame))
        return found

    heard = await asyncio.gather(*map(together, frames))

    for own, found in zip(frames, heard, strict=True):
        alone = activity.stream(is_narrow=is_narrow)
        assert np.allclose([alone(frame) for frame in own], found, atol=1e-3)
