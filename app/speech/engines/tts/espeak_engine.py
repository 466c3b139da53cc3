"""espeak-ng in a process of its own, asked by many: how words sound, and its own voice."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from typing import Final

from app.errors import AgentError, Locale, NotAvailable, WorkerFailed
from app.speech.engines.tts.espeak_library import EspeakLibrary, find_library, how_to_install, this_machine
from app.speech.engines.tts.phonemes import in_symbols
from app.speech.engines.worker_wire import Frame, Header, JobRefused
from app.speech.engines.workers import WorkerPool
from config.voice_settings import VoiceSettings

WORKER: Final = "app.speech.engines.tts.espeak_worker"

_PHONEME_VOICES: Final[dict[Locale, str]] = {"es": "es", "en": "en-us"}
"""Those whose phonemes Kokoro was trained with."""

_VOICES: Final[dict[Locale, str]] = {"es": "es-419", "en": "en-us"}
"""Those that are understood best; its women's voices are understood less well."""

_QUEUE: Final = 256
"""Jobs that may wait: they take a few milliseconds each."""


class EspeakEngine:
    """One process with the library in it, replaced when it dies or hangs.

    Args:
        library: Which one.
        timeout_s: How long a job may wait, and then take, in seconds.
        kind: The worker's module.
    """

    def __init__(self, library: EspeakLibrary, *, timeout_s: float = 15, kind: str = WORKER) -> None:
        options = {"path": library.path, "data": library.data}
        self._pool = WorkerPool(kind, options, queue=_QUEUE, timeout_s=timeout_s, start_timeout_s=20)

    async def start(self) -> None:
        """Start the process.

        Raises:
            WorkerFailed: The library cannot be loaded.
        """
        await self._pool.start()

    async def phonemes(self, phrases: list[str], locale: Locale, owner: str = "") -> list[str]:
        """How each phrase sounds, in Kokoro's symbols; its words are apart where espeak-ng keeps them apart.

        Args:
            phrases: Words alone, without signs that make a pause.
            locale: Their language.
            owner: Whose they are.

        Raises:
            VoiceBusy: Too many jobs wait.
            WorkerFailed: espeak-ng died, hung, or failed.
        """
        if not phrases:
            return []
        header: Header = {"do": "phonemes", "voice": _PHONEME_VOICES[locale], "texts": phrases}
        reply, _ = await self._job(header, b"", 0, owner)
        return [in_symbols(line, locale) for line in reply["phonemes"]]

    async def sound(
        self, text: str, locale: Locale, words_per_minute: int, urgency: int = 0, owner: str = ""
    ) -> tuple[bytes, int]:
        """PCM16 of a text, and its rate in Hz.

        Args:
            text: As people say it.
            locale: Its language.
            words_per_minute: How fast.
            urgency: Texts with a lower number go first.
            owner: Whose it is.

        Raises:
            VoiceBusy: Too many jobs wait.
            WorkerFailed: espeak-ng died, hung, or failed.
        """
        header: Header = {"do": "speak", "voice": _VOICES[locale], "words_per_minute": words_per_minute}
        reply, pcm = await self._job(header, text.encode(errors="replace"), urgency, owner)
        return pcm, reply["rate_hz"]

    @property
    def workers_lost(self) -> int:
        """How many processes have died or hung so far."""
        return self._pool.lost

    @property
    def pids(self) -> tuple[int, ...]:
        """The process's number, while it is ready."""
        return self._pool.pids

    async def aclose(self) -> None:
        """End the process."""
        await self._pool.aclose()

    async def _job(self, header: Header, body: bytes, urgency: int, owner: str) -> Frame:
        try:
            async with aclosing(self._pool.run(header, body, urgency, owner)) as frames:
                [answer] = [frame async for frame in frames]
        except JobRefused as exc:
            raise WorkerFailed(f"{exc.reason}: {exc.facts}") from exc
        return answer


def library_or_refusal() -> EspeakLibrary:
    """Return the library that there is.

    Raises:
        NotAvailable: It is not installed.
    """
    library = find_library()
    if library is None:
        raise NotAvailable(f"espeak-ng is missing: {how_to_install(this_machine())}", feature="tts")
    return library


async def load_engine(settings: VoiceSettings) -> EspeakEngine:
    """Start espeak-ng.

    Raises:
        NotAvailable: It is not installed.
        WorkerFailed: It cannot be loaded.
    """
    engine = EspeakEngine(library_or_refusal(), timeout_s=settings.tts_timeout_s)
    await engine.start()
    return engine


@asynccontextmanager
async def running(library: EspeakLibrary) -> AsyncGenerator[EspeakEngine]:
    """An engine for the time of the context.

    Raises:
        WorkerFailed: The library cannot be loaded.
    """
    engine = EspeakEngine(library)
    await engine.start()
    try:
        yield engine
    finally:
        await engine.aclose()


def what_is_wrong() -> str:
    """Ask espeak-ng for a word's phonemes; why there are none, or nothing. Blocks for a moment."""
    machine = this_machine()
    library = find_library()
    if library is None:
        return f"espeak-ng ({how_to_install(machine)})"

    async def ask() -> None:
        async with running(library) as engine:
            if not all(await engine.phonemes(["hola"], "es") + await engine.phonemes(["hello"], "en")):
                raise WorkerFailed("it has no phonemes")

    try:
        asyncio.run(ask())
    except AgentError as exc:
        return f"espeak-ng ({library.path} does not work: {exc.facts}; {how_to_install(machine)})"
    return ""
