"""Whether the server can hear and speak yet; brings what is missing behind the open page."""

import asyncio
import contextlib
import importlib
import logging
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, Literal

from app.voice.install import what_is_missing
from app.voice.progress import Reporter, Step, step_of
from config.settings import Settings

_log = logging.getLogger(__name__)

VoiceStatus = Literal["off", "loading", "ready", "not_installed", "failed"]

INSTALL_COMMAND: Final = "python -m app.voice.install"
"""What a person types where speech is not installed."""

_ROOT: Final = Path(__file__).parents[2]
_MAX_DETAIL_CHARS: Final = 300

INSTALLER: Final = (
    sys.executable,
    "-c",
    # Not `-m`: the settings and MODELS_DIR are those of the folder in which the server was started.
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from app.voice.install import main; sys.exit(main())",
    str(_ROOT),
    "--json",
)
"""What brings the missing parts, and says how far it is in lines of JSON."""


class VoiceParts:
    """The parts of speech, from missing to ready.

    Args:
        installer: The command that brings what is missing; without one, nothing is brought.
        reporter: Is shown the installer's steps.

    Attributes:
        status: `failed` where installing or loading failed; a restart tries again.
        progress: 0 to 1 while `loading`.
        detail: What is being done, why it failed, or what to run.
        on_ready: Loads the parts, once all are there. Set before `start`; what it raises is a failure.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        installer: tuple[str, ...] | None = None,
        reporter: Reporter | None = None,
    ) -> None:
        self.status: VoiceStatus = "off"
        self.progress = 0.0
        self.detail = ""
        self.on_ready: Callable[[], Awaitable[None]] | None = None
        self._settings = settings
        self._installer = installer
        self._reporter = reporter
        self._task: asyncio.Task[None] | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether the settings ask for speech at all."""
        settings = self._settings
        return settings.voice and (settings.recogniser, settings.synthesiser) != ("none", "none")

    async def start(self) -> None:
        """Looks what is there, and goes on in the background."""
        if not self.is_wanted:
            return
        # Reads what has changed since the last start: hundreds of megabytes, the first time.
        missing = await asyncio.to_thread(what_is_missing, self._settings)
        if missing and self._installer is None:
            self._say("not_installed", INSTALL_COMMAND)
            _log.warning("voice_not_installed", extra={"missing": len(missing), "run": INSTALL_COMMAND})
            return
        self._say("loading")
        self._task = asyncio.create_task(self._get_ready(bool(missing)), name="voice-parts")

    async def wait(self) -> None:
        """Returns when nothing more will happen by itself."""
        if self._task is not None:
            await asyncio.wait({self._task})

    async def aclose(self) -> None:
        """Ends an installation that still runs; the next start goes on with it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _get_ready(self, is_missing: bool) -> None:
        failure = await self._install(self._installer) if is_missing and self._installer else ""
        if not failure:
            self.progress, self.detail = 1.0, "starting"
            failure = await self._load()
        if failure:
            self._say("failed", failure[:_MAX_DETAIL_CHARS])
            _log.error("voice_failed", extra={"reason": self.detail})
        else:
            self._say("ready")
            _log.info("voice_ready")

    async def _load(self) -> str:
        if self.on_ready is None:
            return ""
        # What was installed a moment ago is not yet known to this process.
        importlib.invalidate_caches()
        try:
            await self.on_ready()
        except Exception as exc:  # whatever a model's library raises, text goes on
            _log.debug("voice_failed", exc_info=True)
            return " ".join(f"{type(exc).__name__}: {exc}".split())
        return ""

    async def _install(self, command: tuple[str, ...]) -> str:
        """Runs the installer; says why it failed, nothing where it did not."""
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, start_new_session=True
            )
        except OSError as exc:
            return f"the installer cannot be started: {type(exc).__name__}"
        try:
            reason = await self._follow(process)
            return reason if await process.wait() else ""
        finally:
            await _end(process)

    async def _follow(self, process: Process) -> str:
        """Shows the steps; the last thing that was said."""
        last = ""
        while process.stdout is not None and (line := await process.stdout.readline()):
            text = line.decode(errors="replace").strip()
            step = step_of(text)
            if step is None:
                last = text or last
                continue
            last = step.detail
            if self._reporter is not None:
                self._reporter.show(step)
            self._note(step)
        return last or "the installer ended without a word"

    def _note(self, step: Step) -> None:
        if step.name in ("packages", "models"):
            self.progress, self.detail = step.progress, step.detail

    def _say(self, status: VoiceStatus, detail: str = "") -> None:
        self.status, self.detail, self.progress = status, detail, 1.0 if status == "ready" else 0.0


async def _end(process: Process) -> None:
    """Ends the installer with all that it has started."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        if sys.platform == "win32":
            process.terminate()
        else:
            # It began a session of its own: pip, which it runs, belongs to its group.
            os.killpg(process.pid, signal.SIGTERM)
    await process.wait()
