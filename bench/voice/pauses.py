"""`python -m bench.voice.pauses FOLDER`: which pauses inside a sentence end a turn, and what true ends cost.

Recordings of people: the prompts of Asterisk (Debian's `asterisk-core-sounds-*-g722`, one woman for each
language), fetched by apt-get into the folder. Each is said to a talk of its own: the real detector, judge of
ends and recogniser, the demo model or one that reads, in a loop whose clock jumps. So the figures do not
depend on what else the machine does: a pass of the recogniser takes as long as it is said to take, the voice
half a second to its first sound, and all else no time.
"""

import argparse
import asyncio
import hashlib
import json
import re
import statistics
import sys
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, cast

import httpx
import numpy as np

from app.conversation.conversation import Conversation
from app.errors import Locale
from app.llm.demo import DemoModel
from app.llm.demo.matching import examples
from app.protocol.events import AudioFrame, SpeechStopped
from app.session.history import History
from app.session.outbox import Outbox
from app.session.voice_session import VoiceSession
from app.speech.base import EAR_RATE_HZ, AudioPiece, Speech, SpeechInputEngines, WordEnd
from app.speech.detection.detector import UtteranceDetector
from app.speech.detection.end_of_turn import EndOfTurn
from app.speech.detection.smart_turn import SmartTurn
from app.speech.detection.utterances import FRAME_BYTES, Resumed, Silence, Utterances
from app.speech.detection.vad import VoiceActivity
from app.speech.engines.stt.local import LocalRecogniser, model_folder
from app.speech.engines.stt.whisper_worker import load
from app.speech.engines.workers import WorkerPool
from app.speech.output.tts_output import SpeechTarget, TtsOutput, VoiceChoice
from app.speech.reading.clauses import ClauseSplitter
from app.speech.turns.audio_input import AudioInputBuffer
from app.speech.turns.barge_in_controller import BargeInController
from app.speech.turns.speculative_transcriber import SpeculativeTranscriber
from app.speech.turns.utterance_tracker import UtteranceTracker
from app.tools.runner import ToolHost
from app.tools.threads import ToolThreads
from app.tools.tool_list import ToolRegistry
from bench.voice.people import NoPeople, decoded_g722, fetch, fetch_scripts, file_of
from bench.voice.reader import Reader, ReadingModel
from bench.voice.serving import MODELS_DIR
from tests.support.context import settings_with
from tests.support.virtual_time import VirtualClock, run_virtual

LANGUAGES: Final[tuple[Locale, ...]] = ("es", "en")
PAUSE_MS: Final = 200
LEAST_WORDS: Final = 5
BYTES_PER_MS: Final = EAR_RATE_HZ * 2 // 1000
FEED_MS: Final = 20
LEAD_MS: Final = 400
AFTER_MS: Final = 6000
FIRST_SOUND_S: Final = 0.5
_WORD: Final = re.compile(r"[\w']+")


@dataclass(frozen=True, slots=True)
class Prompt:
    """A recording: where its pauses begin, how long they are, and where its last voice ends, in ms."""

    name: str
    language: Locale
    pcm: bytes
    pauses: tuple[tuple[float, float], ...]
    end_ms: float


@dataclass
class Found:
    """What became of the pauses, and the silence that true ends took, in milliseconds.

    A pause that ended a turn may still be joined, unless its answer was heard.
    """

    pauses: int = 0
    ended: list[str] = field(default_factory=list[str])
    heard: list[str] = field(default_factory=list[str])
    ends_ms: list[float] = field(default_factory=list[float])
    sounds_ms: list[float] = field(default_factory=list[float])


def listened(name: str, language: Locale, pcm: bytes, activity: VoiceActivity) -> Prompt:
    """Finds the pauses, as the server's own detector hears them."""
    utterances, silence_ms = Utterances(activity.stream(), 60), 0.0
    pauses: list[tuple[float, float]] = []
    end_ms = 0.0
    padded = pcm + bytes(BYTES_PER_MS * 300)
    for start in range(0, len(padded) - FRAME_BYTES, FRAME_BYTES):
        for event in utterances.feed(padded[start : start + FRAME_BYTES]):
            if isinstance(event, Silence):
                silence_ms = event.ms
                end_ms = utterances.stream_ms - event.ms
            elif isinstance(event, Resumed) and silence_ms >= PAUSE_MS:
                pauses.append((end_ms, silence_ms))
    return Prompt(name, language, pcm, tuple(pauses), end_ms)


def stretched(prompt: Prompt, to_ms: float) -> Prompt:
    """The same with each pause as long as `to_ms`, where it is shorter: somebody who thinks."""
    pcm, added = bytearray(prompt.pcm), 0.0
    pauses: list[tuple[float, float]] = []
    for begin, length in prompt.pauses:
        more = max(to_ms - length, 0.0)
        place = round(begin + added + length / 2) * BYTES_PER_MS
        pcm[place:place] = bytes(round(more) * BYTES_PER_MS)
        pauses.append((begin + added, length + more))
        added += more
    return Prompt(prompt.name, prompt.language, bytes(pcm), tuple(pauses), prompt.end_ms + added)


def prompts(folder: Path, language: Locale, activity: VoiceActivity) -> Iterator[Prompt]:
    """All that are sentences."""
    for name, said in sorted(fetch_scripts(folder, language).items()):
        path = file_of(folder, language, name)
        if path.is_file() and len(_WORD.findall(said)) >= LEAST_WORDS:
            yield listened(name, language, decoded_g722(path), activity)


class Kept:
    """What the models said of a sound, kept in a file: they say the same each time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}

    def get(self, key: str, pcm: bytes, make: Any) -> Any:
        """The answer for this sound; made where it is not known."""
        name = f"{key} {hashlib.sha1(pcm).hexdigest()}"
        if name not in self._known:
            self._known[name] = make()
        return self._known[name]

    def save(self) -> None:
        """Writes all down."""
        self._path.write_text(json.dumps(self._known))


class OnePass:
    """A recogniser's worker that is always there: a pass takes so long, on the clock that jumps."""

    has_idle = False
    lost = 0
    pids = ()

    def __init__(self, kept: Kept, pass_s: float) -> None:
        folder = model_folder("base", Path(MODELS_DIR))
        self._handle = load({"folder": str(folder)})
        self._kept = kept
        self.pass_s = pass_s

    async def run(self, header: Any, pcm: bytes, urgency: int, owner: str) -> AsyncGenerator[Any, None]:
        """One pass."""
        frames = self._kept.get(
            json.dumps(header, sort_keys=True), pcm, lambda: [reply for reply, _ in self._handle(header, pcm)]
        )
        await asyncio.sleep(self.pass_s)
        for reply in frames:
            yield dict(reply), b""

    async def start(self) -> None:
        """Is there."""

    async def aclose(self) -> None:
        """Stays."""


class Judge:
    """The product's judge, whose sound is judged in no time."""

    def __init__(self, kept: Kept) -> None:
        self._audio_input = SmartTurn(Path(MODELS_DIR))
        self._kept = kept
        self.may_be_all = EndOfTurn.may_be_all.__get__(cast(Any, self))

    async def listen(self, pcm: bytes) -> float:
        """How finished it sounds."""
        return float(self._kept.get("audio_input", pcm, lambda: self._audio_input.finished(pcm)))


class SlowVoice:
    """A voice whose clauses sound after so long a while, as Kokoro's do."""

    name: Literal["azure", "local", "espeak"] = "local"
    sample_rate_hz = 24_000

    async def speak(self, speech: Speech) -> AsyncGenerator[AudioPiece, None]:
        """Says one clause: half a second of nothing."""
        await asyncio.sleep(FIRST_SOUND_S)
        yield AudioPiece(bytes(self.sample_rate_hz), (WordEnd(len(speech.text), 500),))

    def give_up(self, talk: str) -> None:
        """Keeps no time for anybody."""

    def heard(self, talk: str) -> None:
        """Counts nothing."""

    async def aclose(self) -> None:
        """Holds nothing."""


@dataclass
class Room:
    """What talks are made of."""

    activity: VoiceActivity
    pool: OnePass
    judge: Judge
    model: Any


async def say(room: Room, prompts: list[Prompt], found: Found) -> None:
    """Says recordings in one talk, and looks when turns ended."""
    settings = settings_with(models_dir=Path(MODELS_DIR))
    clock, language = VirtualClock(), prompts[0].language
    history, outbox = History("Eres amable.", 10**6), Outbox(10**6, 1 << 30)
    session = VoiceSession("s", None, "u", history, outbox, clock.now(), clock.now(), language)
    host = ToolHost(ToolRegistry([]), settings, clock, httpx.AsyncClient(verify=False), ToolThreads(1))
    conversation = Conversation(session, room.model, host, settings)
    recogniser = LocalRecogniser(settings, cast(WorkerPool, room.pool))
    input_engines = SpeechInputEngines(
        recogniser, room.judge, cast(Any, None), cast(Any, None), cast(Any, None)
    )
    detector = UtteranceDetector(room.activity.stream(), 60)
    understanding = SpeculativeTranscriber(input_engines, language, lambda: session.language)
    speech_output = TtsOutput(
        SpeechTarget("s", session.emit, lambda: language, outbox.drop_sound),
        SlowVoice(),
        VoiceChoice(),
        ClauseSplitter,
    )
    session.speech_output = speech_output
    barge_in = BargeInController(conversation, speech_output, "smart")
    hearing = UtteranceTracker(session, conversation, detector, understanding, barge_in, 60)
    audio_input = AudioInputBuffer(EAR_RATE_HZ, lambda pcm: pcm, detector, hearing, understanding, 60)
    try:
        for prompt in prompts:
            await _say(prompt, audio_input, outbox, found)
            while conversation.is_busy:  # noqa: ASYNC110  # virtual time
                await asyncio.sleep(0.1)
    finally:
        await audio_input.aclose()
        await conversation.aclose()
        await speech_output.aclose()
        await host.aclose()


async def _say(prompt: Prompt, audio_input: AudioInputBuffer, outbox: Outbox, found: Found) -> None:
    loop = asyncio.get_running_loop()
    sound = bytes(LEAD_MS * BYTES_PER_MS) + prompt.pcm + bytes(AFTER_MS * BYTES_PER_MS)
    start = loop.time() + LEAD_MS / 1000
    stops: list[float] = []
    sounds: list[float] = []
    for place in range(0, len(sound), FEED_MS * BYTES_PER_MS):
        audio_input.take(sound[place : place + FEED_MS * BYTES_PER_MS])
        await asyncio.sleep(FEED_MS / 1000)
        for event in _taken(outbox):
            at_ms = (loop.time() - start) * 1000
            if isinstance(event, SpeechStopped) and not event.empty:
                stops.append(at_ms)
            elif isinstance(event, AudioFrame):
                sounds.append(at_ms)
    found.pauses += len(prompt.pauses)
    for begin, length in prompt.pauses:
        if any(begin <= stop < begin + length + FEED_MS for stop in stops):
            found.ended.append(f"{prompt.name} at {begin:.0f} ms, {length:.0f} ms long")
        if any(begin <= at < begin + length for at in sounds):
            found.heard.append(prompt.name)
    found.ends_ms += [stop - prompt.end_ms for stop in stops if stop >= prompt.end_ms][:1]
    found.sounds_ms += [at - prompt.end_ms for at in sounds if at >= prompt.end_ms][:1]


def _taken(outbox: Outbox) -> Iterator[Any]:
    while len(outbox):
        take = outbox.take()
        try:
            take.send(None)
        except StopIteration as done:
            yield done.value


def lines(found: Found) -> Iterator[str]:
    """The figures."""
    yield f"pauses that ended a turn: {len(found.ended)} of {found.pauses}"
    yield from (f"  {each}" for each in found.ended)
    yield f"pauses in which an answer began to sound: {len(found.heard)} {' '.join(found.heard)}"
    for name, values in (("text", found.ends_ms), ("first sound of the answer", found.sounds_ms)):
        if values:
            p95 = float(np.quantile(values, 0.95))
            times = f"p50 {statistics.median(values):.0f} ms, p95 {p95:.0f} ms"
            yield f"{name} after a true end ({len(values)}): {times}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.voice.pauses", description=__doc__)
    parser.add_argument(
        "folder", type=Path, nargs="?", default=Path("data/people"), help="of the recordings (%(default)s)"
    )
    parser.add_argument("--most", type=int, default=1000, help="of each language (all)")
    parser.add_argument(
        "--stretch", default="0,600,800,1000", help="makes each pause so long, in ms; 0: as it is"
    )
    parser.add_argument("--passes", default="0.35,0.05", help="seconds that a pass of the recogniser takes")
    parser.add_argument(
        "--in-one-talk", action="store_true", help="so that the server learns the user's pace"
    )
    parser.add_argument(
        "--model", default="demo", choices=("demo", "reads"), help="who answers; `reads`: reader.py"
    )
    options = parser.parse_args()
    try:
        fetch(options.folder)
    except NoPeople as exc:
        sys.exit(f"there are no recordings of people here: {exc}")
    kept = Kept(options.folder / "heard.json")
    reader = Reader()
    examples()  # here, for the loop's clock jumps while a thread works
    settings = settings_with(models_dir=Path(MODELS_DIR))
    model = ReadingModel(reader) if options.model == "reads" else DemoModel(settings)
    room = Room(VoiceActivity(Path(MODELS_DIR)), OnePass(kept, 0), Judge(kept), model)
    for language in LANGUAGES:
        every = list(prompts(options.folder, language, room.activity))
        for pass_s in map(float, options.passes.split(",")):
            room.pool.pass_s = pass_s
            for to_ms in map(float, options.stretch.split(",")):
                # The silence of true ends is measured once: it does not depend on the pauses.
                chosen = (every if not to_ms else [one for one in every if one.pauses])[: options.most]
                said = [stretched(one, to_ms) for one in chosen] if to_ms else chosen
                found = Found()
                for talk in [said] if options.in_one_talk else [[one] for one in said]:
                    run_virtual(say(room, talk, found))
                kept.save()
                title = (
                    f"{language}, pass {pass_s} s, pauses of {to_ms:.0f} ms or more, {len(said)} recordings"
                )
                sys.stdout.write("\n".join([title, *(f"  {line}" for line in lines(found)), ""]))
                sys.stdout.flush()
    if reader.unknown:
        sys.stdout.write(f"texts that nobody judged: {sorted(reader.unknown)}\n")


if __name__ == "__main__":
    main()
