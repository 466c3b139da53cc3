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
from app.protocol.events import AudioFormat, AudioTerms, ErrorOccurred, Event, TranscriptHeard
from app.session.speech_output import NullSpeechOutput
from app.session.voice_session import VoiceSession
from app.speech.base import Half, SoundFacts, SpeechInputEngines, Transcription, Utterance, VoiceEngines
from app.speech.echo import EchoFilter, new_echo_gate
from app.speech.g711 import decoder
from app.speech.output.sound_format import SoundFormatter
from app.speech.output.tts_output import SpeechTarget, TtsOutput, VoiceChoice
from app.speech.turns.approval_by_voice import ApprovalByVoice
from app.speech.turns.audio_input import AudioInputBuffer
from app.speech.turns.barge_in_controller import BargeInController
from app.speech.turns.recordings import speech_in
from app.speech.turns.speculative_transcriber import SpeculativeTranscriber
from app.speech.turns.utterance_tracker import UtteranceTracker, new_utterance_id
from app.speech.voices import find_voice, is_called
from config.nearest import listed
from config.voice_settings import VoiceSettings

logger = logging.getLogger(__name__)

MAX_CLIPS = 8
"""Recordings of one session that may wait to be understood."""


def never_loading(half: Half) -> bool:
    """Return what is not there will not come."""
    return False


class SessionAudio:
    """One session's audio input and speech output; neither is there until the client asks for it.

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
        settings: VoiceSettings,
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
        self._audio_input: AudioInputBuffer | None = None
        self._decode: Callable[[bytes], bytes] | None = None
        self._echo: EchoFilter | None = None
        self._out_format: AudioFormat | None = None
        self._formatter: SoundFormatter | None = None
        self._barge_in: BargeInController | None = None
        self._speech_output: TtsOutput | None = None
        self._is_away = False
        self._is_closed = False
        self._clips: set[asyncio.Task[None]] = set()
        self._clip_bytes = 0
        self._last_clip: asyncio.Task[None] | None = None
        self._approval = ApprovalByVoice(session, conversation)
        self._closing: set[asyncio.Task[None]] = set()

    # What the client asks for

    def begin(self, terms: AudioTerms | None) -> AgentError | None:
        """Give a new stream its sound, as far as it can have it; the reason where that is not all of it.

        What a client before it had asked for ends: whoever asks for no sound hears none.
        """
        if terms is None:
            if self.terms is not None:
                self.configure(AudioTerms())
                self.terms = None
            return None
        missing = self._missing(terms)
        written = None if "in" in missing else terms.input
        rest = replace(terms, input=written, out=terms.out and "out" not in missing)
        if not missing or rest.input is not None or rest.out:
            self.configure(rest)
        return self._reason(missing) if missing and not terms.is_optional else None

    def configure(self, terms: AudioTerms) -> None:
        """Begin, change or end the session's sound.

        Raises:
            NotAvailable: The server has no recogniser or no synthesiser; nothing has changed.
            VoiceLoading: Not yet; likewise.
        """
        if self._is_closed:
            return  # the connection has not learnt yet that the session has ended; nobody would end this
        engines, missing = self._engines(), self._missing(terms)
        if missing:
            raise self._reason(missing)
        before, self.terms = self.terms, terms
        self._set_format(terms.output, engines)
        self._set_mouth(engines, is_on=terms.out)
        if before is None or before.input != terms.input:
            self._set_ear(engines, terms)
        elif self._barge_in is not None and before.out != terms.out:
            # The audio input stays as it is: the user may be in the middle of a sentence.
            self._barge_in.attend_to(self._speech_output if terms.out else None)
        if self._audio_input is not None:
            self._audio_input.listen_by_hand(is_manual=terms.is_manual, answers=terms.answers)
        if self._barge_in is not None:
            self._barge_in.mode = self._settings.interrupt_mode if terms.interrupts else "never"
        self.ask_otherwise()

    def ask_otherwise(self) -> None:
        """Ask what waits for approval in the way that the session has now."""
        terms = self.terms or AudioTerms()
        self._approval.configure(hears=terms.input is not None, speaks=terms.out)

    def choose(self, voice: str | None, speed: float | None) -> None:
        """Another voice, or another pace, from the next clause on; also of a voice that still loads.

        Raises:
            NotAvailable: The server does not speak.
        """
        is_mute = self._engines().synthesiser is None and not self._is_loading("out")
        if (voice, speed) != (None, None) and is_mute:
            raise NotAvailable(feature="audio_out")
        if voice is not None:
            self._note_name(voice)
            self._choice.voice = voice
        if speed is not None:
            self._choice.speed = speed

    def _note_name(self, asked: str) -> None:
        """Write a line where nobody is called so; the nearest speaks, or the default."""
        voices = self._engines().voices
        if not asked or not voices or any(is_called(asked, voice) for voice in voices):
            return
        facts = {"value": asked[:64], "known": listed([voice.name for voice in voices])}
        if near := find_voice(asked, voices):
            facts["nearest"] = near
        logger.warning("unknown_voice", extra=facts)

    # What it sends

    @property
    def in_format(self) -> AudioFormat | None:
        """How the sound is written that is listened to; None where there is none."""
        return self.terms.input if self._audio_input is not None and self.terms is not None else None

    def check_ears(self, *, is_stream: bool = False) -> None:
        """Look whether recordings are heard here, or a stream.

        Raises:
            NotAvailable: The server cannot hear.
            VoiceLoading: It cannot yet.
            UnexpectedAudio: No stream was agreed on.
        """
        if is_stream:
            self._listening()
        else:
            self._input_engines()

    def take(self, pcm: bytes) -> None:
        """A frame of the user's sound, as it was agreed on.

        Raises:
            NotAvailable: The server cannot hear.
            VoiceLoading: It cannot yet.
            UnexpectedAudio: None was agreed on.
            AudioOverflow: More of it waits than may.
        """
        listening, pcm = self._listening(), pcm if self._decode is None else self._decode(pcm)
        if self._echo is not None and self._speech_output is not None:
            pcm = self._echo.feed(pcm, asyncio.get_running_loop().time(), self._speech_output.place_at)
        listening.take(pcm)

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

    def when_decided(self, action: Callable[[], None]) -> bool:
        """Do something when it is known what comes of the utterance that the client has ended.

        Returns:
            Whether that is still to come; else nothing is done.
        """
        return self._audio_input is not None and self._audio_input.when_decided(action)

    def played(self, turn_id: str, played_ms: int) -> None:
        """The client says how much of a turn it has played.

        Raises:
            BadMessage: Nothing of that turn was spoken.
        """
        if self._speech_output is None:
            raise BadMessage("no hay audio de ese turno", "there is no sound of that turn")
        self._speech_output.report(turn_id, played_ms)

    def stopped(self, turn_id: str) -> None:
        """The client has thrown away what it had not played of a turn."""
        if self._speech_output is not None:
            self._speech_output.stopped(turn_id)

    def truncate(self, turn_id: str, heard_ms: int) -> None:
        """The client has cut a turn's sound, and says how much of it was heard; it is believed.

        Raises:
            BadMessage: Nothing of that turn was spoken.
        """
        if self._speech_output is None:
            raise BadMessage("no hay audio de ese turno", "there is no sound of that turn")
        self._speech_output.truncate(turn_id, heard_ms)

    def hear_clip(self, clip: bytes) -> None:
        """Take a recording: its text has its receipt and its place in the line at once (protocol v1).

        Raises:
            NotAvailable: The server cannot hear.
            VoiceLoading: It cannot yet.
            QueueFull: Too many texts wait.
        """
        input_engines = self._input_engines()
        self._conversation.hear_clip(lambda: self._recognise(input_engines, clip), new_utterance_id())

    def understand_clip(self, clip: bytes) -> None:
        """Take a recording: it becomes a text when it has been understood, in order (protocol v2).

        Raises:
            NotAvailable: The server cannot hear.
            VoiceLoading: It cannot yet.
            AudioOverflow: Too many recordings wait.
        """
        input_engines = self._input_engines()
        if self._is_closed:
            return
        if len(self._clips) >= MAX_CLIPS:
            raise AudioOverflow(seconds=round(self._settings.max_audio_seconds))
        before = self._last_clip
        task = asyncio.create_task(self._understand_clip(input_engines, clip, before), name="clip")
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
        return self._clip_bytes + (self._audio_input.sound_bytes if self._audio_input is not None else 0)

    @property
    def is_understanding_clips(self) -> bool:
        """Whether a recording is on its way that may become a text."""
        return bool(self._clips)

    @property
    def is_quiet(self) -> bool:
        """Whether nobody speaks, nothing sounds, and nothing is left to be understood."""
        is_deaf_or_quiet = self._audio_input is None or self._audio_input.is_quiet
        is_silent = self._speech_output is None or self._speech_output.is_silent
        return is_deaf_or_quiet and is_silent and not (self._clips or self._session.is_heard_speaking)

    def told(self) -> SoundFacts:
        """Return what another process needs to go on hearing and speaking as this one does."""
        spoken = self._speech_output.known_turns if self._speech_output is not None else ()
        return SoundFacts(self.terms, self._choice.voice, self._choice.speed, list(spoken))

    def recall(self, facts: SoundFacts) -> AgentError | None:
        """Go on as another process did, as far as that is had here; the reason where not all of it is."""
        self._choice.voice, self._choice.speed = facts.voice, facts.speed
        refusal = self.begin(facts.terms)
        if self._speech_output is not None:
            self._speech_output.know(facts.spoken)
        return refusal

    # The connection and the end

    def client_left(self) -> None:
        """Nobody listens."""
        self._is_away = True
        self._approval.client_left()
        if self._audio_input is not None:
            self._audio_input.hang_up()
        if self._speech_output is not None:
            self._speech_output.client_left()

    def client_came(self) -> None:
        """Somebody listens (again)."""
        self._is_away = False
        if self._speech_output is not None:
            self._speech_output.client_came()
        self._approval.client_came()

    def client_moved(self) -> None:
        """Somebody listens over another connection, and has all that was sent; what they say goes on, too."""
        if self._speech_output is not None:
            self._speech_output.client_moved()

    async def stop_hearing(self) -> None:
        """Hear nothing more; a text whose user was about to go on with it is taken as it was."""
        self._is_closed = True
        self._approval.close()
        for task in self._clips:
            task.cancel()
        self._end_audio_input()
        left = self._clips | self._closing
        if left:
            await asyncio.wait(left)

    async def aclose(self) -> None:
        """Hear and say nothing more. The conversation is to be closed first."""
        await self.stop_hearing()
        if self._speech_output is not None:
            await self._speech_output.aclose()

    def _listening(self) -> AudioInputBuffer:
        if self._audio_input is None:
            self._input_engines()
            raise UnexpectedAudio
        return self._audio_input

    def _input_engines(self) -> SpeechInputEngines:
        input_engines = self._engines().input_engines
        if input_engines is None:
            raise self._reason(["in"])
        return input_engines

    def _missing(self, terms: AudioTerms) -> list[Half]:
        """The halves that are asked for and not there."""
        engines = self._engines()
        missing: list[Half] = ["in"] if terms.input is not None and engines.input_engines is None else []
        return [*missing, "out"] if terms.out and engines.synthesiser is None else missing

    def _reason(self, missing: list[Half]) -> AgentError:
        """Return why they are missing; what will never come before what only takes a while."""
        for half in missing:
            if not self._is_loading(half):
                return HearingNotAvailable() if half == "in" else NotAvailable(feature="audio_out")
        return VoiceLoading()

    def _set_format(self, wanted: AudioFormat | None, engines: VoiceEngines) -> None:
        """Write the sound of answers so from the next turn's beginning on."""
        if wanted != self._out_format:
            self._out_format = wanted
            self._formatter = SoundFormatter(wanted, engines.new_rate) if wanted is not None else None

    def _emit_sound(self, event: Event) -> None:
        if self._echo is not None:
            self._echo.note(event)
        if self._formatter is None:
            self._session.emit(event)
            return
        for shaped in self._formatter.shape(event):
            self._session.emit(shaped)

    def _set_mouth(self, engines: VoiceEngines, *, is_on: bool) -> None:
        if self._speech_output is not None:
            self._speech_output.set_on(is_on)
        elif is_on and engines.synthesiser is not None and engines.new_splitter is not None:
            self._speech_output = TtsOutput(
                SpeechTarget(
                    self._session.session_id,
                    self._emit_sound,
                    lambda: self._session.language,
                    self._session.outbox.drop_sound,
                    lambda: self._session.sharer,
                    lambda: (self.terms or AudioTerms()).frame_ms,
                ),
                engines.synthesiser,
                self._choice,
                engines.new_splitter,
            )
            self._speech_output.on_correction = self._conversation.correct
            self._session.speech_output = self._speech_output
            if self._is_away:
                self._speech_output.client_left()
        else:
            self._session.speech_output = NullSpeechOutput()

    def _set_ear(self, engines: VoiceEngines, terms: AudioTerms) -> None:
        self._end_audio_input()
        if terms.input is None or engines.input_engines is None:
            return
        written = terms.input
        self._decode = None if written.encoding == "pcm16" else decoder(written.encoding)
        self._echo = new_echo_gate(written.rate_hz) if terms.echoes else None
        input_engines, settings = engines.input_engines, self._settings
        detector = input_engines.detector_for(written.rate_hz)
        understanding = SpeculativeTranscriber(
            input_engines, settings.stt_language, lambda: self._session.language, lambda: self._session.sharer
        )
        barge_in = BargeInController(
            self._conversation, self._speech_output if terms.out else None, settings.interrupt_mode
        )
        self._barge_in = barge_in
        max_seconds = settings.max_audio_seconds
        hearing = UtteranceTracker(
            self._session,
            self._conversation,
            detector,
            understanding,
            barge_in,
            max_seconds,
            self._approval,
        )
        resample = input_engines.new_resampler(written.rate_hz)
        self._audio_input = AudioInputBuffer(
            written.rate_hz, resample, detector, hearing, understanding, max_seconds
        )
        self._approval.after_sound = self._audio_input.after_sound

    def _end_audio_input(self) -> None:
        if self._audio_input is not None:
            closing = asyncio.create_task(self._audio_input.aclose(), name="end of audio input")
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
            self._audio_input = self._barge_in = None
            self._approval.after_sound = lambda action: None

    async def _recognise(self, input_engines: SpeechInputEngines, clip: bytes) -> Transcription:
        owner = self._session.sharer
        pcm = await speech_in(await input_engines.decode_clip(clip, owner), input_engines.new_detector())
        if not pcm:
            return Transcription("", self._session.language, 0.0)
        utterance = Utterance(
            pcm, self._settings.stt_language, self._session.language, urgency="clip", owner=owner
        )
        heard = await input_engines.recogniser.transcribe(utterance)
        if heard.text:
            self._session.spoken_language = heard.language
        return heard

    async def _understand_clip(
        self, input_engines: SpeechInputEngines, clip: bytes, before: asyncio.Task[None] | None
    ) -> None:
        utterance_id = new_utterance_id()
        try:
            heard = await self._recognise(input_engines, clip)
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
