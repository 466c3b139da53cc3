"""When the user has said something, and what becomes of it: in a world where words are levels of sound."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from app.conversation.injected_message import InjectedMessage
from app.errors import LlmUnavailable, VoiceBusy, WorkerFailed
from app.llm.base import ChatRequest
from app.protocol.events import (
    AudioFrame,
    ErrorOccurred,
    Interrupted,
    MessageAccepted,
    PlaybackHint,
    ResponseComplete,
    SpeechStarted,
    SpeechStopped,
    StateChanged,
    TranscriptHeard,
)
from app.session.budget import Budget, Budgets
from app.session.state import SessionState
from app.speech.output.tts_output import SpeechTarget, TtsOutput, VoiceChoice
from app.speech.turns.audio_input import AudioInputBuffer
from app.speech.turns.barge_in_controller import BargeInController
from app.speech.turns.speculative_transcriber import SpeculativeTranscriber
from app.speech.turns.utterance_tracker import UtteranceTracker
from tests.support.context import settings_with
from tests.support.ears import FullStops, LevelDetector, Vocabulary, WordRecogniser, new_senses, silence
from tests.support.scripted import Answer, Fails, Pause, Says, ScriptedModel, calls, last_text, says
from tests.support.talk import Talk, Workshop, talk
from tests.support.virtual_time import virtual
from tests.support.voices import CommaSplitter, WordySynthesiser

MAX_SECONDS = 20
LONG = says(" ".join(["palabra"] * 40))


@dataclass
class Room:
    """A talk with an ear and a mouth, and a user who speaks in real time."""

    t: Talk
    audio_input: AudioInputBuffer
    speech_output: TtsOutput | None
    voice: WordySynthesiser
    judge: FullStops
    recogniser: WordRecogniser
    vocabulary: Vocabulary

    async def speaks(self, text: str, word_ms: int = 300) -> None:
        await self.hears(self.vocabulary.sound(text, word_ms))

    async def pauses(self, ms: int) -> None:
        await self.hears(silence(ms))

    async def hears(self, pcm: bytes) -> None:
        for start in range(0, len(pcm), 640):
            self.audio_input.take(pcm[start : start + 640])
            await asyncio.sleep(0.02)
            self.t.drain()

    async def rests(self) -> None:
        """Silence until nothing goes on any more."""
        await self.pauses(2000)
        while self.t.conversation.is_busy:
            await self.pauses(100)

    async def passes_until_idle(self) -> None:
        """A minute at most in which no sound comes."""
        for _ in range(600):
            await asyncio.sleep(0.1)
            self.t.drain()
            if not self.t.conversation.is_busy and not self.t.session.is_heard_speaking:
                return

    def of(self, *kinds: type) -> list[Any]:
        return self.t.events(*kinds)

    def users(self) -> list[str]:
        return [m["content"] for m in self.t.session.conversation_history if m["role"] == "user"]


@asynccontextmanager
async def room(
    *script: Answer | Callable[[ChatRequest], Answer],
    mode: Any = "smart",
    out: bool = True,
    tools: Any = (),
    pass_s: float = 0.3,
    new_detector: Callable[[], LevelDetector] = LevelDetector,
) -> AsyncIterator[Room]:
    vocabulary = Vocabulary()
    recogniser = WordRecogniser(vocabulary, pass_s)
    model = ScriptedModel(script[0] if script and callable(script[0]) else list(script))
    async with talk(model, list(tools), settings_with()) as t:
        speech_output, voice = None, WordySynthesiser()
        if out:
            speech_output = TtsOutput(
                SpeechTarget("s1", t.session.emit, lambda: t.session.language, t.session.outbox.drop_sound),
                voice,
                VoiceChoice(),
                CommaSplitter,
            )
            speech_output.on_correction = t.conversation.correct
            t.session.speech_output = speech_output
        judge = FullStops()
        input_engines = new_senses(recogniser, judge)
        detector = new_detector()
        understanding = SpeculativeTranscriber(input_engines, "auto", lambda: t.session.language)
        barge_in = BargeInController(t.conversation, speech_output, mode)
        hearing = UtteranceTracker(t.session, t.conversation, detector, understanding, barge_in, MAX_SECONDS)
        audio_input = AudioInputBuffer(16_000, lambda pcm: pcm, detector, hearing, understanding, MAX_SECONDS)
        try:
            yield Room(t, audio_input, speech_output, voice, judge, recogniser, vocabulary)
        finally:
            await audio_input.aclose()
            await t.conversation.aclose()
            if speech_output is not None:
                await speech_output.aclose()
            await recogniser.aclose()


# An utterance becomes a text


@virtual
async def test_sentence_is_heard_understood_and_answered():
    async with room(says("Las dos.")) as r:
        await r.speaks("qué hora es?")
        await r.rests()

        kinds = (SpeechStarted, SpeechStopped, TranscriptHeard, MessageAccepted)
        finals = [e for e in r.of(*kinds) if getattr(e, "final", True)]
        assert [type(e) for e in finals] == list(kinds)
        started, stopped, transcript, accepted = finals
        assert (stopped.empty, transcript.content) == (False, "qué hora es?")
        assert 100 < stopped.silence_ms < 1000
        assert {e.utterance_id for e in (started, stopped, transcript, accepted)} == {started.utterance_id}
        assert r.t.answers() == ["Las dos."]


@virtual
async def test_session_listens_while_the_user_speaks():
    async with room(says("Sí.")) as r:
        await r.speaks("hola, estás ahí?")

        assert r.t.session.state is SessionState.LISTENING
        await r.rests()
        states = [e.state for e in r.of(StateChanged)]
        assert states == ["listening", "thinking", "speaking", "idle"]


@virtual
async def test_complete_sentence_becomes_a_text_as_soon_as_it_is_understood():
    async with room(says("Sí.")) as r:
        await r.speaks("hola.")
        loop = asyncio.get_running_loop()
        start = loop.time()
        while not r.of(MessageAccepted):
            await r.pauses(20)

        assert loop.time() - start < 0.16 + 0.3 + 0.1


@pytest.mark.parametrize(("is_idle", "after_ms"), [(True, 96), (False, 160)])
def test_words_are_looked_at_the_sooner_where_that_holds_up_nobody(is_idle: bool, after_ms: int):
    @virtual
    async def run():
        async with room(says("Sí.")) as r:
            r.recogniser.has_idle_worker = is_idle
            await r.speaks("hola.")
            await r.pauses(after_ms - 20)
            assert r.recogniser.passes == []
            await r.pauses(40)
            assert len(r.recogniser.passes) == 1

            await r.rests()
            assert r.users() == ["hola."]
            assert len(r.recogniser.passes) == 1

    run()


@virtual
async def test_stages_of_an_answer_are_written_down_in_their_order(caplog: pytest.LogCaptureFixture):
    caplog.set_level("DEBUG", logger="app.speech.stages")
    async with room(says("Sí, hola.")) as r:
        await r.speaks("hola.")
        await r.rests()

        stages = [vars(record)["stage"] for record in caplog.records]
        assert stages == ["pass", "understood", "asked", "token", "clause", "text", "frame"]


@virtual
async def test_pause_inside_a_sentence_does_not_cut_it():
    async with room(says("Sí.")) as r:
        await r.speaks("quiero saber")
        await r.pauses(900)
        await r.speaks("qué hora es?")
        await r.rests()

        assert r.users() == ["quiero saber qué hora es?"]
        assert len(r.of(SpeechStarted)) == 1


@virtual
async def test_unfinished_sentence_becomes_a_text_after_a_long_silence():
    async with room(says("¿Qué?")) as r:
        await r.speaks("quiero saber")
        await r.rests()

        assert r.users() == ["quiero saber"]


@virtual
async def test_words_are_shown_while_the_user_speaks():
    async with room(says("Sí.")) as r:
        await r.speaks("uno dos tres cuatro cinco seis.")
        await r.rests()

        partials = [e.content for e in r.of(TranscriptHeard) if not e.final]
        assert partials and all("uno dos tres cuatro cinco seis.".startswith(text) for text in partials)


@virtual
async def test_nothing_is_shown_while_all_recognisers_work_for_others():
    async with room(says("Sí.")) as r:
        r.recogniser.has_idle_worker = False
        await r.speaks("uno dos tres cuatro cinco seis.")
        await r.rests()

        assert [e.final for e in r.of(TranscriptHeard)] == [True]


@virtual
async def test_client_that_sends_no_silence_is_understood_all_the_same():
    async with room(says("Sí.")) as r:
        await r.speaks("hola.")
        await asyncio.sleep(5)
        r.t.drain()

        assert r.users() == ["hola."]


# How much silence it takes


async def silence_taken(r: Room) -> float:
    """Seconds of silence until one more text is accepted."""
    loop, count = asyncio.get_running_loop(), len(r.of(MessageAccepted))
    start = loop.time()
    while len(r.of(MessageAccepted)) == count:
        await r.pauses(20)
    return loop.time() - start


@pytest.mark.parametrize(("acoustic", "seconds"), [(1.0, 0.45), (0.45, 0.825), (0.0, 1.2)])
def test_less_finished_sound_takes_more_silence(acoustic: float, seconds: float):
    @virtual
    async def run() -> None:
        async with room(says("Sí."), pass_s=0.05) as r:
            r.judge.acoustic = acoustic
            await r.speaks("hola a todos.")

            assert seconds <= await silence_taken(r) < seconds + 0.06
            await r.rests()

    run()


@virtual
async def test_silence_follows_the_users_own_pauses():
    async with room(*[says("Sí.")] * 9, pass_s=0.05) as r:
        for _ in range(8):
            await r.speaks("quiero")
            await r.pauses(700)
            await r.speaks("saber la hora.")
            taken = await silence_taken(r)
            await r.rests()

        assert taken > 0.7
        assert len(r.users()) == 8


@virtual
async def test_silence_follows_the_pauses_of_the_same_utterance_in_a_new_talk_too():
    async with room(says("Sí."), pass_s=0.05) as r:
        await r.speaks("quiero")
        await r.pauses(700)
        await r.speaks("saber la hora.")

        assert 0.8 <= await silence_taken(r) < 0.86
        await r.rests()


@virtual
async def test_short_answer_to_a_question_takes_less():
    async with room(says("¿A qué hora?"), says("Vale."), pass_s=0.05) as r:
        await r.speaks("pon la alarma.")
        first = await silence_taken(r)
        await r.rests()
        await r.speaks("las dos.")

        assert await silence_taken(r) < first - 0.1
        await r.rests()


@virtual
async def test_pause_that_ended_a_turn_too_early_counts_as_a_pause():
    def answer(request: ChatRequest) -> Answer:
        return says("Sí.") if "adiós" in last_text(request) else [Pause(3), Says("Tarde.")]

    async with room(answer, pass_s=0.05) as r:
        await r.speaks("pon la alarma.")
        for _ in range(6):
            await silence_taken(r)
            await r.pauses(100)
            await r.speaks("mañana.")
        await r.rests()
        assert len(r.users()) == 1
        await r.speaks("adiós.")

        assert await silence_taken(r) >= 1.1
        await r.rests()


# An early answer


@virtual
async def test_model_is_asked_before_the_words_are_a_text_and_once():
    async with room([Pause(0.9), Says("Las dos.")]) as r:
        await r.speaks("qué hora es?")
        await r.pauses(600)
        assert (len(r.t.model.requests), r.users(), r.of(MessageAccepted)) == (1, [], [])
        await r.rests()

        assert r.t.answers() == ["Las dos."]
        assert len(r.t.model.requests) == 1


@virtual
async def test_answer_sounds_at_once_when_its_words_become_a_text():
    async with room([Says("Las dos."), Pause(0.4), Says(" Y media.")]) as r:
        await r.speaks("quiero saber qué hora es")
        await r.pauses(1150)
        assert r.of(AudioFrame, TranscriptHeard)[-1].final is False
        await r.pauses(200)

        assert r.of(AudioFrame)
        assert [speech.text for speech in r.voice.asked] == ["Las dos. ", "Y media."]


@virtual
async def test_user_who_goes_on_in_a_pause_is_answered_to_all_words_alone():
    async with room([Pause(3), Says("tarde")], says("En Tokio las diez.")) as r:
        await r.speaks("qué hora es?")
        await r.pauses(1000)
        await r.speaks("en tokio?")
        await r.rests()

        assert r.users() == ["qué hora es? en tokio?"]
        assert r.t.answers() == ["En Tokio las diez."]
        assert [e.content for e in r.of(TranscriptHeard) if e.final] == r.users()
        assert r.of(Interrupted) == []


@virtual
async def test_where_the_model_says_that_more_is_to_come_the_server_listens_on():
    async with room(says("<wait/>"), says("En Tokio las diez.")) as r:
        await r.speaks("qué hora es.")
        await r.pauses(2000)
        assert (r.of(MessageAccepted), r.t.session.state) == ([], SessionState.LISTENING)
        await r.speaks("en tokio.")
        await r.rests()

        assert r.users() == ["qué hora es. en tokio."]
        assert r.t.answers() == ["En Tokio las diez."]


@virtual
async def test_mark_costs_a_user_who_says_no_more_so_much_silence_and_then_the_model_is_asked_plainly():
    async with room(says("<wait/>"), says("Las dos.")) as r:
        await r.speaks("qué hora es.")
        start = asyncio.get_running_loop().time()
        while not r.of(MessageAccepted):
            await r.pauses(20)
        waited = asyncio.get_running_loop().time() - start
        await r.rests()

        assert 2.5 < waited < 1.2 + 2.5 + 0.1
        assert [request.may_wait for request in r.t.model.requests] == [True, False]
        assert "<wait/>" not in repr([r.t.seen, list(r.t.session.conversation_history)])


@virtual
async def test_answer_that_comes_after_all_is_ready_when_the_silence_is_over():
    async with room(says("<wait/>"), [Pause(0.7), Says("Las dos.")]) as r:
        await r.speaks("qué hora es.")
        await r.pauses(2900)
        assert r.of(MessageAccepted) == []
        await r.pauses(100)

        assert r.of(MessageAccepted) and r.of(AudioFrame)
        await r.rests()
        assert r.t.answers() == ["Las dos."]


@virtual
async def test_what_else_enters_the_talk_does_not_end_the_wait():
    async with room(says("<wait/>"), says("Nada."), says("Las dos.")) as r:
        await r.speaks("qué hora es.")
        await r.pauses(1000)
        r.t.conversation.inject(InjectedMessage("La tienda cierra a las ocho.", "context"))
        await r.pauses(1000)
        assert r.of(MessageAccepted) == []
        await r.speaks("en lima.")
        await r.rests()

        assert r.users() == ["qué hora es. en lima."]


@virtual
async def test_by_hand_no_answer_begins_early():
    async with room(says("Sí.")) as r:
        r.audio_input.listen_by_hand(is_manual=True)
        await r.speaks("uno.")
        await r.pauses(3000)
        assert r.t.model.requests == []
        r.audio_input.commit()
        await r.pauses(1000)

        assert [request.may_wait for request in r.t.model.requests] == [False]


@virtual
async def test_user_who_has_used_up_their_hour_hears_of_it_and_the_session_rests():
    async with room() as r:
        budgets = Budgets.of(settings_with(max_texts_per_session_hour=1), r.t.loop.time)
        r.t.session.budget = Budget(budgets, "s", "u")
        r.t.session.budget.take_text()
        await r.speaks("hola.")
        await r.rests()

        assert [e.error.code for e in r.of(ErrorOccurred)] == ["budget_exceeded"]
        assert r.t.session.state is SessionState.IDLE


# No words


@virtual
async def test_noise_without_words_is_over_without_a_turn_and_without_an_error():
    async with room() as r:
        await r.speaks("*")
        await r.rests()

        assert [e.empty for e in r.of(SpeechStopped)] == [True]
        assert r.of(MessageAccepted, ErrorOccurred) == []
        assert r.t.session.state is SessionState.IDLE


@pytest.mark.parametrize(
    ("said", "pause_ms", "texts"),
    [
        pytest.param("el número que usted", 900, ["el número que usted ha marcado."], id="goes on"),
        pytest.param("el número", 900, ["ha marcado."], id="too short to wait for"),
        pytest.param("el número que usted", 1500, ["ha marcado."], id="after the longest pause"),
    ],
)
@virtual
async def test_beginning_that_is_understood_as_nothing_is_kept_for_what_follows(
    said: str, pause_ms: int, texts: list[str]
):
    async with room(says("Gracias.")) as r:
        r.recogniser.deaf_passes = 1
        await r.speaks(said)
        await r.pauses(pause_ms)
        await r.speaks("ha marcado.")
        await r.rests()

        assert r.users() == texts


@virtual
async def test_click_is_nothing():
    async with room() as r:
        await r.speaks("*", word_ms=20)
        await r.rests()

        assert r.of(SpeechStarted, SpeechStopped) == []


# Going on before the answer sounds


@virtual
async def test_user_who_goes_on_before_the_answer_sounds_is_answered_once_to_all_words():
    async with room([Pause(3), Says("tarde")], says("En Tokio las diez.")) as r:
        await r.speaks("qué hora es?")
        await r.pauses(1400)
        await r.speaks("en tokio?")
        await r.rests()

        finals = [e for e in r.of(TranscriptHeard) if e.final]
        assert [e.content for e in finals] == ["qué hora es?", "qué hora es? en tokio?"]
        assert finals[0].utterance_id == finals[1].utterance_id
        assert r.users() == ["qué hora es? en tokio?"]
        assert [e.finish_reason for e in r.of(ResponseComplete)] == ["interrupted", "stop"]
        assert r.of(Interrupted)[0].heard == ""


@virtual
async def test_noise_before_the_answer_sounds_does_not_cost_the_answer():
    async with room([Pause(1.2), Says("Las dos.")]) as r:
        await r.speaks("qué hora es?")
        await r.pauses(1400)
        await r.speaks("*")
        await r.rests()

        assert r.t.answers() == ["Las dos."]
        assert r.users() == ["qué hora es?"]
        assert r.of(AudioFrame)


@virtual
async def test_answer_does_not_begin_to_sound_while_the_user_speaks():
    async with room([Pause(1.2), Says("Las dos.")], says("Las diez.")) as r:
        await r.speaks("qué hora es?")
        await r.pauses(1400)
        await r.speaks("en tokio y también en lima")
        assert r.of(AudioFrame) == []
        await r.rests()

        assert r.users() == ["qué hora es? en tokio y también en lima"]


@virtual
async def test_without_sound_an_answer_that_was_read_stays():
    async with room(says("Las dos."), says("Las diez."), out=False) as r:
        await r.speaks("qué hora es?")
        await r.pauses(900)
        await r.speaks("en tokio?")
        await r.rests()

        assert r.users() == ["qué hora es?", "en tokio?"]


LATE = {
    "is being read": (False, [Pause(1.2), Says("Las dos"), Pause(9), Says(" y media.")]),
    "was read": (False, [Pause(1.2), Says("Las dos y media.")]),
    "failed": (False, [Pause(1.2), Fails(LlmUnavailable())]),
    "failed before its sound": (True, [Pause(1.2), Fails(LlmUnavailable())]),
    "is read and has no sound": (True, [Pause(1.2), Says("Las dos y media.")]),
}


@pytest.mark.parametrize("how", LATE)
def test_words_that_go_on_with_a_text_that_is_answered_meanwhile_are_an_utterance_of_their_own(how: str):
    is_spoken, answer = LATE[how]

    @virtual
    async def run() -> None:
        first = {"qué hora es?": answer}
        async with room(lambda r: first.get(last_text(r), says("Las diez.")), out=is_spoken) as r:
            if "no sound" in how:
                r.voice.fails["Las"] = WorkerFailed("gone")
            await r.speaks("qué hora es?")
            await r.pauses(1200)
            await r.speaks("en tokio y también en lima?", word_ms=400)
            await r.rests()
            await r.passes_until_idle()

            assert r.users() == ["qué hora es?", "en tokio y también en lima?"]
            finals = {e.utterance_id: e.content for e in r.of(TranscriptHeard) if e.final}
            assert list(finals.values()) == r.users()
            stops = [(e.utterance_id in finals, e.empty) for e in r.of(SpeechStopped)]
            assert stops == [(True, False), (True, True), (True, False)]
            assert [e.utterance_id for e in r.of(SpeechStarted)][-1] == list(finals)[-1]
            assert [e.utterance_id for e in r.of(MessageAccepted)] == list(finals)
            assert r.of(Interrupted) == []
            said = "".join(step.text for step in answer if isinstance(step, Says))
            assert [r.t.answer(str(e.turn_id)) for e in r.t.endings()] == [said, "Las diez."]

    run()


# Speech over the agent's voice


async def over_the_answer(r: Room) -> None:
    """The agent speaks."""
    r.t.says("cuenta")
    await r.pauses(1000)
    assert r.of(AudioFrame)


@virtual
async def test_voice_ducks_at_the_first_sound_of_speech():
    async with room(LONG, says("Vale.")) as r:
        await over_the_answer(r)
        await r.speaks("*", word_ms=60)

        assert r.of(PlaybackHint)[0].action == "duck"
        sent = len(r.of(AudioFrame))
        await r.speaks("espera", word_ms=200)
        assert len(r.of(AudioFrame)) == sent
        await r.rests()


@virtual
async def test_interruption_stops_the_voice_and_is_answered():
    async with room(LONG, says("Dime.")) as r:
        await over_the_answer(r)
        await r.speaks("para, quiero otra cosa.")
        await r.rests()

        assert [e.finish_reason for e in r.of(ResponseComplete)] == ["interrupted", "stop"]
        heard = r.of(Interrupted)[0].heard
        assert heard and heard.split() == ["palabra"] * len(heard.split())
        assert r.users() == ["cuenta", "para, quiero otra cosa."]


@pytest.mark.parametrize(("words", "stops"), [("para", True), ("quiero otra", True), ("vale", False)])
def test_doubtful_words_stop_the_voice_and_are_not_answered(words: str, stops: bool):
    @virtual
    async def run() -> None:
        async with room(LONG, says("Dime.")) as r:
            r.recogniser.is_doubtful = True
            await over_the_answer(r)
            await r.speaks(words, word_ms=250)
            await r.rests()

            assert bool(r.of(Interrupted)) is stops
            assert [e.empty for e in r.of(SpeechStopped)] == [True]
            assert r.users() == ["cuenta"]
            assert r.t.session.state is SessionState.IDLE

    run()


@virtual
async def test_what_is_said_after_doubtful_words_is_answered():
    async with room(LONG, says("Dime.")) as r:
        r.recogniser.is_doubtful = True
        await over_the_answer(r)
        await r.speaks("para")
        await r.rests()
        await r.speaks("quiero otra cosa.")
        await r.rests()

        assert r.users() == ["cuenta", "quiero otra cosa."]


@virtual
async def test_long_speech_stops_the_voice_at_the_latest_after_its_limit():
    async with room(LONG, says("Dime."), pass_s=9) as r:
        await over_the_answer(r)
        await r.speaks("y ahora otra cosa y otra")

        assert len(r.of(Interrupted)) == 1


@pytest.mark.parametrize("noise", ["sí", "ajá", "*"])
def test_assent_or_cough_lets_the_voice_go_on_where_it_was(noise: str):
    @virtual
    async def run() -> None:
        async with room(LONG) as r:
            await over_the_answer(r)
            await r.speaks(noise)
            await r.rests()

            assert [e.action for e in r.of(PlaybackHint)] == ["duck", "resume"]
            assert [e.finish_reason for e in r.of(ResponseComplete)] == ["stop"]
            assert r.users() == ["cuenta"]
            assert [e.empty for e in r.of(SpeechStopped)] == [True]
            sound = b"".join(e.pcm for e in r.of(AudioFrame))
            assert len(sound) == 40 * 200 * 16

    run()


@pytest.mark.parametrize("pass_s", [0.05, 0.3, 0.45])
@pytest.mark.parametrize("sound_ms", [[300], [800], [1100], [1500], [300, 300, 300], [500, 500]])
def test_sound_without_words_lets_the_voice_go_on_however_long(sound_ms: list[int], pass_s: float):
    """A hum, or coughs with pauses between them that each cost a look at the words."""

    @virtual
    async def run() -> None:
        async with room(LONG, pass_s=pass_s) as r:
            await over_the_answer(r)
            for ms in sound_ms:
                await r.speaks("*", word_ms=ms)
                await r.pauses(200)
            await r.rests()

            assert r.of(Interrupted) == []
            assert [e.action for e in r.of(PlaybackHint)] == ["duck", "resume"]
            assert r.users() == ["cuenta"]

    run()


@virtual
async def test_sound_in_whose_pause_no_words_were_understood_may_go_on_for_longer():
    async with room(LONG, pass_s=0.25) as r:
        await over_the_answer(r)
        await r.speaks("*", word_ms=700)
        await r.pauses(400)
        await r.speaks("*", word_ms=500)
        await r.rests()

        assert r.of(Interrupted) == []


LOOKS_THAT_FAIL = pytest.mark.parametrize(
    "error", [WorkerFailed("died"), VoiceBusy(), RuntimeError("a bug"), asyncio.CancelledError()], ids=repr
)


@LOOKS_THAT_FAIL
def test_look_at_the_words_that_fails_is_followed_by_another(error: BaseException):
    @virtual
    async def run() -> None:
        async with room(LONG, says("Dime."), pass_s=0.1) as r:
            await over_the_answer(r)
            r.recogniser.fails.append(error)
            await r.speaks("para quiero ya otra", word_ms=280)

            assert len(r.of(Interrupted)) == 1
            await r.rests()

    run()


@LOOKS_THAT_FAIL
def test_sound_without_words_lets_the_voice_go_on_where_the_first_look_fails(error: BaseException):
    @virtual
    async def run() -> None:
        async with room(LONG, pass_s=0.1) as r:
            await over_the_answer(r)
            r.recogniser.fails.append(error)
            await r.speaks("*", word_ms=1500)
            await r.rests()

            assert r.of(Interrupted) == []

    run()


@virtual
async def test_words_after_a_cough_stop_the_voice():
    async with room(LONG, says("Dime.")) as r:
        await over_the_answer(r)
        await r.speaks("* * * quiero otra cosa ahora mismo.")
        assert len(r.of(Interrupted)) == 1
        await r.rests()

        assert r.users() == ["cuenta", "quiero otra cosa ahora mismo."]


@virtual
async def test_nods_in_a_row_let_the_voice_go_on():
    async with room(LONG, pass_s=0.1) as r:
        await over_the_answer(r)
        await r.speaks("sí vale " * 3)
        await r.rests()

        assert r.of(Interrupted) == []


@virtual
async def test_result_that_is_about_to_be_told_waits_for_the_user():
    workshop = Workshop()
    script = (calls(("look", {"seconds": 2})), says("Voy."), [Pause(0.6), Says("Ya está.")], says("Dos."))
    async with room(*script, tools=[workshop.tool("look")]) as r:
        r.t.says("mira")
        await r.pauses(2100)
        before = len(r.of(AudioFrame))
        await r.speaks("y dime cuánto es uno más uno.")
        assert len(r.of(AudioFrame)) == before
        await r.rests()

        assert [r.t.answer(str(e.turn_id)) for e in r.t.endings()] == ["Voy.", "Ya está.", "Dos."]


@virtual
async def test_where_all_speech_interrupts_an_assent_does_too():
    async with room(LONG, says("¿Sí?"), mode="always") as r:
        await over_the_answer(r)
        await r.speaks("sí")
        await r.rests()

        assert len(r.of(Interrupted)) == 1


@virtual
async def test_where_nothing_interrupts_the_words_wait_for_their_turn():
    async with room(LONG, says("Dime."), mode="never") as r:
        await over_the_answer(r)
        await r.speaks("para.")
        await r.rests()

        assert r.of(PlaybackHint, Interrupted) == []
        assert r.users() == ["cuenta", "para."]
        assert [e.finish_reason for e in r.of(ResponseComplete)] == ["stop", "stop"]


@virtual
async def test_result_of_a_tool_is_told_when_nobody_speaks():
    workshop = Workshop()
    script = (calls(("look", {"seconds": 2.5})), says("Voy."), says("Ya está."), says("Vale."))
    async with room(*script, tools=[workshop.tool("look")]) as r:
        r.t.says("mira")
        await r.pauses(2200)
        await r.speaks("mientras tanto dime cuánto es uno más uno.")
        told = [r.t.answer(str(e.turn_id)) for e in r.t.endings()]
        assert told == ["Voy."]
        await r.rests()

        assert [r.t.answer(str(e.turn_id)) for e in r.t.endings()] == ["Voy.", "Ya está.", "Vale."]


@virtual
async def test_sound_that_is_too_long_to_be_joined_is_not_kept_for_it():
    async with room([Pause(60), Says("Sí.")], says("Ya.")) as r:
        await r.speaks("bla.", word_ms=12_000)
        await r.pauses(2000)
        await r.speaks("más.", word_ms=12_000)
        await r.pauses(2000)
        assert r.users()[-1] == "bla más."
        before = r.audio_input._hearing._before

        assert before is not None and before.pcm == b""


async def fails(r: Room) -> None:
    r.recogniser.fails = [WorkerFailed("gone") for _ in range(50)]
    await r.speaks("tres")
    await r.pauses(3000)
    r.recogniser.fails = []


async def clears(r: Room) -> None:
    r.audio_input.clear()


async def speaks_too_long(r: Room) -> None:
    await r.speaks("tres", word_ms=MAX_SECONDS * 1000)


@virtual
async def test_text_that_was_to_be_joined_is_not_brought_back_into_a_talk_that_has_ended():
    async with room([Pause(60), Says("Sí.")], says("Ya.")) as r:
        await r.speaks("uno.")
        await r.pauses(2500)
        await r.speaks("dos")
        await r.pauses(600)
        assert len(r.of(Interrupted)) == 1
        await r.t.conversation.aclose()
        await r.audio_input.aclose()
        await r.t.passes(5)

        assert len(r.of(MessageAccepted)) == 1
        assert not r.t.conversation.is_busy


@pytest.mark.parametrize("ends", [fails, clears, speaks_too_long])
def test_text_that_was_to_be_joined_is_answered_where_the_other_words_do_not_come(ends: Any):
    @virtual
    async def run() -> None:
        async with room([Pause(60), Says("Sí.")], says("Ya.")) as r:
            await r.speaks("uno.")
            await r.pauses(2500)
            await r.speaks("dos")
            await r.pauses(600)  # understood: the turn of the first text has ended
            assert len(r.of(Interrupted)) == 1
            await ends(r)
            await r.rests()

            assert r.users() == ["uno."]
            assert r.t.answers() == ["", "Ya."]

    run()


@virtual
async def test_words_that_are_joined_are_one_text_of_the_users_hour():
    async with room([Pause(60), Says("Sí.")], says("Ya.")) as r:
        budgets = Budgets.of(settings_with(max_texts_per_session_hour=1), r.t.loop.time)
        r.t.session.budget = Budget(budgets, "s", "u")
        await r.speaks("uno.")
        await r.pauses(2500)
        await r.speaks("dos.")
        await r.rests()

        assert r.users() == ["uno. dos."]
        assert r.t.answers()[-1] == "Ya."


# By hand


@virtual
async def test_by_hand_silence_ends_nothing_and_the_clients_word_does():
    async with room(says("Sí.")) as r:
        r.audio_input.listen_by_hand(is_manual=True)
        await r.speaks("uno.")
        await r.pauses(3000)
        await r.speaks("dos.")
        assert r.of(MessageAccepted) == []

        r.audio_input.commit()
        await r.pauses(1000)
        assert r.users() == ["uno. dos."]


@virtual
async def test_word_of_the_client_comes_after_the_sound_that_it_sent_before():
    async with room(says("Sí.")) as r:
        r.audio_input.listen_by_hand(is_manual=True)
        r.audio_input.take(r.vocabulary.sound("uno dos tres."))
        r.audio_input.commit()
        await r.pauses(2000)

        assert r.users() == ["uno dos tres."]


@virtual
async def test_utterance_that_is_thrown_away_is_not_answered():
    async with room() as r:
        r.audio_input.listen_by_hand(is_manual=True)
        await r.speaks("uno.")
        r.audio_input.clear()
        await r.pauses(100)
        r.audio_input.commit()
        await r.pauses(1000)

        assert r.users() == []
        assert [e.empty for e in r.of(SpeechStopped)] == [True, True]


@virtual
async def test_what_is_said_right_after_the_clients_word_is_another_utterance():
    async with room(says("Sí."), says("También.")) as r:
        r.audio_input.listen_by_hand(is_manual=True)
        await r.speaks("uno.")
        r.audio_input.commit()
        await r.speaks("dos tres.")  # while what was said before is still being understood
        r.audio_input.commit()
        await r.pauses(3000)

        finals = [e.content for e in r.of(TranscriptHeard) if e.final]
        assert finals == ["uno.", "uno. dos tres."]  # joined, as nothing of the first answer was heard


@virtual
async def test_noise_that_goes_on_after_the_clients_word_holds_up_nothing():
    async with room(says("Sí.")) as r:
        await r.speaks("uno.")
        r.audio_input.commit()
        await r.speaks("*", word_ms=3000)

        assert r.users() == ["uno."]


class SlowDetector(LevelDetector):
    """Takes the first frame of a silence for voice, as detectors do that look at more than one frame."""

    _was_voice = False

    def _is_voice(self, frame: bytes) -> bool:
        was_voice, self._was_voice = self._was_voice, super()._is_voice(frame)
        return was_voice or self._was_voice


@virtual
async def test_utterance_that_the_client_ended_in_mid_word_is_understood_however_long_that_takes():
    async with room(says("Sí."), says("Vale."), pass_s=2, new_detector=SlowDetector) as r:
        await r.speaks("uno dos.")
        r.audio_input.commit()  # and nothing is sent any more
        await r.passes_until_idle()
        await r.speaks("tres.")
        await r.passes_until_idle()

        assert r.users() == ["uno dos.", "tres."]


@virtual
async def test_who_no_longer_says_when_an_utterance_ends_is_understood_without_a_word_or_a_sound():
    async with room(says("Sí.")) as r:
        r.audio_input.listen_by_hand(is_manual=True)
        await r.speaks("uno dos.")
        await asyncio.sleep(1)
        r.audio_input.listen_by_hand(is_manual=False)
        await r.passes_until_idle()

        assert r.users() == ["uno dos."]
        assert r.t.session.state is SessionState.IDLE


@virtual
async def test_sound_is_heard_as_was_agreed_on_when_it_was_sent():
    async with room(says("Sí.")) as r:
        r.audio_input.listen_by_hand(is_manual=True)
        r.audio_input.take(r.vocabulary.sound("uno dos.") + silence(6000) + r.vocabulary.sound("tres."))
        r.audio_input.commit()
        r.audio_input.listen_by_hand(is_manual=False)
        await r.passes_until_idle()

        assert r.users() == ["uno dos. tres."]


@virtual
async def test_by_hand_one_that_was_too_long_costs_no_later_one():
    async with room(says("Sí.")) as r:
        r.audio_input.listen_by_hand(is_manual=True)
        await r.speaks("bla", word_ms=MAX_SECONDS * 1000 + 500)
        r.audio_input.commit()
        await r.speaks("hola.")
        r.audio_input.commit()
        await r.pauses(1000)

        assert r.users() == ["hola."]


# Faults


@virtual
async def test_recogniser_that_fails_once_is_asked_again():
    async with room(says("Sí.")) as r:
        r.recogniser.fails = [WorkerFailed("gone")]
        await r.speaks("hola.")
        await r.rests()

        assert r.users() == ["hola."]
        assert r.of(ErrorOccurred) == []


@virtual
async def test_recogniser_that_fails_is_told_and_the_next_utterance_is_answered():
    async with room(says("Sí.")) as r:
        r.recogniser.fails = [WorkerFailed("gone"), WorkerFailed("gone")]
        await r.speaks("hola.")
        await r.rests()
        assert [e.error.code for e in r.of(ErrorOccurred)] == ["worker_failed"]

        await r.speaks("otra.")
        await r.rests()
        assert r.users() == ["otra."]
        assert [e.empty for e in r.of(SpeechStopped)] == [True, False]


@virtual
async def test_monologue_without_an_end_is_one_error_and_the_next_utterance_is_answered():
    async with room(says("Sí.")) as r:
        await r.speaks("bla " * (MAX_SECONDS * 5))
        assert [e.error.code for e in r.of(ErrorOccurred)] == ["audio_overflow"]

        await r.rests()
        await r.speaks("hola.")
        await r.rests()
        assert r.users() == ["hola."]
        assert len(r.of(ErrorOccurred)) == 1


@virtual
async def test_ear_that_closes_in_the_middle_of_speech_leaves_a_talk_that_goes_on():
    async with room(LONG) as r:
        await over_the_answer(r)
        await r.speaks("espera un", word_ms=100)
        await r.audio_input.aclose()
        await r.t.passes(20)
        r.t.drain()

        assert r.t.session.state is SessionState.IDLE
        assert len(r.of(ResponseComplete)) == 1


@virtual
async def test_session_rests_after_speech_without_words_although_a_back_end_adds_something():
    async with room() as r:
        await r.speaks("*")
        r.t.conversation.inject(InjectedMessage("El pedido está en camino.", "context"))
        await r.rests()

        assert r.t.session.state is SessionState.IDLE
        assert [e.state for e in r.of(StateChanged)] == ["listening", "idle"]


# The client is gone


@pytest.mark.parametrize("word_ms", [20, 300])
def test_by_hand_the_voice_goes_on_where_the_clients_word_never_comes(word_ms: int):
    @virtual
    async def run() -> None:
        async with room(LONG, says("Sí.")) as r:
            await over_the_answer(r)
            r.audio_input.listen_by_hand(is_manual=True)
            await r.speaks("ajá", word_ms)
            r.audio_input.hang_up()
            await r.passes_until_idle()

            assert not r.t.conversation.is_busy

    run()


@virtual
async def test_by_hand_what_was_said_before_a_drop_becomes_a_text():
    async with room(says("Sí.")) as r:
        r.audio_input.listen_by_hand(is_manual=True)
        await r.speaks("uno dos.")
        r.audio_input.hang_up()
        await r.passes_until_idle()

        assert r.users() == ["uno dos."]


@virtual
async def test_by_hand_a_tap_does_not_silence_the_agent():
    async with room(LONG) as r:
        await over_the_answer(r)
        r.audio_input.listen_by_hand(is_manual=True)
        await r.speaks("ah", 20)
        assert r.of(PlaybackHint)
        r.audio_input.commit()
        await r.passes_until_idle()

        assert [e.finish_reason for e in r.of(ResponseComplete)] == ["stop"]


@virtual
async def test_sound_that_stops_at_its_very_beginning_does_not_silence_the_agent():
    async with room(LONG) as r:
        await over_the_answer(r)
        await r.speaks("ah", 20)
        assert r.of(PlaybackHint)
        await r.passes_until_idle()

        assert [e.finish_reason for e in r.of(ResponseComplete)] == ["stop"]
