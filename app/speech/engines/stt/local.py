"""Whisper or Parakeet in worker processes, as a recogniser."""

from contextlib import aclosing, nullcontext
from pathlib import Path
from typing import Final, Literal

from app.errors import Locale, NotAvailable, VoiceBusy, WorkerFailed
from app.speech.base import Transcription, Urgency, Utterance
from app.speech.engines.core_sharing import Haste
from app.speech.engines.stt.catalogue import KNOWN, TURBO
from app.speech.engines.stt.choice import usable, workers_for
from app.speech.engines.stt.machine import MachineProfile, this_machine
from app.speech.engines.worker_wire import Header, JobRefused
from app.speech.engines.workers import WorkerPool
from config.voice_settings import VoiceSettings

_KINDS: Final = {
    "whisper": "app.speech.engines.stt.whisper_worker",
    "parakeet": "app.speech.engines.stt.parakeet_worker",
}
_MOST_THREADS: Final = 4
"""Of one pass; what Parakeet gains from more is little, and others work beside it."""

_URGENCIES: Final[dict[Urgency, int]] = {"final": 0, "speculative": 1, "clip": 2, "partial": 3}

_WAITED_FOR: Final = frozenset[Urgency]({"final", "speculative"})

PROMPTS: Final[dict[Locale, str]] = {
    "es": "¿Qué hora es? Dime qué hora es en Madrid. ¿Qué tiempo hace hoy? Calcula cuánto es tres por cinco. "
    "Busca en internet. Espera, para. Sí, vale, gracias.",
    "en": "What time is it? Tell me what time it is in London. What's the weather today? Calculate how "
    "much is three times five. Search the internet. Wait, stop. Yes, okay, thanks.",
}
"""What people say to an agent with these tools, for an utterance that brings no words of its own."""


class LocalRecogniser:
    """Speech to text on this machine; see `Recogniser`.

    Args:
        settings: With the model, its folder, the context and the workers' limits.
        pool: The workers; by default as the settings say.

    Attributes:
        model: The name of the one that is used: what `auto` came to.
        haste: Is told when a user waits, and asked whether a listener does.

    Raises:
        NotAvailable: The model's files are not there.
    """

    name: Literal["azure", "local"] = "local"

    def __init__(self, settings: VoiceSettings, pool: WorkerPool | None = None) -> None:
        self.haste = Haste()
        self._context = settings.stt_context
        name = usable(settings)
        kind, options, size = worker_of(name, settings)
        self.model = name
        self._pool = pool or WorkerPool(
            kind,
            options,
            size=size,
            queue=settings.stt_queue,
            timeout_s=settings.stt_timeout_s,
        )

    @property
    def has_idle_worker(self) -> bool:
        """Whether a pass would begin at once."""
        return self._pool.has_idle

    @property
    def pids(self) -> tuple[int, ...]:
        """The numbers of its processes, for those who watch them."""
        return self._pool.pids

    @property
    def workers_lost(self) -> int:
        """How many of its processes have died or hung so far."""
        return self._pool.lost

    async def start(self) -> None:
        """Start the workers and load the model in each.

        Raises:
            WorkerFailed: The model cannot be loaded.
        """
        await self._pool.start()

    async def transcribe(self, utterance: Utterance) -> Transcription:
        """Understand one utterance, as `Recogniser.transcribe` promises."""
        if utterance.urgency == "partial" and (not self._pool.has_idle or self.haste.is_speaking):
            raise VoiceBusy("no worker is idle for a partial transcript, or sound is needed at once")
        with self.haste.hearing() if utterance.urgency in _WAITED_FOR else nullcontext():
            return await self._transcribe(utterance)

    async def _transcribe(self, utterance: Utterance) -> Transcription:
        prompts = dict.fromkeys(PROMPTS, utterance.prompt) if utterance.prompt else PROMPTS
        # A partial transcript is overtaken before a second pass would end.
        context = "once" if utterance.urgency == "partial" else self._context
        header: Header = {
            "language": utterance.language,
            "hint": utterance.hint,
            "prompts": prompts,
            "context": context,
            "is_expected": bool(utterance.prompt),
            "is_spoken": utterance.is_spoken,
        }
        windows: list[Header] = []
        upto: int | None = 0
        # Window by window, each a job of its own: between two of a long clip others have their turn.
        while upto is not None and (understood := await self._pass(header, utterance, upto)):
            windows += understood
            header["language"] = understood[-1]["language"]
            upto = understood[-1].get("upto")
        return joined(windows, utterance)

    async def _pass(self, header: Header, utterance: Utterance, start: int) -> list[Header]:
        """Return what was understood from a place on, in bytes; `upto` is where the next pass begins."""
        run = self._pool.run(header, utterance.pcm[start:], _URGENCIES[utterance.urgency], utterance.owner)
        try:
            async with aclosing(run) as frames:
                understood = [reply async for reply, _ in frames]
        except JobRefused as refusal:
            raise WorkerFailed(f"refused: {refusal.reason}") from None
        for reply in understood:
            if reply.get("upto") is not None:
                reply["upto"] += start
        return understood

    async def aclose(self) -> None:
        """End the workers."""
        await self._pool.aclose()


def joined(windows: list[Header], utterance: Utterance) -> Transcription:
    """One transcript of what was understood in each window."""
    spoken = [window for window in windows if window["text"]]
    if not spoken:
        language = utterance.hint if utterance.language == "auto" else utterance.language
        return Transcription("", language, 0.0)
    seconds = sum(window["seconds"] for window in spoken)
    return Transcription(
        " ".join(window["text"] for window in spoken),
        spoken[0]["language"],
        round(sum(window["confidence"] * window["seconds"] for window in spoken) / seconds, 3),
        any(window.get("is_doubtful", False) for window in spoken),
    )


def worker_of(
    name: str, settings: VoiceSettings, machine: MachineProfile | None = None
) -> tuple[str, Header, int]:
    """Return what kind of worker opens a model, with which options, and how many of them.

    Raises:
        NotAvailable: The model's files are not there.
    """
    here = machine or this_machine()
    known = KNOWN.get(name)
    size = workers_for(name, settings.stt_workers, here)
    if known is not None and known.kind == "parakeet":
        folder = settings.models_dir / known.folder
        if not (folder / "encoder-model.int8.onnx").is_file():
            raise NotAvailable(f"no model {name} in {settings.models_dir}", feature="STT_MODEL")
        threads = max(1, min(_MOST_THREADS, int(here.cores) // size))
        return _KINDS["parakeet"], {"folder": str(folder.resolve()), "threads": threads}, size
    folder = model_folder(name, settings.models_dir)
    # The card is there for the large model; the small ones are quick enough without.
    device = "cuda" if name == TURBO and here.gpus else "cpu"
    return _KINDS["whisper"], {"folder": str(folder), "device": device}, size


def model_folder(name: str, models_dir: Path) -> Path:
    """Return where the model of `STT_MODEL` is: a folder of that path, or of that name among the models.

    Raises:
        NotAvailable: It is nowhere.
    """
    for folder in (Path(name), models_dir / f"whisper-{name}", models_dir / name):
        if (folder / "model.bin").is_file():
            return folder.resolve()
    raise NotAvailable(f"no Whisper model {name} in {models_dir}", feature="STT_MODEL")
