"""What sound a session has, as its client asks for it. See test_hearing.py for what is made of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from app.errors import (
    AgentError,
    AudioOverflow,
    BadMessage,
    NotAvailable,
    UnexpectedAudio,
    VoiceLoading,
    WorkerFailed,
)
from app.protocol.events import (
    AudioComplete,
    AudioFrame,
    AudioTerms,
    ErrorOccurred,
    Interrupted,
    MessageAccepted,
    PlaybackHint,
    ResponseComplete,
    TranscriptHeard,
    pcm16,
)
from app.speech.base import Half, VoiceEngines
from app.speech.session_audio import MAX_CLIPS, SessionAudio
from app.speech.voices import voice_called
from tests.support.context import settings_with
from tests.support.ears import Vocabulary, WordRecogniser, new_senses, silence
from tests.support.scripted import Pause, Says, ScriptedModel, says
from tests.support.talk import Talk, talk
from tests.support.virtual_time import virtual
from tests.support.voices import CommaSplitter, WordySynthesiser

BOTH = AudioTerms(pcm16(16_000), out=True)
HALVES: tuple[Half, ...] = ("in", "out")


class Place:
    """A session with a voice, on a server that has what a test gives it."""

    def __init__(self, t: Talk) -> None:
        self.t = t
        self.vocabulary = Vocabulary()
        self.recogniser = WordRecogniser(self.vocabulary)
        self.synthesiser = WordySynthesiser()
        input_engines = replace(new_senses(self.recogniser), decode_clip=self._decode)
        self.engines = VoiceEngines(input_engines, self.synthesiser, CommaSplitter)
        self.loading: set[Half] = set()
        self.voice = SessionAudio(
            t.session, t.conversation, settings_with(), lambda: self.engines, self.loading.__contains__
        )

    async def _decode(self, clip: bytes, owner: str) -> bytes:
        if clip == b"broken":
            raise WorkerFailed("died")
        return clip

    async def hears(self, text: str) -> None:
        await self.hears_sound(self.vocabulary.sound(text) + silence(1500))

    async def hears_sound(self, sound: bytes) -> None:
        for start in range(0, len(sound), 640):
            self.voice.take(sound[start : start + 640])
            await asyncio.sleep(0.02)
            self.t.drain()


@asynccontextmanager
async def place(*script: str) -> AsyncIterator[Place]:
    async with talk(ScriptedModel([says(text) for text in script])) as t:
        place = Place(t)
        try:
            yield place
        finally:
            await t.conversation.aclose()
            await place.voice.aclose()


@virtual
async def test_session_without_terms_has_no_sound():
    async with place("Sí.") as p:
        with pytest.raises(UnexpectedAudio):
            p.voice.take(b"12")
        with pytest.raises(BadMessage):
            p.voice.played("t1", 10)
        p.t.says("hola")
        await p.t.rests()

        assert p.t.events(AudioFrame) == []


@virtual
async def test_session_that_asks_for_both_hears_and_speaks():
    async with place("Sí.") as p:
        p.voice.configure(BOTH)
        await p.hears("hola.")
        await p.t.rests()

        assert p.voice.terms == BOTH
        assert p.t.answers() == ["Sí."]
        assert p.t.events(AudioFrame)


@pytest.mark.parametrize(("terms", "feature"), [(AudioTerms(pcm16(8000)), "audio_in"), (BOTH, "audio_in")])
def test_what_the_server_does_not_have_is_refused_and_nothing_changes(terms: AudioTerms, feature: str):
    @virtual
    async def run() -> None:
        async with place() as p:
            p.engines = VoiceEngines()
            with pytest.raises(NotAvailable) as raised:
                p.voice.configure(terms)

            assert raised.value.fields == {"feature": feature}
            assert p.voice.terms is None
            assert isinstance(p.voice.begin(terms), NotAvailable)

    run()


@pytest.mark.parametrize(
    ("half", "feature", "terms"),
    [("in", "audio_in", AudioTerms(out=True)), ("out", "audio_out", AudioTerms(pcm16(16_000)))],
)
def test_session_begins_with_the_half_that_there_is(half: str, feature: str, terms: AudioTerms):
    @virtual
    async def run() -> None:
        async with place("uno") as p:
            all_of_it = p.engines
            if half == "in":
                p.engines = replace(all_of_it, input_engines=None)
            else:
                p.engines = replace(all_of_it, synthesiser=None, new_splitter=None)
            refusal = p.voice.begin(BOTH)

            assert refusal is not None and refusal.fields == {"feature": feature}
            assert p.voice.terms == terms
            p.t.says("hola")
            await p.t.rests()
            assert bool(p.t.events(AudioFrame)) == terms.out

    run()


@pytest.mark.parametrize(
    ("there", "loading", "terms", "refusal", "begun"),
    [
        ("", "in out", BOTH, VoiceLoading, None),
        ("", "in", BOTH, NotAvailable, None),
        ("", "out", BOTH, NotAvailable, None),
        ("", "in", AudioTerms(pcm16(16_000)), VoiceLoading, None),
        ("", "in", AudioTerms(out=True), NotAvailable, None),
        ("in", "out", BOTH, VoiceLoading, AudioTerms(pcm16(16_000))),
        ("out", "in", BOTH, VoiceLoading, AudioTerms(out=True)),
        ("in out", "", BOTH, None, BOTH),
    ],
)
def test_what_still_loads_may_be_asked_again_and_what_never_comes_may_not(
    there: str, loading: str, terms: AudioTerms, refusal: type[AgentError] | None, begun: AudioTerms | None
):
    @virtual
    async def run() -> None:
        async with place() as p:
            p.engines = replace(
                p.engines,
                input_engines=p.engines.input_engines if "in" in there else None,
                synthesiser=p.engines.synthesiser if "out" in there else None,
            )
            p.loading |= {half for half in HALVES if half in loading}
            told = p.voice.begin(terms)

            assert (told.code if told else None) == (refusal.code if refusal else None)
            assert p.voice.terms == begun
            if refusal is not None:
                with pytest.raises(refusal):
                    p.voice.configure(terms)
            assert p.voice.terms == begun

    run()


@virtual
async def test_sound_can_be_switched_off_and_on_again():
    async with place("uno", "dos", "tres") as p:
        for terms, text in ((BOTH, "a"), (AudioTerms(pcm16(16_000)), "b"), (BOTH, "c")):
            p.voice.configure(terms)
            p.t.says(text)
            await p.t.rests()

        spoken = {event.turn_id for event in p.t.events(AudioFrame)}
        assert [e.turn_id in spoken for e in p.t.events(ResponseComplete)] == [True, False, True]


@pytest.mark.parametrize("ends", [lambda v: v.configure(AudioTerms(pcm16(16_000))), lambda v: v.begin(None)])
def test_answer_whose_sound_is_switched_off_goes_on_as_text(ends: Callable[[SessionAudio], object]):
    @virtual
    async def run() -> None:
        async with place(" ".join(["palabra"] * 100), "Sí.") as p:
            p.voice.configure(BOTH)
            p.t.says("cuenta")
            await p.t.passes(2)
            heard = len(p.t.events(AudioFrame))
            ends(p.voice)
            await p.t.passes(1)

            assert heard and len(p.t.events(AudioFrame)) == heard
            assert len(p.t.events(AudioComplete)) == 1
            assert [e.finish_reason for e in p.t.events(ResponseComplete)] == ["stop"]
            p.t.says("¿sigues ahí?")
            await p.t.passes(1)
            assert p.t.answers()[1:] == ["Sí."]

    run()


@virtual
async def test_answer_whose_sound_was_switched_off_is_cut_where_it_was_read():
    async with talk(ScriptedModel([[Says("Uno dos. "), Pause(3), Says("Tres.")]])) as t:
        place = Place(t)
        place.voice.configure(BOTH)
        t.says("cuenta")
        await t.passes(1)
        place.voice.configure(AudioTerms(pcm16(16_000)))
        t.drain()
        t.conversation.interrupt()
        await t.rests()

        assert [event.heard for event in t.events(Interrupted)] == ["Uno dos. "]
        await place.voice.aclose()


@pytest.mark.parametrize("is_on", [True, False])
def test_sentence_is_heard_in_whole_over_which_the_agents_voice_is_switched(is_on: bool):
    @virtual
    async def run() -> None:
        async with place("Sí.") as p:
            p.voice.configure(replace(BOTH, out=not is_on))
            await p.hears_sound(p.vocabulary.sound("uno dos"))
            p.voice.configure(replace(BOTH, out=is_on))
            await p.hears("tres.")
            await p.t.rests()

            assert [e.content for e in p.t.events(TranscriptHeard) if e.final] == ["uno dos tres."]
            assert bool(p.t.events(AudioFrame)) == is_on

    run()


@virtual
async def test_speech_over_the_agents_voice_ducks_it_after_it_was_switched_on():
    async with place(" ".join(["palabra"] * 40)) as p:
        p.voice.configure(AudioTerms(pcm16(16_000)))
        p.voice.configure(BOTH)
        p.t.says("cuenta")
        await p.t.passes(1)
        await p.hears_sound(p.vocabulary.sound("ajá"))

        assert [hint.action for hint in p.t.events(PlaybackHint)] == ["duck"]


@virtual
async def test_voice_and_pace_are_the_sessions_own():
    async with place("uno", "dos") as p:
        p.voice.configure(BOTH)
        p.t.says("a")
        await p.t.rests()
        p.voice.choose("em_alex", 1.5)
        p.t.says("b")
        await p.t.rests()

        assert [(s.voice, s.speed) for s in p.synthesiser.asked] == [("", 1.0), ("em_alex", 1.5)]


@virtual
async def test_recordings_become_texts_in_their_order():
    async with place("uno", "dos") as p:
        p.voice.understand_clip(p.vocabulary.sound("primero."))
        p.voice.understand_clip(p.vocabulary.sound("segundo."))
        await p.t.passes(1)
        await p.t.rests()

        kinds = [type(e) for e in p.t.events(TranscriptHeard, MessageAccepted)]
        assert kinds == [TranscriptHeard, MessageAccepted] * 2
        assert [e.content for e in p.t.events(TranscriptHeard)] == ["primero.", "segundo."]


@pytest.mark.parametrize(("clip", "code"), [(silence(500), "nothing_heard"), (b"broken", "worker_failed")])
def test_recording_that_brings_no_words_is_one_error(clip: bytes, code: str):
    @virtual
    async def run() -> None:
        async with place() as p:
            p.voice.understand_clip(clip)
            await p.t.passes(1)

            assert [e.error.code for e in p.t.events(ErrorOccurred)] == [code]

    run()


@virtual
async def test_recordings_that_wait_are_bounded():
    async with place() as p:
        for _ in range(MAX_CLIPS):
            p.voice.understand_clip(p.vocabulary.sound("uno"))
        with pytest.raises(AudioOverflow):
            p.voice.understand_clip(b"x")


@virtual
async def test_session_that_has_ended_hears_nothing_more():
    async with place() as p:
        await p.t.conversation.aclose()
        await p.voice.aclose()
        p.voice.configure(BOTH)
        p.voice.understand_clip(p.vocabulary.sound("uno dos."))

        assert p.voice.in_format is None
        assert not p.voice.is_understanding_clips
        assert not p.t.session.speech_output.is_on


@virtual
async def test_client_that_left_hears_the_rest_when_it_comes_back():
    async with place("uno dos tres cuatro") as p:
        p.voice.configure(BOTH)
        p.voice.client_left()
        p.t.says("a")
        await p.t.passes(5)
        assert p.t.events(AudioFrame) == []

        p.voice.client_came()
        await p.t.rests()
        assert sum(len(e.pcm) for e in p.t.events(AudioFrame)) == 4 * 200 * 16


@virtual
async def test_recording_over_which_something_breaks_is_one_error():
    async with place() as p:
        p.engines = replace(p.engines, input_engines=replace(p.engines.input_engines, decode_clip=_breaks))
        p.voice.understand_clip(b"12")
        p.voice.hear_clip(b"12")
        await p.t.passes(1)

        assert [e.error.code for e in p.t.events(ErrorOccurred)] == ["internal", "internal"]


async def _breaks(clip: bytes, owner: str) -> bytes:
    raise ZeroDivisionError


@virtual
async def test_by_hand_a_client_that_left_has_said_all():
    async with place("Sí.") as p:
        p.voice.configure(AudioTerms(pcm16(16_000), out=False, is_manual=True))
        await p.hears("hola.")
        assert p.t.events(MessageAccepted) == []
        p.voice.client_left()
        await p.t.passes(1)
        await p.t.rests()

        assert p.t.answers() == ["Sí."]


@virtual
async def test_player_that_stands_still_holds_up_the_talk_for_a_while_and_not_for_ever():
    async with place("uno dos tres cuatro cinco seis siete ocho.", "Sí.") as p:
        p.voice.configure(BOTH)
        turn_id = p.t.says("cuenta")
        p.t.says("¿sigues ahí?")
        for _ in range(100):
            await p.t.passes(0.2)
            p.t.drain()
            p.voice.played(turn_id, 0)

        assert [e.finish_reason for e in p.t.events(ResponseComplete)] == ["stop", "stop"]


@pytest.mark.parametrize(
    ("asked", "nearest"),
    [("ef_dora", None), ("Dora", None), ("", None), ("ef_dorra", "ef_dora"), ("alba", ""), ("x" * 9999, "")],
)
async def test_a_voice_that_nobody_is_called_is_warned_of(
    caplog: pytest.LogCaptureFixture, asked: str, nearest: str | None
) -> None:
    async with place() as p:
        p.engines = replace(p.engines, voices=(voice_called("ef_dora", "es"), voice_called("af_heart", "en")))
        p.voice.choose(asked, None)

    told = [record for record in caplog.records if record.msg == "unknown_voice"]
    assert len(told) == (0 if nearest is None else 1)
    for record in told:
        assert record.known == "af_heart, ef_dora"  # type: ignore[attr-defined]
        assert getattr(record, "nearest", "") == nearest
        assert len(record.value) <= 64  # type: ignore[attr-defined]
