"""The passes of the recogniser over one utterance: the newest counts. See test_hearing.py for the rest."""

import asyncio
from typing import Any

import pytest

from app.errors import VoiceBusy, WorkerFailed
from app.speech.detection.barge_in import prompt_for
from app.speech.turns.speculative_transcriber import (
    MAX_JOINED_S,
    SpeculativeTranscriber,
    TranscribedUtterance,
)
from tests.support.ears import Vocabulary, WordRecogniser, new_senses
from tests.support.virtual_time import virtual


class Scene:
    """An understanding and the words of its world."""

    def __init__(self, pass_s: float = 0.3) -> None:
        self.vocabulary = Vocabulary()
        self.recogniser = WordRecogniser(self.vocabulary, pass_s)
        self.understanding = SpeculativeTranscriber(new_senses(self.recogniser), "auto", lambda: "es")
        self.partials: list[tuple[str, bool]] = []
        self.understanding.on_partial = self._on_partial

    def _on_partial(self, text: str, language: str, speech_ms: float, *, is_urgent: bool) -> None:
        self.partials.append((text, is_urgent))

    def sound(self, text: str) -> bytes:
        return self.vocabulary.sound(text)


@virtual
async def test_newer_pass_takes_the_place_of_the_one_before():
    s = Scene()
    s.understanding.understand(s.sound("uno"), 300)
    await asyncio.sleep(0.1)
    s.understanding.understand(s.sound("uno dos."), 600)
    await asyncio.sleep(1)

    assert s.understanding.result(300) is None
    assert s.understanding.result(600) == TranscribedUtterance("uno dos.", "es", "", 1.0, may_be_all=True)
    assert s.recogniser.running == 0
    await s.understanding.aclose()


@virtual
async def test_what_was_understood_up_to_a_pause_is_forgotten_when_the_user_goes_on():
    s = Scene()
    s.understanding.understand(s.sound("uno"), 300)
    await asyncio.sleep(1)
    s.understanding.forget_stale(320)

    assert not s.understanding.knows(300)
    await s.understanding.aclose()


@virtual
async def test_pass_over_the_agents_voice_is_no_longer_all_but_says_what_was_said_so_far():
    s = Scene()
    s.understanding.understand(s.sound("uno"), 300, is_over_voice=True)
    await asyncio.sleep(0.2)
    s.understanding.forget_stale(320)
    s.understanding.listen_in(s.sound("uno dos"), 600, is_urgent=True)
    await asyncio.sleep(1)

    assert s.partials == [("uno", True)]
    assert not s.understanding.knows(300)
    assert len(s.recogniser.passes) == 1
    await s.understanding.aclose()


@virtual
async def test_words_that_go_on_are_understood_alone_and_with_those_before():
    s = Scene()
    s.understanding.understand(s.sound("en tokio?"), 600, s.sound("qué hora es"))
    await asyncio.sleep(1)

    result: Any = s.understanding.result(600)
    assert (result.text, result.whole) == ("en tokio?", "qué hora es en tokio?")
    await s.understanding.aclose()


@virtual
async def test_long_utterance_is_not_understood_twice():
    s = Scene()
    s.understanding.understand(s.sound("fin."), 600, bytes(MAX_JOINED_S * 32_000))
    await asyncio.sleep(1)

    result: Any = s.understanding.result(600)
    assert (result.text, result.whole, len(s.recogniser.passes)) == ("fin.", "", 1)
    await s.understanding.aclose()


@virtual
async def test_pass_that_fails_is_tried_once_more_as_the_final_one():
    s = Scene()
    s.recogniser.fails = [VoiceBusy()]
    s.understanding.understand(s.sound("uno."), 300)
    await asyncio.sleep(2)

    assert [each.urgency for each in s.recogniser.passes] == ["speculative", "final"]
    assert isinstance(s.understanding.result(300), TranscribedUtterance)
    await s.understanding.aclose()


@pytest.mark.parametrize(
    "fails",
    [[WorkerFailed(), WorkerFailed()], [RuntimeError()], [asyncio.CancelledError()]],
    ids=["twice", "by a bug", "as clients of services do in trouble"],
)
@virtual
async def test_pass_that_fails_is_an_error(fails: list[BaseException]):
    s = Scene()
    s.recogniser.fails = fails
    done: list[bool] = []
    s.understanding.on_done = lambda: done.append(True)
    s.understanding.understand(s.sound("uno."), 300)
    await asyncio.sleep(2)

    assert isinstance(s.understanding.result(300), WorkerFailed)
    assert done == [True]
    await s.understanding.aclose()


@virtual
async def test_urgent_look_takes_the_place_of_one_for_the_eye():
    s = Scene()
    s.understanding.listen_in(s.sound("uno"), 300, is_urgent=False)
    await asyncio.sleep(0.1)
    s.understanding.listen_in(s.sound("uno dos"), 600, is_urgent=False)
    s.understanding.listen_in(s.sound("uno dos tres"), 900, is_urgent=True)
    await asyncio.sleep(1)

    assert s.partials == [("uno dos tres", True)]
    await s.understanding.aclose()


@pytest.mark.parametrize(
    ("words", "is_over_voice", "is_spoken", "asked"),
    [
        ("para", True, True, True),
        ("para", True, False, False),
        ("para", False, True, False),
        ("cuánto es dos más dos y tres más tres", True, True, False),
    ],
    ids=["over", "may be a cough", "not over", "long"],
)
def test_doubtful_words_are_asked_for_in_short_speech_over_the_voice_alone(
    words: str, is_over_voice: bool, is_spoken: bool, asked: bool
):
    @virtual
    async def run() -> None:
        s = Scene()
        s.recogniser.is_doubtful = True
        s.understanding.understand(s.sound(words), 300, is_over_voice=is_over_voice, is_spoken=is_spoken)
        await asyncio.sleep(1)

        understood = s.understanding.result(300)
        assert isinstance(understood, TranscribedUtterance)
        assert (s.recogniser.passes[0].is_spoken, understood.is_doubtful) == (asked, asked)
        await s.understanding.aclose()

    run()


@virtual
async def test_doubtful_words_of_speech_that_goes_on_are_none_yet():
    s = Scene()
    s.recogniser.is_doubtful = True
    s.understanding.understand(s.sound("para"), 300, is_over_voice=True, is_spoken=True)
    await asyncio.sleep(0.2)
    s.understanding.forget_stale(320)
    await asyncio.sleep(1)

    assert s.partials == [("", True)]
    await s.understanding.aclose()


@virtual
async def test_short_speech_over_the_voice_is_understood_with_the_usual_words():
    s = Scene()
    s.understanding.understand(s.sound("para"), 300, is_over_voice=True)
    await asyncio.sleep(1)
    s.understanding.understand(s.sound("cuánto es dos más dos y tres más tres"), 2700, is_over_voice=True)
    await asyncio.sleep(1)
    s.understanding.understand(s.sound("para"), 3000)
    await asyncio.sleep(1)

    prompts = [utterance.prompt for utterance in s.recogniser.passes]
    assert prompts == [prompt_for("es"), "", ""]
    await s.understanding.aclose()
