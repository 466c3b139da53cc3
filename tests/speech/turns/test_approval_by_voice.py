"""Approval aloud, in a world where words are levels of sound: what counts as an answer, and what does not."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest

from app.errors import WorkerFailed
from app.protocol.asking import ApprovalWays
from app.protocol.events import (
    ApprovalRequested,
    AudioTerms,
    Interrupted,
    MessageAccepted,
    SpeechStopped,
    ToolFinished,
    pcm16,
)
from app.speech.base import VoiceEngines
from app.speech.session_audio import SessionAudio
from app.speech.turns.approval_by_voice import AGAIN_AFTER_S
from app.tools.approval import NO, YES, is_no, is_yes
from app.tools.tool_call import ToolCall, ToolOutcome
from tests.support.context import settings_with
from tests.support.ears import FullStops, Vocabulary, WordRecogniser, new_senses, silence
from tests.support.scripted import ScriptedModel, calls, last_text, says
from tests.support.talk import Talk, Workshop, talk
from tests.support.virtual_time import virtual
from tests.support.voices import MS_PER_WORD, CommaSplitter, WordySynthesiser

BOTH = AudioTerms(pcm16(16_000), out=True)
SHOWN = ApprovalWays(aloud=True)
UNSEEN = {"keys": ApprovalWays(aloud=True, by_keys=True), "words": ApprovalWays(in_words=True, aloud=True)}
QUESTION = "¿Permites que ejecute send con tag: x? Di «sí, por favor» o «no, gracias»."
QUESTION_S = len(QUESTION.split()) * MS_PER_WORD / 1000


class Phone:
    """A session that hears and speaks, and its user."""

    def __init__(self, t: Talk, workshop: Workshop) -> None:
        self.t = t
        self.workshop = workshop
        self.vocabulary = Vocabulary()
        self.recogniser = WordRecogniser(self.vocabulary)
        self.synthesiser = WordySynthesiser()
        self.engines = VoiceEngines(new_senses(self.recogniser, FullStops()), self.synthesiser, CommaSplitter)
        self.voice = SessionAudio(t.session, t.conversation, settings_with(), lambda: self.engines)

    async def hears(self, pcm: bytes) -> None:
        for start in range(0, len(pcm), 640):
            self.voice.take(pcm[start : start + 640])
            await asyncio.sleep(0.02)
            self.t.drain()

    async def says(self, text: str, silence_ms: int = 1500) -> None:
        await self.hears(self.vocabulary.sound(text) + silence(silence_ms))

    async def waits(self, seconds: float) -> None:
        """The user is silent."""
        await self.hears(silence(round(seconds * 1000)))

    async def until(self, so: Callable[[], Any], seconds: float = 60) -> None:
        for _ in range(round(seconds / 0.1)):
            if so():
                return
            await self.waits(0.1)
        raise AssertionError("it has not come to that")

    async def is_asked(self, times: int = 1) -> None:
        """The question has been heard to its end."""
        await self.until(lambda: self.questions >= times and self.t.session.state.value != "speaking")
        await self.waits(0.1)

    @property
    def questions(self) -> int:
        """How often a question was heard, whole or not."""
        return sum(m["content"].startswith("¿Permites") for m in self.of("assistant"))

    def of(self, role: str) -> list[Any]:
        return [m for m in self.t.session.conversation_history if m["role"] == role and m.get("content")]

    @property
    def texts(self) -> list[str]:
        return [m["content"] for m in self.of("user")]

    @property
    def asked(self) -> list[str]:
        return [event.call_id for event in self.t.events(ApprovalRequested)]

    @property
    def endings(self) -> list[tuple[str, str | None]]:
        return [(event.status, event.reason) for event in self.t.events(ToolFinished)]

    async def ends(self) -> None:
        await self.until(lambda: not self.t.session.pending_tools and not self.t.conversation.is_busy)


def answers(request: Any) -> Any:
    """A model that sends once for each text that says so, and tells what comes of it."""
    last = last_text(request)
    if last.startswith("envía"):
        return calls(*(("send", {"tag": tag}) for tag in "xyz"[: last.split(".")[0].count("a")]))
    return says("Te pregunto." if "espera a que el usuario" in last else "Bien.")


@asynccontextmanager
async def phone(
    ways: ApprovalWays = SHOWN, model: Any = answers, timeout_s: float = 60, terms: AudioTerms = BOTH
) -> AsyncIterator[Phone]:
    workshop = Workshop()
    settings = settings_with(tool_approval="writes", approval_timeout_s=timeout_s)
    scripted = ScriptedModel(model)
    async with talk(scripted, [workshop.tool("send", "write")], settings, ways) as t:
        phone = Phone(t, workshop)
        phone.voice.configure(terms)
        try:
            yield phone
        finally:
            await t.conversation.aclose()
            await phone.voice.aclose()


SENT = [("send", "x")]


# The words


@pytest.mark.parametrize("text", [*sorted(NO), "¡No!", "No, gracias.", "Don't.", "No way!"])
def test_what_refuses(text: str):
    assert is_no(text) and not is_yes(text)


@pytest.mark.parametrize("text", [*sorted(YES), "", "no sé", "no, mañana", "¿no?", "not yet", "nota"])
def test_what_does_not_refuse(text: str):
    assert not is_no(text)


ways_of_all = pytest.mark.parametrize("ways", [SHOWN, *UNSEEN.values()], ids=["shown", *UNSEEN])


@ways_of_all
@pytest.mark.parametrize(
    ("words", "runs"),
    [
        ("sí.", True),
        ("adelante.", True),
        ("Yes.", True),
        ("go ahead.", True),
        ("no.", False),
        ("No, gracias.", False),
        ("don't do it.", False),
    ],
)
def test_word_that_is_said_to_the_question_decides_and_is_no_text(ways: ApprovalWays, words: str, runs: bool):
    @virtual
    async def run() -> None:
        async with phone(ways) as p:
            p.t.says("envía")
            await p.is_asked()
            await p.says(words)
            await p.ends()

            assert p.workshop.runs == (SENT if runs else [])
            assert p.endings == [("done", None) if runs else ("cancelled", "denied")]
            assert p.texts == ["envía"] and p.questions == 1
            [stopped] = p.t.events(SpeechStopped)
            assert (stopped.empty, stopped.answer) == (True, words)
            assert not any(words in last_text(request) for request in p.t.model.requests)

    run()


@ways_of_all
@pytest.mark.parametrize("words", ["sí, pero mañana.", "qué hora es?", "yes but not now.", "sí?"])
def test_anything_else_is_a_text_and_the_call_goes_on_waiting(ways: ApprovalWays, words: str):
    @virtual
    async def run() -> None:
        async with phone(ways) as p:
            p.t.says("envía")
            await p.is_asked()
            await p.says(words)
            await p.until(lambda: len(p.texts) == 2)

            assert p.texts[1].startswith(words)
            assert p.workshop.runs == [] and p.endings == []
            await p.is_asked(2)
            await p.says("sí.")
            await p.ends()
            assert p.workshop.runs == SENT

    run()


@virtual
async def test_question_is_said_in_the_language_of_the_talk_and_is_no_turn_of_the_model():
    async with phone() as p:
        p.t.session.spoken_language = "en"
        p.t.says("envía")
        await p.until(
            lambda: any("Say “yes, please” or “no, thanks”." in m["content"] for m in p.of("assistant"))
        )
        said = "".join(speech.text for speech in p.synthesiser.asked)
        p.t.conversation.tools.approvals.answer(p.asked[0], approved=False)
        await p.ends()

        assert "May I run send with tag: x? Say “yes, please” or “no, thanks”." in said
        assert len(p.t.model.requests) == 3  # the call, «Te pregunto», the result


@pytest.mark.parametrize(
    ("ways", "terms", "how"),
    [
        (SHOWN, BOTH, "Di «sí, por favor» o «no, gracias»."),
        (UNSEEN["keys"], BOTH, "Di «sí, por favor» o «no, gracias», o pulsa 1 para sí o 2 para no."),
        (UNSEEN["keys"], AudioTerms(None, out=True), "Pulsa 1 para sí o 2 para no."),
    ],
)
def test_question_names_the_ways_to_answer(ways: ApprovalWays, terms: AudioTerms, how: str):
    @virtual
    async def run() -> None:
        async with phone(ways, terms=terms, timeout_s=5) as p:
            p.t.says("envía")
            await asyncio.sleep(10)
            said = "".join(speech.text for speech in p.synthesiser.asked)
            assert f"¿Permites que ejecute send con tag: x? {how}" in said
            await asyncio.sleep(20)

    run()


@virtual
async def test_question_says_what_may_happen_twice_and_reads_no_long_arguments_to_their_end():
    async with phone() as p:
        run = ToolCall("c1", "t1", "pay_bill", orjson.dumps({"text": "x" * 5000}).decode(), 0.0, "write")
        bare = ToolCall("c1", "t1", "pay_bill", "{}", 0.0, "write")
        assert (
            p.voice._approval._words(bare)
            == "¿Permites que ejecute pay bill? Di «sí, por favor» o «no, gracias»."
        )
        run.unsettled = bare
        bare.ending = ToolOutcome("timed_out")
        words = p.voice._approval._words(run)

        assert words.startswith("Atención:") and "…" in words and len(words) < 500


# Each of the conditions, failing alone

Spoils = Callable[[Phone], Awaitable[None]]


async def unsure(p: Phone) -> None:
    await p.is_asked()
    p.recogniser.confidence = 0.3
    await p.says("sí.")
    p.recogniser.confidence = 1.0


async def before_it_was_asked(p: Phone) -> None:
    await p.says("sí.")


async def begins_to_be_asked(p: Phone) -> None:
    await p.until(lambda: p.synthesiser.asked and p.synthesiser.asked[-1].text.endswith("gracias»."))


async def over_the_question(p: Phone) -> None:
    await begins_to_be_asked(p)
    await p.waits(QUESTION_S / 2)
    await p.says("confirmo.")  # a nod would not even be looked at


async def begun_over_the_question(p: Phone) -> None:
    """Its end is heard after the question's, its beginning was not."""
    await begins_to_be_asked(p)
    await p.waits(QUESTION_S - 0.6)
    await p.hears(p.vocabulary.sound("confirmo.", 1000) + silence(1000))


async def sent_and_not_heard(p: Phone) -> None:
    """The client says that it plays late: by the clock of what was sent the question is over."""
    await begins_to_be_asked(p)
    turn_id = p.t.conversation.running_turn.turn_id  # type: ignore[union-attr]
    for _ in range(round(QUESTION_S * 1.5 / 0.1)):
        p.voice.played(turn_id, 0)
        await p.waits(0.1)
    await p.says("confirmo.", silence_ms=1000)


async def heard_late_and_said_early(p: Phone) -> None:
    """It came before the question was over, behind so much sound that it is listened to after that."""
    await begins_to_be_asked(p)
    await p.waits(QUESTION_S - 0.3)
    assert p.questions == 0 or p.t.conversation.running_turn is not None
    p.voice.take(silence(6000) + p.vocabulary.sound("sí.") + silence(1500))
    await asyncio.sleep(3)


async def another_question_was_asked(p: Phone) -> None:
    await p.is_asked()
    await p.says("qué hora es?")
    await p.until(lambda: len(p.texts) == 2 and not p.t.conversation.is_busy)
    await p.says("sí.")


async def something_was_typed(p: Phone) -> None:
    await p.is_asked()
    p.t.says("hola")
    await p.until(lambda: len(p.texts) == 2 and not p.t.conversation.is_busy)
    await p.says("sí.")


async def its_time_was_over(p: Phone) -> None:
    await p.is_asked()
    await p.until(lambda: p.endings, 100)
    await p.ends()
    await p.says("sí.")


async def the_client_was_gone_meanwhile(p: Phone) -> None:
    await p.is_asked()
    p.voice.client_left()
    await asyncio.sleep(1)
    p.voice.client_came()
    await p.says("sí.", silence_ms=1000)


@pytest.mark.parametrize(
    "spoils",
    [
        unsure,
        before_it_was_asked,
        over_the_question,
        begun_over_the_question,
        sent_and_not_heard,
        heard_late_and_said_early,
        another_question_was_asked,
        something_was_typed,
        its_time_was_over,
        the_client_was_gone_meanwhile,
    ],
    ids=lambda spoils: spoils.__name__,
)
def test_yes_does_not_count_where(spoils: Spoils):
    @virtual
    async def run() -> None:
        async with phone(timeout_s=30) as p:
            p.t.says("envía")
            await spoils(p)

            assert p.workshop.runs == []
            assert all(stopped.answer == "" for stopped in p.t.events(SpeechStopped))
            await p.until(lambda: p.endings, 100)
            await p.ends()
            assert p.workshop.runs == [] and p.endings == [("cancelled", "expired")]

    run()


# How often, for how long, and for which


@ways_of_all
def test_it_is_asked_once_more_after_some_quiet_and_then_it_expires(ways: ApprovalWays):
    @virtual
    async def run() -> None:
        async with phone(ways) as p:
            p.t.says("envía")
            await p.is_asked()
            await p.waits(AGAIN_AFTER_S - 1)
            assert p.questions == 1
            await p.is_asked(2)
            await p.until(lambda: p.endings, 100)
            await p.ends()

            assert p.questions == 2
            assert p.endings == [("cancelled", "expired")]

    run()


@pytest.mark.parametrize("kind", UNSEEN)
def test_where_nobody_sees_it_the_time_begins_when_the_question_was_heard(kind: str):
    @virtual
    async def run() -> None:
        async with phone(UNSEEN[kind], timeout_s=QUESTION_S) as p:
            p.t.says("envía")
            await p.is_asked()
            assert p.endings == []
            await p.waits(QUESTION_S - 1)
            await p.says("sí.")
            await p.ends()

            assert p.workshop.runs == SENT

    run()


@ways_of_all
def test_several_are_asked_for_one_after_another(ways: ApprovalWays):
    @virtual
    async def run() -> None:
        async with phone(ways) as p:
            p.t.says("envía a a")
            for count, word in enumerate(("sí.", "no.", "yes."), 1):
                await p.until(lambda count=count: p.questions == count)
                await p.is_asked(count)
                await p.says(word)
            await p.ends()

            assert p.workshop.runs == [("send", "x"), ("send", "z")]
            assert p.questions == 3 and p.texts == ["envía a a"]

    run()


@virtual
async def test_one_that_is_not_answered_makes_room_for_the_next():
    async with phone(timeout_s=100) as p:
        p.t.says("envía a")
        await p.is_asked(3)
        said = [m["content"] for m in p.of("assistant") if m["content"].startswith("¿Permites")]
        await p.says("sí.")
        await p.until(lambda: p.workshop.runs)

        assert [question.split("tag: ")[1][0] for question in said] == ["x", "x", "y"]
        assert p.workshop.runs == [("send", "y")]
        p.t.conversation.tools.approvals.answer(p.asked[0], approved=False)
        await p.ends()


# Races


@pytest.mark.parametrize(("words", "ending"), [("sí.", "done"), ("no.", "cancelled"), ("sé lo que.", None)])
@ways_of_all
def test_who_begins_in_time_has_answered_in_time(ways: ApprovalWays, words: str, ending: str | None):
    """The time ends while they speak, and once more while it is understood."""

    @virtual
    async def run() -> None:
        for late_s in (0.1, 0.5):
            async with phone(ways, timeout_s=15) as p:
                p.t.says("envía")
                await p.is_asked()
                approvals = p.t.conversation.tools.approvals
                [waiting] = approvals._waiting.values()
                await p.waits(max(approvals._left_s(waiting) - late_s, 0))
                await p.says(words, silence_ms=200 if ending else 2000)
                if ending:
                    assert p.endings == [], late_s
                    await p.waits(1.5)
                await p.ends()

                reason = {"done": None, "cancelled": "denied", None: "expired"}[ending]
                assert p.endings == [(ending or "cancelled", reason)], late_s

    run()


@virtual
async def test_recogniser_that_fails_over_an_answer_lets_it_expire():
    async with phone(timeout_s=12) as p:
        p.t.says("envía")
        await p.is_asked()
        p.recogniser.fails = [WorkerFailed("died"), WorkerFailed("died")]
        [waiting] = p.t.conversation.tools.approvals._waiting.values()
        await p.waits(p.t.conversation.tools.approvals._left_s(waiting) - 0.1)
        await p.says("sí.", silence_ms=2500)
        await p.ends()

        assert p.endings == [("cancelled", "expired")]


@pytest.mark.parametrize("how", ["approved", "denied", "cancelled"])
def test_answer_that_comes_second_is_nothing_at_all(how: str):
    @virtual
    async def run() -> None:
        async with phone() as p:
            p.t.says("envía")
            await p.is_asked()
            await p.hears(p.vocabulary.sound("sí."))
            if how == "cancelled":
                p.t.conversation.tools.cancel(p.asked[0])
            else:
                p.t.conversation.tools.approvals.answer(p.asked[0], approved=how == "approved")
            await p.waits(1.5)
            await p.ends()

            assert p.workshop.runs == (SENT if how == "approved" else [])
            assert p.texts == ["envía"]

    run()


@virtual
async def test_card_that_is_answered_first_ends_the_question():
    async with phone() as p:
        p.t.says("envía")
        await p.until(lambda: p.synthesiser.asked and p.synthesiser.asked[-1].text.endswith("gracias»."))
        await p.waits(0.5)
        p.t.conversation.tools.approvals.answer(p.asked[0], approved=True)
        await p.ends()

        assert p.workshop.runs == SENT
        assert len(p.t.events(Interrupted)) == 1
        assert not any(QUESTION in m["content"] for m in p.of("assistant"))


@virtual
async def test_question_that_waits_in_line_is_not_said_once_it_is_answered():
    async with phone() as p:
        p.t.says("envía")
        await p.until(lambda: p.asked)
        p.t.conversation.tools.approvals.answer(p.asked[0], approved=True)
        await p.ends()

        assert p.questions == 0 and p.workshop.runs == SENT
        assert "¿Permites" not in "".join(speech.text for speech in p.synthesiser.asked)


@virtual
async def test_question_that_was_cut_is_asked_once_more():
    async with phone() as p:
        p.t.says("envía")
        await p.until(lambda: p.synthesiser.asked and p.synthesiser.asked[-1].text.endswith("gracias»."))
        await p.waits(0.6)
        await p.says("espera un momento por favor.")
        assert len(p.t.events(Interrupted)) == 1
        await p.is_asked(2)
        await p.says("sí.")
        await p.ends()

        assert p.workshop.runs == SENT


@virtual
async def test_client_that_comes_back_is_asked_anew_and_may_answer():
    async with phone() as p:
        p.t.says("envía")
        await p.is_asked(2)
        p.voice.client_left()
        await asyncio.sleep(10)
        p.voice.client_came()
        await p.is_asked(3)
        await p.says("sí.")
        await p.ends()

        assert p.workshop.runs == SENT


@virtual
async def test_what_was_said_right_before_the_client_was_gone_counts():
    async with phone() as p:
        p.t.says("envía")
        await p.is_asked()
        await p.hears(p.vocabulary.sound("sí."))
        p.voice.client_left()
        await asyncio.sleep(3)
        assert p.workshop.runs == SENT
        p.voice.client_came()
        await p.ends()


@pytest.mark.parametrize(
    ("ways", "terms", "asks"),
    [
        (SHOWN, AudioTerms(None, out=True), False),
        (SHOWN, AudioTerms(pcm16(16_000), out=False), False),
        (UNSEEN["keys"], AudioTerms(None, out=True), True),
        (ApprovalWays(in_words=True), BOTH, False),
    ],
)
def test_who_cannot_answer_aloud_is_not_asked_aloud(ways: ApprovalWays, terms: AudioTerms, asks: bool):
    @virtual
    async def run() -> None:
        async with phone(ways, terms=terms, timeout_s=20) as p:
            p.t.says("envía")
            await asyncio.sleep(15)
            assert (p.questions > 0) is asks
            await asyncio.sleep(10)
            assert p.endings == [("cancelled", "expired")] or asks
            await asyncio.sleep(20)
            assert p.endings == [("cancelled", "expired")]

    run()


@virtual
async def test_sound_that_ends_takes_the_question_back_and_sound_that_comes_brings_it():
    async with phone() as p:
        p.t.says("envía")
        await p.until(lambda: p.synthesiser.asked and p.synthesiser.asked[-1].text.endswith("gracias»."))
        p.voice.configure(AudioTerms())
        await asyncio.sleep(AGAIN_AFTER_S * 2)
        asked = len(p.synthesiser.asked)
        p.voice.configure(BOTH)
        await p.until(lambda: len(p.synthesiser.asked) > asked)
        await p.is_asked()
        await p.waits(1)
        await p.says("sí.")
        await p.ends()

        assert p.workshop.runs == SENT


@virtual
async def test_push_to_talk_answers_too():
    manual = AudioTerms(pcm16(16_000), out=True, is_manual=True)
    async with phone(terms=manual) as p:
        p.t.says("envía")
        await p.is_asked()
        await p.says("sí.", silence_ms=0)
        p.voice.commit()
        await p.ends()

        assert p.workshop.runs == SENT and p.texts == ["envía"]


@pytest.mark.parametrize(("words", "runs"), [("sí", SENT), ("qué hora es", []), ("no", [])])
def test_typed_words_count_beside_those_that_are_said(words: str, runs: list[Any]):
    """On a wire without a message for it; what is neither yes nor no leaves the call waiting."""

    @virtual
    async def run() -> None:
        async with phone(UNSEEN["words"]) as p:
            p.t.says("envía")
            await p.is_asked()
            p.t.conversation.tools.approvals.answer_in_words(words)
            await p.waits(0.5)

            assert p.workshop.runs == runs
            assert p.t.events(MessageAccepted)
            assert (p.endings == []) is (words == "qué hora es")
            for run in list(p.t.conversation.tools.running):
                p.t.conversation.tools.cancel(run)
            await p.ends()

    run()
