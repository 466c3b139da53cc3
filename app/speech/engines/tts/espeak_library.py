"""Where espeak-ng is: in its wheel, or where the system has put it. Loads nothing.

espeak-ng is GPL-3. It is loaded by `espeak_worker` alone, in a process of its own.
"""

import platform
import shutil
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

PACKAGE: Final = "espeakng-loader"
"""The distribution that carries library and data."""

_MODULE: Final = "espeakng_loader"
_DATA: Final = "espeak-ng-data"
_NAMES: Final = ("libespeak-ng.so", "libespeak-ng.dylib", "espeak-ng.dll")
_SYSTEM_NAMES: Final = ("libespeak-ng.so.1", "libespeak-ng.1.dylib", "libespeak-ng.dll")
_SYSTEM_FOLDERS: Final = ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/opt/homebrew/lib")

_WHEELS: Final = frozenset(
    {
        ("linux", "x86_64"),
        ("linux", "aarch64"),
        ("darwin", "x86_64"),
        ("darwin", "arm64"),
        ("win32", "amd64"),
        ("win32", "arm64"),
    }
)
"""For which systems and processors release 0.2.4 has wheels; on Linux for glibc alone."""


@dataclass(frozen=True, slots=True)
class WheelPlatform:
    """What decides whether a wheel fits.

    Attributes:
        system: As `sys.platform` names it.
        processor: As `platform.machine` names it.
        libc: As `platform.libc_ver` names it; not `glibc` on musl.
    """

    system: str
    processor: str
    libc: str

    @property
    def has_wheel(self) -> bool:
        """Whether the package can be installed here by pip."""
        is_built = (self.system, self.processor.lower()) in _WHEELS
        return is_built and (self.system != "linux" or self.libc == "glibc")


def this_machine() -> WheelPlatform:
    """Return the one that runs this."""
    return WheelPlatform(sys.platform, platform.machine(), platform.libc_ver()[0])


@dataclass(frozen=True, slots=True)
class EspeakLibrary:
    """A library that can be loaded.

    Attributes:
        path: Of the shared library.
        data: Of the folder with its voices; empty where the library knows it itself.
    """

    path: str
    data: str = ""


def find_library(system_folders: Iterable[Path] | None = None) -> EspeakLibrary | None:
    """Return the wheel's espeak-ng, else the system's, else none.

    Args:
        system_folders: Where the system's is looked for, instead of the usual places.
    """
    found = None
    with suppress(ImportError):  # some finders raise where others find nothing
        found = find_spec(_MODULE)
    for folder in map(Path, (found and found.submodule_search_locations) or ()):
        for name in _NAMES:
            if (folder / name).is_file() and (folder / _DATA).is_dir():
                return EspeakLibrary(str(folder / name), str(folder / _DATA))
    for folder in _folders() if system_folders is None else system_folders:
        for name in _SYSTEM_NAMES:
            # Debian has a folder for each processor.
            for path in (folder / name, *sorted(folder.glob(f"*-linux-*/{name}"))):
                if path.is_file():
                    return EspeakLibrary(str(path))
    return None


def how_to_install(machine: WheelPlatform) -> str:
    """Return what brings espeak-ng here, in a few words."""
    if machine.has_wheel:
        return f"pip install {PACKAGE}"
    match machine.system:
        case "linux" if machine.libc != "glibc":
            return "apk add espeak-ng"
        case "linux":
            return "apt-get install libespeak-ng1, or the system's package of espeak-ng"
        case "darwin":
            return "brew install espeak-ng"
        case _:
            return "install espeak-ng by the system's packages"


def _folders() -> list[Path]:
    folders = [Path(folder) for folder in _SYSTEM_FOLDERS]
    program = shutil.which("espeak-ng")
    if program is not None:
        folders += [Path(program).resolve().parent, Path(program).resolve().parents[1] / "lib"]
    return folders
