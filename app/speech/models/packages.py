"""The Python packages that speech needs: which are missing, and how they are brought."""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Final

from app.speech.engines.tts.espeak_library import PACKAGE as ESPEAK
from app.speech.engines.tts.espeak_library import WheelPlatform, find_library, this_machine

_ROOT = Path(__file__).parents[3]

REQUIREMENTS: Final = _ROOT / "requirements-voice.ini"
LOCK: Final = _ROOT / "requirements-voice.lock"


class PackagesError(Exception):
    """The packages cannot be installed. The text is one line that says why."""


def required_packages(requirements: Path = REQUIREMENTS) -> list[str]:
    """The names in a requirements file, or in a lock, without versions."""
    lines = [line.strip() for line in requirements.read_text(encoding="utf-8").splitlines()]
    return [_name_of(line) for line in lines if line and not line.startswith(("#", "-"))]


def missing_packages(names: Iterable[str] | None = None) -> list[str]:
    """Those that are not installed here. Imports none of them: some take a second.

    espeak-ng is missing where there is neither its package nor a library of the system.
    """
    missing = [name for name in (required_packages() if names is None else names) if not _is_installed(name)]
    needs_no_package = not this_machine().has_wheel or find_library() is not None
    return [name for name in missing if name != ESPEAK or not needs_no_package]


def install_packages(told: Callable[[float, str], None], command: list[str] | None = None) -> None:
    """Install what is missing into the environment that runs this.

    Args:
        told: Takes the progress, 0 to 1, and what is being done.
        command: pip's, unless a test says otherwise.

    Raises:
        PackagesError: pip could not.
    """
    with _command_here() as usual:
        _run(command or usual, told)


def _run(command: list[str], told: Callable[[float, str], None]) -> None:
    expected = len(required_packages(LOCK))
    lines: list[str] = []
    collected = 0
    with subprocess.Popen(  # noqa: S603  # our own list, no shell
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            lines = [*lines[-50:], line.rstrip()]
            if line.startswith("Collecting "):
                collected += 1
                told(min(collected / expected, 1) * 0.8, line.split()[1])
            elif line.startswith("Installing collected packages"):
                told(0.8, "unpacking")
    if process.returncode:
        errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
        raise PackagesError(f"pip cannot install the voice packages: {(errors or lines or [''])[-1][:300]}")


def pip_command(requirements: Path = REQUIREMENTS, lock: Path = LOCK) -> list[str]:
    """Return what installs the packages: the very files that were tested, by their sums."""
    options = ["--disable-pip-version-check", "--progress-bar", "off"]
    # What the packages need on Windows alone is not locked.
    wanted = ["-r", str(requirements)] if sys.platform == "win32" else ["--require-hashes", "-r", str(lock)]
    return [sys.executable, "-m", "pip", "install", *options, *wanted]


def packages_for(machine: WheelPlatform, requirements: Path) -> str:
    """Return a requirements file, or a lock, without what has no wheel for this machine."""
    text = requirements.read_text(encoding="utf-8")
    if machine.has_wheel:
        return text
    kept: list[str] = []
    is_left_out = False
    for line in text.splitlines(keepends=True):
        # The sums of a package stand below it, indented.
        is_left_out = _name_of(line) == ESPEAK or (is_left_out and line.startswith(" "))
        if not is_left_out:
            kept.append(line)
    return "".join(kept)


@contextmanager
def _command_here() -> Generator[list[str]]:
    """Pip's command, whose lists last as long as the context."""
    machine = this_machine()
    if machine.has_wheel:
        yield pip_command()
        return
    with tempfile.TemporaryDirectory() as folder:
        lists = [Path(folder) / file.name for file in (REQUIREMENTS, LOCK)]
        for file, original in zip(lists, (REQUIREMENTS, LOCK), strict=True):
            file.write_text(packages_for(machine, original), encoding="utf-8")
        yield pip_command(*lists)


def _name_of(requirement: str) -> str:
    for end, char in enumerate(requirement):
        if not (char.isalnum() or char in "-_."):
            return requirement[:end]
    return requirement


def _is_installed(name: str) -> bool:
    try:
        return bool(metadata.version(name))
    except metadata.PackageNotFoundError:
        return False
