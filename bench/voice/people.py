"""What people say: the prompts of Debian's `asterisk-core-sounds`, fetched by apt and read as a corpus.

Two women, one for each language: Allison Smith for the English prompts, and the voice that the Spanish
(Mexican) package calls by the same name. 16 kHz, G.722, read from a script in a studio. The packages are
CC-BY-SA-3.0 and are fetched, never shipped; `people.json` holds the scripts of the prompts that are measured,
corrected where what is said differs from them.
"""

import gzip
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
import soxr  # pyright: ignore[reportMissingTypeStubs] - it has none

from app.errors import Locale
from app.speech.base import BYTES_PER_SAMPLE, EAR_RATE_HZ
from app.speech.pcm import Samples, to_floats, to_pcm
from bench.voice.corpus import Spoken

SCRIPTS: Final = Path(__file__).with_name("people.json")
FOLDERS: Final[dict[Locale, str]] = {"es": "es_MX_f_Allison", "en": "en_US_f_Allison"}
KINDS: Final = ("clean", "telephone", "10 dB")

_PACKAGE: Final = "asterisk-core-sounds-{}-g722"
_SCRIPT_PACKAGE: Final = "asterisk-core-sounds-{}"
"""Holds, beside sound of another kind, the scripts of all prompts as they were read."""
_DOCS: Final = Path("usr/share/doc")
_SOUNDS: Final = Path("usr/share/asterisk/sounds")
_FETCH_LIMIT_S: Final = 300
_TELEPHONE_RATE_HZ: Final = 8_000
_MU: Final = 255
"""Of G.711's companding: sgn(x) ln(1 + 255 |x|) / ln 256, in eight bits."""
_LEVELS: Final = 127.5
_SNR_DB: Final = 10
_LOUD: Final = 0.1
"""Share of the peak from which on a sample is counted as speech."""


class NoPeople(Exception):
    """The recordings cannot be had here; the text says why."""


def fetch(folder: Path) -> None:
    """Brings the recordings and unpacks them, where that was not done before.

    Raises:
        NoPeople: There is no apt here, or it cannot bring them.
    """
    for language in FOLDERS:
        _bring(_PACKAGE.format(language), folder, folder / language)


def fetch_scripts(folder: Path, language: Locale) -> dict[str, str]:
    """Brings what is said in all of a language's prompts, by their names; uncorrected.

    Raises:
        NoPeople: As `fetch`.
    """
    unpacked = folder / f"{language}-scripts"
    _bring(_SCRIPT_PACKAGE.format(language), folder, unpacked)
    listing = next((unpacked / _DOCS).rglob("core-sounds-*.txt.gz"))
    return scripts_of(gzip.decompress(listing.read_bytes()))


def scripts_of(listing: bytes) -> dict[str, str]:
    """Reads a package's list of scripts: a name, a colon, and what is said; some are in Latin-1."""
    try:
        text = listing.decode()
    except UnicodeDecodeError:
        text = listing.decode("latin-1")
    pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line and not line.startswith(";"))
    return {name.strip(): said.strip() for name, said in pairs}


def _bring(name: str, folder: Path, unpacked: Path) -> None:
    """Downloads a package of Debian's and unpacks it into a folder of its own, once."""
    if unpacked.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = unpacked.with_name(f"{unpacked.name}.part")
    try:
        _run(["apt-get", "update", "-qq"], folder)
        _run(["apt-get", "download", "-qq", name], folder)
        [package] = folder.glob(f"{name}_*.deb")
        _run(["dpkg-deb", "-x", str(package), str(unfinished)], folder)
    except (OSError, subprocess.SubprocessError, ValueError) as exc:
        raise NoPeople(f"{name}: {exc}") from exc
    unfinished.rename(unpacked)


def _run(command: Sequence[str], folder: Path) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=_FETCH_LIMIT_S)


def people(folder: Path, kind: str = "clean") -> list[Spoken]:
    """The measured prompts of both languages.

    Args:
        folder: Where `fetch` has put them.
        kind: One of `KINDS`.
    """
    entries: list[dict[str, Any]] = json.loads(SCRIPTS.read_text(encoding="utf-8"))["prompts"]
    return [
        Spoken(
            f"{one['language']}/{one['id']}",
            one.get("said", one["script"]),
            one["language"],
            (),
            changed(prompt(folder, one["language"], one["id"]), kind, seed),
            kind,
        )
        for seed, one in enumerate(entries)
    ]


def prompt(folder: Path, language: Locale, name: str) -> bytes:
    """One prompt at the recogniser's rate."""
    return decoded_g722(file_of(folder, language, name))


def file_of(folder: Path, language: Locale, name: str) -> Path:
    """Where `fetch` has put a prompt; some scripts have none."""
    return folder / language / _SOUNDS / FOLDERS[language] / f"{name}.g722"


def decoded_g722(file: Path) -> bytes:
    """A bare stream of G.722 as PCM16 at 16 kHz, which is its own rate."""
    sound = bytearray()
    with av.open(str(file), "r", format="g722") as container:
        for frame in container.decode(audio=0):
            sound += bytes(frame.planes[0])[: frame.samples * BYTES_PER_SAMPLE]
    return bytes(sound)


def changed(pcm: bytes, kind: str, seed: int = 1) -> bytes:
    """The sound as it is; over a telephone, 8 kHz in mu-law; or in white noise, 10 dB below the speech."""
    sound = to_floats(pcm)
    match kind:
        case "telephone":
            narrow = soxr.resample(sound, EAR_RATE_HZ, _TELEPHONE_RATE_HZ)
            return to_pcm(soxr.resample(_mu_law(narrow), _TELEPHONE_RATE_HZ, EAR_RATE_HZ))
        case "10 dB":
            speech = sound[np.abs(sound) > _LOUD * np.abs(sound).max()]
            power = float(np.mean(np.square(speech))) / 10 ** (_SNR_DB / 10)
            noise = np.random.default_rng(seed).standard_normal(sound.size)
            return to_pcm(sound + noise * np.sqrt(power))
        case _:
            return pcm


def _mu_law(sound: Samples) -> Samples:
    """There and back again."""
    clipped = np.clip(sound, -1, 1)
    code = np.sign(clipped) * np.log1p(_MU * np.abs(clipped)) / np.log1p(_MU)
    code = np.round((code + 1) * _LEVELS) / _LEVELS - 1
    return (np.sign(code) * np.expm1(np.abs(code) * np.log1p(_MU)) / _MU).astype(np.float32)
