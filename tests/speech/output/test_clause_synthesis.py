"""The sound of one turn: how far ahead it is made, and what is kept of it. See test_mouth.py for the rest."""

import asyncio
import time
from typing import Any

import pytest

from app.protocol.events import AudioFrame, AudioStarted
from app.speech.base import Speech
from app.speech.output.clause_synthesis import AHEAD_MS, FRAME_MS, ClauseSynthesis
from app.speech.output.kept_sound import KEPT_MS
from tests.support.virtual_time import virtual
from tests.support.voices import BYTES_PER_MS, MS_PER_WORD, RATE_HZ, CommaSplitter, WordySynthesiser


def new_turn(said: list[Any], synthesiser: WordySynthesiser | None = None) -> ClauseSynthesis:
    return ClauseSynthesis(
        "t1",
        synthesiser or WordySynthesiser(),
        said.append,
        lambda text, is_first: Speech(text, "es", is_first=is_first),
        CommaSplitter(),
    )


@virtual
async def test_no_more_sound_is_made_ahead_than_its_bound():
    synthesiser, said = WordySynthesiser(), list[Any]()
    turn = new_turn(said, synthesiser)
    clause = " ".join(["palabra"] * 10)
    turn.say(", ".join([clause] * 50) + ", fin")
    await asyncio.sleep(0.05)

    made_ms = len(synthesiser.asked) * 10 * MS_PER_WORD
    assert made_ms <= AHEAD_MS + 1000 + 10 * MS_PER_WORD
    await turn.aclose()


@virtual
async def test_frames_are_whole_samples_and_not_too_long():
    said = list[Any]()
    turn = new_turn(said)
    turn.say("uno dos tres cuatro")
    await turn.finish()

    frames = [event for event in said if type(event) is AudioFrame]
    assert [frame.pcm for frame in frames if frame.is_last] in ([], [b""])
    sizes = [len(frame.pcm) for frame in frames if not frame.is_last]
    assert all(size % 2 == 0 and 0 < size <= FRAME_MS * BYTES_PER_MS for size in sizes)
    await turn.aclose()


@virtual
async def test_old_sound_is_forgotten_and_a_client_goes_on_with_what_is_kept():
    said = list[Any]()
    turn = new_turn(said)
    turn.say(" ".join(["palabra"] * 300))
    turn.breathe()
    await asyncio.sleep(50)

    turn.start_again_at(0, asyncio.get_running_loop().time())

    offset = [event for event in said if type(event) is AudioStarted][-1].offset_ms
    assert 50_000 - KEPT_MS * 1.2 <= offset <= 51_000 - KEPT_MS
    await turn.aclose()


@virtual
async def test_place_between_two_samples_is_none():
    said = list[Any]()
    turn = new_turn(said)
    turn.say("uno dos tres cuatro")
    turn.breathe()
    await asyncio.sleep(0.3)
    turn.start_again_at(100.03, asyncio.get_running_loop().time())

    assert (turn.playback.sent_ms * RATE_HZ / 1000) % 1 == 0
    await turn.aclose()


@virtual
async def test_long_text_is_cut_while_it_is_spoken_and_all_of_it_is_said_in_order():
    synthesiser = WordySynthesiser()
    turn = new_turn([], synthesiser)
    long = ", ".join(f"palabra{n} otra" for n in range(200))
    began = time.process_time()
    turn.say(long)
    turn.breathe()
    turn.say(", y ")
    turn.say("fin")
    lasted = time.process_time() - began
    await turn.finish()

    assert "".join(speech.text for speech in synthesiser.asked) == f"{long}, y fin"
    assert lasted < 1
    await turn.aclose()


@pytest.mark.parametrize("is_cut", [False, True])
def test_turn_that_is_over_keeps_no_sound(is_cut: bool):
    @virtual
    async def run() -> None:
        turn = new_turn([])
        turn.say("uno dos tres cuatro")
        turn.breathe()
        await asyncio.sleep(0.1)
        assert turn._sound
        await (turn.aclose() if is_cut else turn.finish())

        assert not turn._sound
        await turn.aclose()

    run()
