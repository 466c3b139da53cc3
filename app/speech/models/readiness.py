"""Whether the server can hear and speak yet; brings what is missing behind the open page."""

import asyncio
import contextlib
import importlib
import logging
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from app.speech.base import Half, VoiceEngines
from app.speech.engines.stt.choice import better
from app.speech.models.catalogue import KOKORO
from app.speech.models.install import missing_by_half, what_is_missing
from app.speech.models.progress import InstallStep, Reporter, step_of
from config.voice_settings import VoiceSettings

_log = logging.getLogger(__name__)

VoiceStatus = Literal["off", "loading", "ready", "degraded", "not_installed", "failed"]

WORKING: Final[frozenset[VoiceStatus]] = frozenset({"ready", "degraded"})
"""A half that hears or speaks."""
_WORSE: Final[tuple[VoiceStatus, ...]] = ("off", "ready", "degraded", "loading", "not_installed", "failed")


@dataclass(frozen=True, slots=True)
class HalfState:
    """How hearing or speaking stands; `detail` as in `VoiceParts`."""

    status: VoiceStatus = "off"
    detail: str = ""


Load = Callable[[tuple[Half, ...], Mapping[Half, str]], Awaitable[Mapping[Half, HalfState]]]
"""Loads some halves of speech, and is told why there is no more of it; says how those stand that are not
simply ready."""


def states_of(engines: VoiceEngines) -> dict[Half, HalfState]:
    """The halves that are not simply ready: without a part that was asked for, or failed."""
    states: dict[Half, HalfState] = {}
    states |= {half: HalfState("degraded", why) for half, why in engines.shortfalls.items()}
    states |= {half: HalfState("failed", why) for half, why in engines.failures.items()}
    return states


INSTALL_COMMAND: Final = "python -m app.voice.install"
"""What a person types where speech is not installed."""

_ROOT: Final = Path(__file__).parents[3]
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
        status: The worse of the two halves; `failed` where installing or loading failed: a restart tries
            again.
        progress: 0 to 1 while `loading`.
        detail: What is being done, why it failed, or what to run.
        halves: How hearing and speaking stand, each for itself.
        on_ready: Loads the halves whose parts are there. Set before `start`; what it raises is a failure of
            all of them.
        on_settled: Is told when loading has ended, well or badly.
    """

    def __init__(
        self,
        settings: VoiceSettings,
        *,
        installer: tuple[str, ...] | None = None,
        reporter: Reporter | None = None,
    ) -> None:
        self.status: VoiceStatus = "off"
        self.progress = 0.0
        self.detail = ""
        self.halves: dict[Half, HalfState] = {"in": HalfState(), "out": HalfState()}
        self.on_ready: Load | None = None
        self.on_settled: Callable[[], None] | None = None
        self._settings = settings
        self._installer = installer
        self._reporter = reporter
        self._task: asyncio.Task[None] | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether the settings ask for speech at all."""
        return bool(self._wanted)

    @property
    def _wanted(self) -> tuple[Half, ...]:
        settings = self._settings
        chosen: dict[Half, str] = {"in": settings.recogniser, "out": settings.synthesiser}
        return tuple(half for half, engine in chosen.items() if settings.voice and engine != "none")

    def is_loading(self, half: Half) -> bool:
        """Return whether it may yet be there without a restart."""
        return self.halves[half].status == "loading"

    async def start(self) -> None:
        """Look what is there, and go on in the background."""
        if not self.is_wanted:
            return
        # Reads what has changed since the last start: hundreds of megabytes, the first time.
        missing = await asyncio.to_thread(missing_by_half, self._settings)
        lacking = await asyncio.to_thread(what_is_missing, self._settings)
        if self._installer is None and self._has_nothing(missing, lacking):
            count = len(lacking)
            self._settle(dict.fromkeys(self._wanted, HalfState("not_installed", INSTALL_COMMAND)))
            _log.warning("voice_not_installed", extra={"missing": count, "run": INSTALL_COMMAND})
            return
        self._settle(dict.fromkeys(self._wanted, HalfState("loading")))
        self._task = asyncio.create_task(self._get_ready(missing, bool(lacking)), name="voice-parts")

    def _has_nothing(self, missing: Mapping[Half, list[str]], lacking: list[str]) -> bool:
        """Whether nobody has installed speech yet: no half has all that it asks for, and one cannot begin."""
        models = {str(self._settings.models_dir / file.path) for file in KOKORO.files}
        lacks: dict[Half, bool] = {
            "in": bool(missing["in"]),
            "out": bool(missing["out"] or models & {*lacking}),
        }
        return any(missing.values()) and all(lacks[half] for half in self._wanted)

    async def wait(self) -> None:
        """Return when nothing more will happen by itself."""
        if self._task is not None:
            await asyncio.wait({self._task})

    async def aclose(self) -> None:
        """End an installation that still runs; the next start goes on with it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _get_ready(self, missing: Mapping[Half, list[str]], is_lacking: bool) -> None:
        lacks = HalfState("not_installed", INSTALL_COMMAND)
        if self._installer is not None and (is_lacking or await asyncio.to_thread(better, self._settings)):
            failure = await self._install(self._installer)
            lacks = HalfState("failed", failure[:_MAX_DETAIL_CHARS])
            # What could not be brought may belong to one half alone.
            missing = await asyncio.to_thread(missing_by_half, self._settings) if failure else {}
        states: dict[Half, HalfState] = {half: lacks for half in self._wanted if missing.get(half)}
        usable: tuple[Half, ...] = tuple(half for half in self._wanted if not missing.get(half))
        if usable:
            self.progress, self.detail = 1.0, "starting"
            others: dict[Half, str] = {half: state.detail for half, state in states.items()}
            found = await self._load(usable, others)
            for half in usable:
                state = found.get(half, HalfState("ready"))
                states[half] = replace(state, detail=state.detail[:_MAX_DETAIL_CHARS])
        self._settle(states)
        self._log(states)
        if self.on_settled is not None:
            self.on_settled()

    def _log(self, states: Mapping[Half, HalfState]) -> None:
        for half, state in states.items():
            if state.status not in WORKING:
                _log.error("voice_failed", extra={"half": half, "reason": state.detail})
            elif state.status == "degraded":
                _log.warning("voice_degraded", extra={"half": half, "reason": state.detail})
        ready = [half for half, state in states.items() if state.status in WORKING]
        if ready:
            _log.info("voice_ready", extra={"halves": ",".join(ready)})

    async def _load(self, halves: tuple[Half, ...], others: Mapping[Half, str]) -> Mapping[Half, HalfState]:
        if self.on_ready is None:
            return {}
        # What was installed a moment ago is not yet known to this process.
        importlib.invalidate_caches()
        try:
            return await self.on_ready(halves, others)
        except Exception as exc:  # whatever a model's library raises, text goes on
            _log.debug("voice_failed", exc_info=True)
            return dict.fromkeys(
                halves, HalfState("failed", " ".join(f"{type(exc).__name__}: {exc}".split()))
            )

    async def _install(self, command: tuple[str, ...]) -> str:
        """Run the installer; say why it failed, nothing where it did not."""
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
        """Show the steps; the last thing that was said."""
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

    def _note(self, step: InstallStep) -> None:
        if step.name in ("packages", "models"):
            self.progress, self.detail = step.progress, step.detail

    def _settle(self, states: Mapping[Half, HalfState]) -> None:
        """The halves stand like this, and all of speech like the worse of them."""
        self.halves = {half: states.get(half, HalfState()) for half in self.halves}
        worst = max(self.halves.values(), key=lambda state: _WORSE.index(state.status))
        self.status, self.detail = worst.status, worst.detail
        self.progress = 1.0 if worst.status in WORKING else 0.0


async def _end(process: Process) -> None:
    """End the installer with all that it has started."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        if sys.platform == "win32":
            process.terminate()
        else:
            # It began a session of its own: pip, which it runs, belongs to its group.
            os.killpg(process.pid, signal.SIGTERM)
    await process.wait()
