"""Telephone calls, from the first ring to the hang-up, over a real server and a network of our own."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.errors import LlmUnavailable
from app.speech.base import AudioPiece, Speech, VoiceEngines
from app.speech.pcm import Resampler
from app.tools.base import Tool, ToolContext
from tests.phone.twilio import SECRET, PhoneCall, call_to
from tests.support.context import settings_with
from tests.support.ears import WORD_MS, FullStops, Vocabulary, WordRecogniser, new_senses, silence
from tests.support.scripted import Fails, ScriptedModel, calls, says
from tests.support.server import PATIENCE_S, Server, running_server
from tests.support.tool_bench import Args, a_tool
from tests.support.voices import MS_PER_WORD, CommaSplitter, WordySynthesiser

pytestmark = pytest.mark.alone
"""Sound takes as long as it lasts, and places in it are times."""

LONG = " ".join(f"palabra{n}" for n in range(30)) + "."


class PhoneVocabulary(Vocabulary):
    """Words whose levels mu-law has, eight steps apart: 15 of them."""

    STEP = 8

    def sound(self, text: str, word_ms: int = WORD_MS) -> bytes:
        return b"".join(
            (self._level(word) * self.STEP).to_bytes(2, "little") * (word_ms * 16) for word in text.split()
        )

    def words_in(self, pcm: bytes) -> str:
        samples = (int.from_bytes(pcm[n : n + 2], "little", signed=True) for n in range(0, len(pcm), 2))
        return super().words_in(b"".join(round(s / self.STEP).to_bytes(2, "little") for s in samples))


class QuietVoice(WordySynthesiser):
    """As loud as the quietest of the world's words: what is quieter than the agent may be its echo."""

    async def speak(self, speech: Speech) -> AsyncGenerator[AudioPiece, None]:
        level = PhoneVocabulary.STEP.to_bytes(2, "little")
        async for piece in super().speak(speech):
            yield AudioPiece(level * (len(piece.pcm) // 2), piece.words)


@dataclass
class Called:
    """A call to a server that hears and speaks; the world's words are sounds of one level."""

    call: PhoneCall
    server: Server
    vocabulary: Vocabulary
    model: ScriptedModel
    voice: WordySynthesiser

    def says(self, text: str, silence_ms: int = 1200) -> None:
        self.call.says(self.vocabulary.sound(text) + silence(silence_ms))

    def spoken(self) -> list[str]:
        """What the voice was asked to say."""
        return [speech.text.strip() for speech in self.voice.asked]

    @property
    def session(self) -> Any:
        (live,) = self.server.service.sessions
        return live.session

    def remembered(self, role: str = "assistant") -> list[str]:
        return [m["content"] for m in self.session.conversation_history if m["role"] == role]


@dataclass
class CallableServer:
    """A server that can be called; the world's words are sounds of one level."""

    server: Server
    vocabulary: Vocabulary
    model: ScriptedModel
    voice: WordySynthesiser


@asynccontextmanager
async def callable_server(
    *answers: Any, tools: Sequence[Tool] = (), **settings: Any
) -> AsyncIterator[CallableServer]:
    vocabulary = PhoneVocabulary()
    voice = QuietVoice()
    senses = new_senses(WordRecogniser(vocabulary, pass_s=0.01), FullStops())
    engines = VoiceEngines(senses, voice, CommaSplitter, new_rate=Resampler)
    model = ScriptedModel([says(answer) if isinstance(answer, str) else answer for answer in answers])
    chosen = settings_with(
        **{"llm_provider": "demo", "twilio_auth_token": SECRET, "phone_greeting": "off", **settings}
    )
    running = running_server(chosen, provider=model, tools=list(tools), engines=engines)
    async with running as server:
        yield CallableServer(server, vocabulary, model, voice)


@asynccontextmanager
async def called(*answers: Any, pace: float = 1.0, **more: Any) -> AsyncIterator[Called]:
    async with callable_server(*answers, **more) as there, call_to(there.server, pace) as call:
        yield Called(call, there.server, there.vocabulary, there.model, there.voice)


async def test_caller_is_heard_and_answered_in_telephone_sound():
    async with called("Sí, claro.") as talk:
        talk.says("hola.")
        await talk.call.until(what=lambda: len(talk.call.heard) >= 2 * MS_PER_WORD * 8)

        assert talk.model.requests[0].messages[-1]["content"].startswith("hola.")
        assert talk.call.sizes == {160}
        assert set(talk.call.events) == {"media", "mark"}


async def test_hang_up_ends_the_session():
    async with called() as talk:
        await talk.call.until(what=lambda: len(talk.server.service.sessions) == 1)
        await talk.call.sends("stop", sequenceNumber="7", stop={"accountSid": "AC0", "callSid": "CA0"})
        async with asyncio.timeout(PATIENCE_S):
            await talk.server.is_empty()
            await talk.call.socket.wait_closed()

        assert talk.call.socket.close_code == 1000


def words_heard(call: PhoneCall) -> int:
    """How many words a caller has heard; the voice makes all of one length."""
    voiced = len(bytes(call.heard).replace(b"\xff", b""))
    return int(voiced / 8 / MS_PER_WORD)


async def test_caller_is_greeted_at_once_without_the_model():
    async with called(phone_greeting="on", agent_name="Ada", phone_locale="en") as talk:
        await talk.call.until(what=lambda: "Hello, this is Ada." in " ".join(talk.spoken()))
        await talk.call.until(what=lambda: words_heard(talk.call) >= 9)

        assert talk.model.requests == []
        assert talk.remembered() == ["Hello, this is Ada. How can I help you?"]


async def test_greeting_may_be_words_of_ones_own():
    async with called(phone_greeting="Esta llamada la atiende una máquina.") as talk:
        await talk.call.until(what=talk.spoken)

        assert talk.spoken() == ["Esta llamada la atiende una máquina."]


async def test_speech_over_the_voice_clears_what_waits_to_be_played():
    async with called(LONG, "Dime.") as talk:
        talk.says("cuenta.")
        await talk.call.until(what=lambda: words_heard(talk.call) >= 3)
        talk.says("espera un momento por favor.")
        await talk.call.until(what=lambda: "Dime." in talk.spoken())
        heard = words_heard(talk.call)
        cut, *_ = talk.remembered()

        assert "clear" in talk.call.events and talk.call.cleared > 0
        # What was heard is what the model is told of: to the word, but for what was on its way.
        assert abs(len(cut.split()) - heard) <= 1, (cut, heard)
        assert LONG.startswith(cut) and len(cut) < len(LONG)


async def test_mark_that_was_cleared_is_not_taken_for_heard():
    """All that is out when the voice is cut comes back at once, as it does when it is played."""
    async with called(LONG, "Dime.") as talk:
        talk.says("cuenta.")
        await talk.call.until(what=lambda: words_heard(talk.call) >= 2)
        await talk.call.presses("5", "#")
        await talk.call.until(what=lambda: talk.call.cleared > 0)
        marks = len(talk.call.marks_back)
        await talk.call.until(what=lambda: "Dime." in talk.spoken())
        cut, *_ = talk.remembered()

        assert marks > words_heard(talk.call) * MS_PER_WORD // 100
        assert abs(len(cut.split()) - words_heard(talk.call)) <= 1


async def test_caller_who_hears_late_is_not_taken_to_have_heard_all():
    """A network that plays at half the pace: marks say so, and nothing else does."""
    async with called(LONG, "Dime.", pace=0.5) as talk:
        talk.says("cuenta.", silence_ms=1000)
        await talk.call.until(what=lambda: words_heard(talk.call) >= 5)
        await talk.call.presses("5", "#")
        await talk.call.until(what=lambda: "Dime." in talk.spoken())
        cut, *_ = talk.remembered()

        assert abs(len(cut.split()) - words_heard(talk.call)) <= 1


async def test_nod_over_the_voice_loses_nothing_of_it():
    words = 20
    answer = " ".join(f"palabra{n}" for n in range(words)) + "."
    async with called(answer) as talk:
        talk.says("cuenta.")
        await talk.call.until(what=lambda: words_heard(talk.call) >= 3)
        talk.says("ajá")
        await talk.call.until(what=lambda: words_heard(talk.call) >= words)

        assert "clear" in talk.call.events
        assert talk.remembered() == [answer]
        assert words_heard(talk.call) <= words + 2  # what was cleared, and heard just before, comes twice


async def test_keys_are_one_text_however_they_are_pressed():
    async with called("Gracias.", phone_locale="en") as talk:
        await talk.call.presses("1", "2", "3", "4")
        await talk.call.until(what=lambda: talk.model.requests)

        assert talk.remembered("user")[0].startswith("I press on the keypad: 1 2 3 4")


async def test_error_is_said():
    async with called([Fails(LlmUnavailable())], [Fails(LlmUnavailable())]) as talk:
        talk.says("hola.")
        await talk.call.until(what=lambda: "momento." in " ".join(talk.spoken()))

        assert "".join(speech.text for speech in talk.voice.asked) == LlmUnavailable().sentence("es")


@pytest.mark.parametrize(("key", "runs"), [("1", True), ("2", False)])
async def test_key_answers_what_waits_for_approval(key: str, runs: bool):
    done: list[str] = []

    async def work(args: Args, ctx: ToolContext) -> str:
        done.append(args.tag)
        return "ok"

    tool = a_tool(work, "open_door", approval=True)
    answers = [calls(("open_door", {"tag": "garaje"})), "Te pregunto.", "Hecho."]
    async with called(*answers, tools=[tool], tool_approval="writes") as talk:
        talk.says("abre.")
        how = "Di «sí, por favor» o «no, gracias», o pulsa 1 para sí o 2 para no."
        question = f"¿Permites que ejecute open door con tag: garaje? {how}"
        await talk.call.until(what=lambda: "no." in " ".join(talk.spoken()))
        await talk.call.presses(key)
        await talk.call.until(what=lambda: "Hecho." in talk.spoken())

        assert question in "".join(speech.text for speech in talk.voice.asked)
        assert done == (["garaje"] if runs else [])


@pytest.mark.parametrize(("word", "runs"), [("sí.", True), ("yes.", True), ("no.", False)])
async def test_spoken_word_answers_what_waits_for_approval(word: str, runs: bool):
    done: list[str] = []

    async def work(args: Args, ctx: ToolContext) -> str:
        done.append(args.tag)
        return "ok"

    tool = a_tool(work, "open_door", approval=True)
    answers = [calls(("open_door", {"tag": "garaje"})), "Te pregunto.", "Hecho."]
    async with called(*answers, tools=[tool], tool_approval="writes", pace=1.0) as talk:
        talk.says("abre.")
        await talk.call.until(what=lambda: "2 para no." in " ".join(talk.spoken()))
        await talk.call.until(
            what=lambda: not talk.call.sound_left and talk.session.state.value != "speaking"
        )
        talk.says(word)
        await talk.call.until(what=lambda: "Hecho." in talk.spoken())

        assert done == (["garaje"] if runs else [])
        assert [text.split(" ")[0] for text in talk.remembered("user")] == ["abre."]


async def test_talk_is_kept_after_the_hang_up(tmp_path: Path):
    url = f"sqlite+aiosqlite:///{tmp_path}/talks.db"
    async with called("Sí.", database_url=url) as talk:
        talk.says("hola.")
        await talk.call.until(what=lambda: words_heard(talk.call) >= 1 and talk.remembered())
        await talk.call.until(what=lambda: talk.session.state.value == "idle")
        session_id = talk.session.session_id
        await talk.call.sends("stop", stop={})
        await talk.server.is_empty()
        answer = await talk.server.get(f"/sessions/{session_id}/messages")

        said = [(m["role"], m["content"]) for m in answer.json()["messages"]]
        assert said == [("user", "hola."), ("assistant", "Sí.")]
