"""What of one session is heard and spoken, as its client has asked for it."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from app.conversation.conversation import Conversation
from app.errors import (
    AgentError,
    AudioOverflow,
    BadMessage,
    HearingNotAvailable,
    Internal,
    NotAvailable,
    NothingHeard,
    UnexpectedAudio,
    VoiceLoading,
)
from app.protocol.events import AudioTerms, ErrorOccurred, TranscriptHeard
from app.session.mouth import Mute
from app.session.voice_session import VoiceSession
from app.talking.attention import Attention
from app.talking.ear import Ear
from app.talking.hearing import Hearing, new_utterance_id
from app.talking.mouth import SpokenMouth, VoiceChoice
from app.talking.recordings import speech_in
from app.talking.understanding import Understanding
from app.voice.base import Half, Senses, Transcript, Utterance, VoiceEngines
from config.settings import Settings

logger = logging.getLogger(__name__)

MAX_CLIPS = 8
"""Recordings of one session that may wait to be understood."""


def never_loading(half: Half) -> bool:
    """What is not there will not come."""
    return False


class SessionVoice:
    """One session's ear and mouth; neither is there until the client asks for it.

    Args:
        engines: What the server has at the moment; it may come only after the session has begun.
        is_loading: Whether a half that is not there may come yet.

    Attributes:
        terms: What was agreed on; None where there is no sound.
    """

    def __init__(
        self,
        session: VoiceSession,
        conversation: Conversation,
        settings: Settings,
        engines: Callable[[], VoiceEngines],
        is_loading: Callable[[Half], bool] = never_loading,
    ) -> None:
        self.terms: AudioTerms | None = None
        self._session = session
        self._conversation = conversation
        self._settings = settings
        self._engines = engines
        self._is_loading = is_loading
        self._choice = VoiceChoice(speed=settings.tts_speed)
        self._ear: Ear | None = None
        self._attention: Attention | None = None
        self._mouth: SpokenMouth | None = None
        self._is_away = False
        self._is_closed = False
        self._clips: set[asyncio.Task[None]] = set()
        self._clip_bytes = 0
        self._last_clip: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()

    # What the client asks for

    def begin(self, terms: AudioTerms | None) -> AgentError | None:
        """Gives a new stream its sound, as far as it can have it; the reason where that is not all of it.

        What a client before it had asked for ends: whoever asks for no sound hears none.
        """
        if terms is None:
            if self.terms is not None:
                self.configure(AudioTerms())
                self.terms = None
            return None
        missing = self._missing(terms)
        rate_hz = None if "in" in missing else terms.in_rate_hz
        rest = replace(terms, in_rate_hz=rate_hz, out=terms.out and "out" not in missing)
        if not missing or rest.in_rate_hz is not None or rest.out:
            self.configure(rest)
        return self._reason(missing) if missing else None

    def configure(self, terms: AudioTerms) -> None:
        """Begins, changes or ends the session's sound.

        Raises:
            NotAvailable: The server has no ear or no mouth; nothing has changed.
            VoiceLoading: Not yet; likewise.
        """
        if self._is_closed:
            return  # the connection has not learnt yet that the session has ended; nobody would end this
        engines, missing = self._engines(), self._missing(terms)
        if missing:
            raise self._reason(missing)
        before, self.terms = self.terms, terms
        self._set_mouth(engines, is_on=terms.out)
        if before is None or before.in_rate_hz != terms.in_rate_hz:
            self._set_ear(engines, terms)
        elif self._attention is not None and before.out != terms.out:
            # The ear stays as it is: the user may be in the middle of a sentence.
            self._attention.attend_to(self._mouth if terms.out else None)
        if self._ear is not None:
            self._ear.listen_by_hand(is_manual=terms.is_manual)

    def choose(self, voice: str | None, speed: float | None) -> None:
        """Another voice, or another pace, from the next clause on; also of a voice that still loads.

        Raises:
            NotAvailable: The server does not speak.
        """
        is_mute = self._engines().synthesiser is None and not self._is_loading("out")
        if (voice, speed) != (None, None) and is_mute:
            raise NotAvailable(feature="audio_out")
        if voice is not None:
            self._choice.voice = voice
        if speed is not None:
            self._choice.speed = speed

    # What it sends

    @property
    def in_rate_hz(self) -> int | None:
        """Samples a second of the sound that is listened to; None where there is none."""
        return self._ear.rate_hz if self._ear is not None else None

    def check_ears(self, *, is_stream: bool = False) -> None:
        """Looks whether recordings are heard here, or a stream.

        Raises:
            NotAvailable: The server cannot hear.
            VoiceLoading: It cannot yet.
            UnexpectedAudio: No stream was agreed on.
        """
        if is_stream:
            self._listening()
        else:
            self._senses()

    def take(self, pcm: bytes) -> None:
        """A frame of the user's sound.

        Raises:
            NotAvailable: The server cannot hear.
            VoiceLoading: It cannot yet.
            UnexpectedAudio: None was agreed on.
            AudioOverflow: More of it waits than may.
        """
        self._listening().take(pcm)

    def commit(self) -> None:
        """The utterance is over.

        Raises:
            NotAvailable: The server cannot hear.
            VoiceLoading: It cannot yet.
            UnexpectedAudio: No sound was agreed on.
        """
        self._listening().commit()

    def clear(self) -> None:
        """The utterance is thrown away.

        Raises:
            NotAvailable: The server cannot hear.
            VoiceLoading: It cannot yet.
            UnexpectedAudio: No sound was agreed on.
        """
        self._listening().clear()

    def played(self, turn_id: str, played_ms: int) -> None:
        """The client says how much of a turn it has played.

        Raises:
            BadMessage: Nothing of that turn was spoken.
        """
        if self._mouth is None:
            raise BadMessage("no hay audio de ese turno", "there is no sound of that turn")
        self._mouth.report(turn_id, played_ms)

    def hear_clip(self, clip: bytes) -> None:
        """Takes a recording: its text has its receipt and its place in the line at once (protocol v1).

        Raises:
            NotAvailable: The server cannot hear.
            VoiceLoading: It cannot yet.
            QueueFull: Too many texts wait.
        """
        senses = self._senses()
        self._conversation.hear_clip(lambda: self._recognise(senses, clip), new_utterance_id())

    def understand_clip(self, clip: bytes) -> None:
        """Takes a recording: it becomes a text when it has been understood, in order (protocol v2).

        Raises:
            NotAvailable: The server cannot hear.
            VoiceLoading: It cannot yet.
            AudioOverflow: Too many recordings wait.
        """
        senses = self._senses()
        if self._is_closed:
            return
        if len(self._clips) >= MAX_CLIPS:
            raise AudioOverflow(seconds=round(self._settings.max_audio_seconds))
        before = self._last_clip
        task = asyncio.create_task(self._understand_clip(senses, clip, before), name="clip")
        self._clips.add(task)
        self._last_clip = task
        self._clip_bytes += len(clip)
        task.add_done_callback(partial(self._clip_ended, len(clip)))

    def _clip_ended(self, length: int, task: asyncio.Task[None]) -> None:
        self._clips.discard(task)
        self._clip_bytes -= length

    @property
    def sound_bytes(self) -> int:
        """About how much of the user's sound is held that is not understood yet."""
        return self._clip_bytes + (self._ear.sound_bytes if self._ear is not None else 0)

    @property
    def is_understanding_clips(self) -> bool:
        """Whether a recording is on its way that may become a text."""
        return bool(self._clips)

    # The connection and the end

    def client_left(self) -> None:
        """Nobody listens."""
        self._is_away = True
        if self._ear is not None:
            self._ear.hang_up()
        if self._mouth is not None:
            self._mouth.client_left()

    def client_came(self) -> None:
        """Somebody listens (again)."""
        self._is_away = False
        if self._mouth is not None:
            self._mouth.client_came()

    async def aclose(self) -> None:
        """Hears and says nothing more. The conversation is to be closed first."""
        self._is_closed = True
        for task in self._clips:
            task.cancel()
        self._end_ear()
        if self._mouth is not None:
            await self._mouth.aclose()
        left = self._clips | self._closing
        if left:
            await asyncio.wait(left)

    def _listening(self) -> Ear:
        if self._ear is None:
            self._senses()
            raise UnexpectedAudio
        return self._ear

    def _senses(self) -> Senses:
        senses = self._engines().senses
        if senses is None:
            raise self._reason(["in"])
        return senses

    def _missing(self, terms: AudioTerms) -> list[Half]:
        """The halves that are asked for and not there."""
        engines = self._engines()
        missing: list[Half] = ["in"] if terms.in_rate_hz is not None and engines.senses is None else []
        return [*missing, "out"] if terms.out and engines.synthesiser is None else missing

    def _reason(self, missing: list[Half]) -> AgentError:
        """Why they are missing; what will never come before what only takes a while."""
        for half in missing:
            if not self._is_loading(half):
                return HearingNotAvailable() if half == "in" else NotAvailable(feature="audio_out")
        return VoiceLoading()

    def _set_mouth(self, engines: VoiceEngines, *, is_on: bool) -> None:
        if self._mouth is not None:
            self._mouth.set_on(is_on)
        elif is_on and engines.synthesiser is not None and engines.new_splitter is not None:
            self._mouth = SpokenMouth(
                self._session.session_id,
                engines.synthesiser,
                self._choice,
                self._session.emit,
                lambda: self._session.language,
                self._session.outbox.drop_sound,
                engines.new_splitter,
                lambda: self._session.sharer,
            )
            self._mouth.on_correction = self._conversation.correct
            self._session.mouth = self._mouth
            if self._is_away:
                self._mouth.client_left()
        else:
            self._session.mouth = Mute()

    def _set_ear(self, engines: VoiceEngines, terms: AudioTerms) -> None:
        self._end_ear()
        if terms.in_rate_hz is None or engines.senses is None:
            return
        senses, settings = engines.senses, self._settings
        detector = senses.new_detector()
        understanding = Understanding(
            senses, settings.stt_language, lambda: self._session.language, lambda: self._session.sharer
        )
        attention = Attention(self._conversation, self._mouth if terms.out else None, settings.interrupt_mode)
        self._attention = attention
        max_seconds = settings.max_audio_seconds
        hearing = Hearing(self._session, self._conversation, detector, understanding, attention, max_seconds)
        resample = senses.new_resampler(terms.in_rate_hz)
        self._ear = Ear(terms.in_rate_hz, resample, detector, hearing, understanding, max_seconds)

    def _end_ear(self) -> None:
        if self._ear is not None:
            closing = asyncio.create_task(self._ear.aclose(), name="end of ear")
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
            self._ear = self._attention = None

    async def _recognise(self, senses: Senses, clip: bytes) -> Transcript:
        owner = self._session.sharer
        pcm = await speech_in(await senses.decode_clip(clip, owner), senses.new_detector())
        if not pcm:
            return Transcript("", self._session.language, 0.0)
        utterance = Utterance(
            pcm, self._settings.stt_language, self._session.language, urgency="clip", owner=owner
        )
        heard = await senses.recogniser.transcribe(utterance)
        if heard.text:
            self._session.spoken_language = heard.language
        return heard

    async def _understand_clip(self, senses: Senses, clip: bytes, before: asyncio.Task[None] | None) -> None:
        utterance_id = new_utterance_id()
        try:
            heard = await self._recognise(senses, clip)
            if before is not None:
                await asyncio.wait({before})
            if not heard.text:
                raise NothingHeard
            emotion = self._conversation.moods.judge(heard.text, heard.language)
            self._session.emit(TranscriptHeard(utterance_id, heard.text, heard.language, True, emotion))
            self._conversation.hear_speech(heard.text, utterance_id, emotion=emotion)
        except AgentError as error:
            logger.log(error.severity, error.code, extra={"facts": error.facts})
            self._session.emit(ErrorOccurred(error))
        except Exception as exc:
            # Nobody awaits this task: its client is told that nothing comes of the recording.
            logger.exception("internal")
            self._session.emit(ErrorOccurred(Internal(type(exc).__name__)))
