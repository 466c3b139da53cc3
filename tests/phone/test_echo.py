"""Calls whose line brings the agent's voice back, by recordings, mu-law both ways and the real detector."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pytest

from app.speech.base import (
    EAR_RATE_HZ,
    AudioPiece,
    Speech,
    SpeechInputEngines,
    Transcription,
    Utterance,
    VoiceEngines,
    WordEnd,
)
from app.speech.detection.detector import UtteranceDetector
from app.speech.detection.utterances import ENTER_NARROW
from app.speech.g711 import encoder
from app.speech.pcm import Resampler, resampled
from tests.phone.twilio import SECRET, PhoneCall, call_to
from tests.support.clips import recording
from tests.support.context import settings_with
from tests.support.ears import FullStops, no_clips
from tests.support.models import MODELS_DIR, model
from tests.support.scripted import ScriptedModel, says
from tests.support.server import running_server
from tests.support.voices import CommaSplitter

pytestmark = [pytest.mark.alone, pytest.mark.timeout(90)]

SAID = ("es_barcelona", "en_time", "es_calcula")
"""What the agent says: a word is the recording of this name."""

ANSWER = ", ".join(SAID) + "."


class RecordedVoice:
    """Says recordings by their names."""

    name: Literal["azure", "local", "espeak"] = "local"
    sample_rate_hz = EAR_RATE_HZ

    async def speak(self, speech: Speech) -> AsyncGenerator[AudioPiece, None]:
        name = speech.text.strip().strip(",.")
        pcm = recording(name).pcm if name in SAID else bytes(3200)
        await asyncio.sleep(0)
        yield AudioPiece(pcm, (WordEnd(len(speech.text), len(pcm) / 32),))

    def give_up(self, talk: str) -> None:
        pass

    def heard(self, talk: str) -> None:
        pass

    async def aclose(self) -> None:
        pass


class AnyWords:
    """Understands all that it is given as the same words, and remembers it."""

    name: Literal["azure", "local"] = "local"
    has_idle_worker = True

    def __init__(self) -> None:
        self.passes: list[Utterance] = []

    async def transcribe(self, utterance: Utterance) -> Transcription:
        self.passes.append(utterance)
        await asyncio.sleep(0.01)
        return Transcription("espera, dime otra cosa.", "es")

    async def aclose(self) -> None:
        pass


@dataclass
class OnTheLine:
    call: PhoneCall
    ears: AnyWords
    model: ScriptedModel

    def says(self, name: str) -> None:
        self.call.says_codes(encoder("mulaw")(resampled(recording(name).pcm, EAR_RATE_HZ, 8000)))

    @property
    def heard_s(self) -> float:
        """How much of the agent's voice the caller has heard."""
        frames = np.frombuffer(bytes(self.call.heard), "u1").reshape(-1, 160)
        return 0.02 * int((frames != 0xFF).any(axis=1).sum())


@asynccontextmanager
async def line(echo_db: float | None, echo_frames: int, *answers: str) -> AsyncIterator[OnTheLine]:
    """A call on which a greeting of some seconds is about to be heard."""
    model("silero_vad.onnx")
    from app.speech.detection.vad import VoiceActivity

    activity, ears = VoiceActivity(MODELS_DIR), AnyWords()

    def narrow() -> UtteranceDetector:
        stream = activity.stream(is_narrow=True)
        return UtteranceDetector(stream, 60, ENTER_NARROW, stream.foresee)

    senses = SpeechInputEngines(
        ears,
        FullStops(),
        lambda: UtteranceDetector(activity.stream(), 60),
        lambda rate_hz: Resampler(rate_hz).feed,
        no_clips,
        narrow,
    )
    engines = VoiceEngines(senses, RecordedVoice(), CommaSplitter, new_rate=Resampler)
    scripted = ScriptedModel([says(answer) for answer in answers])
    settings = settings_with(llm_provider="demo", twilio_auth_token=SECRET, phone_greeting=ANSWER)
    async with running_server(settings, provider=scripted, tools=[], engines=engines) as server:
        async with call_to(server) as call:
            call.echo_db, call.echo_frames = echo_db, echo_frames
            yield OnTheLine(call, ears, scripted)


LENGTH_S = sum(len(recording(name).pcm) for name in SAID) / 32_000


@pytest.mark.parametrize(("echo_db", "echo_frames"), [(-12, 25), (-20, 4), (-30, 10)])
async def test_agent_neither_stops_for_its_own_echo_nor_answers_it(echo_db: float, echo_frames: int):
    async with line(echo_db, echo_frames) as there:
        await there.call.until(what=lambda: len(there.call.heard) >= 160 * 50 * (LENGTH_S - 0.3))
        heard = len(there.call.heard)
        await asyncio.sleep(2)  # what has come back by then has been thought about

        assert "clear" not in there.call.events
        assert there.ears.passes == [] and there.model.requests == []
        assert heard == pytest.approx(LENGTH_S * 8000, abs=4000)


@pytest.mark.parametrize("echo_db", [None, -20, -12])
async def test_caller_stops_the_agent_over_its_echo(echo_db: float | None):
    async with line(echo_db, 10, "es_hora.") as there:
        await there.call.until(what=lambda: there.heard_s >= 3)
        there.says("es_espera")
        await there.call.until(what=lambda: "clear" in there.call.events)
        await there.call.until(what=lambda: there.model.requests)
        understood = there.ears.passes[-1]

        assert there.heard_s < LENGTH_S - 1
        assert there.model.requests[0].messages[-1]["content"].startswith("espera")
        # From its first word on: a second and a half of speech, none of it cut away with the echo.
        assert len(understood.pcm) / 32_000 >= 1.2
