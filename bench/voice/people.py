"""What people say: the prompts of Debian's `asterisk-core-sounds`, fetched by apt and read as a corpus.

Two women, one for each language: Allison Smith for the English prompts, and the voice that the Spanish
(Mexican) package calls by the same name. 16 kHz, G.722, read from a script in a studio. The packages are
CC-BY-SA-3.0 and are fetched, never shipped; `people.json` holds the scripts of the prompts that are measured,
corrected where what is said differs from them.
"""

import json
import subprocess
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
import soxr  # pyright: ignore[reportMissingTypeStubs] - it has none

from app.errors import Locale
from app.voice.base import BYTES_PER_SAMPLE, EAR_RATE_HZ
from app.voice.pcm import Samples, to_floats, to_pcm
from bench.voice.corpus import Spoken

SCRIPTS: Final = Path(__file__).with_name("people.json")
FOLDERS: Final[dict[Locale, str]] = {"es": "es_MX_f_Allison", "en": "en_US_f_Allison"}
KINDS: Final = ("clean", "telephone", "10 dB")

_PACKAGE: Final = "asterisk-core-sounds-{}-g722"
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
    """Brings the packages and unpacks them, where that was not done before.

    Raises:
        NoPeople: There is no apt here, or it cannot bring them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for language in FOLDERS:
        if (folder / language).exists():
            continue
        name = _PACKAGE.format(language)
        try:
            for command in (
                ["apt-get", "update", "-qq"],
                ["apt-get", "download", "-qq", name],
            ):
                subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=_FETCH_LIMIT_S)
            [package] = folder.glob(f"{name}_*.deb")
            unfinished = folder / f"{language}.part"
            subprocess.run(["dpkg-deb", "-x", str(package), str(unfinished)], check=True, timeout=60)
        except (OSError, subprocess.SubprocessError, ValueError) as exc:
            raise NoPeople(f"{name}: {exc}") from exc
        unfinished.rename(folder / language)


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
    """One prompt at the ears' rate."""
    return decoded_g722(folder / language / _SOUNDS / FOLDERS[language] / f"{name}.g722")


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
