"""Makes the recordings to measure with: `python -m bench.voice.make_corpus FOLDER`.

They are synthetic: real people are harder to understand. The same seed makes the same sound; what is there
already is not made again. The list, `corpus.json`, is what `read_corpus` reads.
"""

import argparse
import asyncio
import hashlib
import json
import os
import wave
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args

import numpy as np
import numpy.typing as npt
import soxr

from app.errors import Locale
from app.speech.base import EAR_RATE_HZ, Speech, Synthesiser
from app.speech.engines.tts.espeak_engine import WORKER as ESPEAK_WORKER
from app.speech.engines.tts.espeak_engine import EspeakEngine, library_or_refusal, load_engine
from app.speech.engines.tts.kokoro import KokoroSynthesiser, pool_of
from app.speech.engines.tts.load import TtsAdmission
from app.speech.engines.worker_wire import Frame
from app.speech.engines.workers import WorkerPool
from app.speech.models.catalogue import KOKORO, VOICES_FILE
from bench.voice.sentences import TEXTS, Group
from bench.voice.short_texts import SHORT_TEXTS
from config.settings import Settings

Sound = npt.NDArray[np.float32]
Speak = Callable[[str, Locale, float], Sound]
"""Text, language and speed to sound at the recogniser's rate."""
Texts = Mapping[Locale, Mapping[Group, Sequence[str]]]

ALL_GROUPS: Final[tuple[Group, ...]] = get_args(Group)
OVER_THE_AGENT: Final[tuple[Group, ...]] = ("assent", "interruption")

PAUSE_S: Final = 0.8
MARGIN_S: Final = 0.3
NOISE_PIECE_S: Final = 10
NOISE_PIECES: Final = 12
"""Of each of the five noises: ten minutes in all."""

NOISES: Final = ("white", "pink", "hum", "clicks", "reversed")
KINDS: Final = {"sentence": ("clean", "10 dB", "telephone", "slow", "fast")}
"""What is done to each group; `clean` alone where nothing is named."""

_SPEEDS: Final = {"slow": 0.9, "fast": 1.1}
_ESPEAK_WORDS_PER_MINUTE: Final = 165
_ESPEAK_VOICES: Final[dict[Locale, str]] = {"es": "es", "en": "en-us"}
_KOKORO_VOICES: Final[dict[Locale, str]] = {"es": "ef_dora", "en": "af_heart"}
OTHER_ESPEAK_VOICES: Final[dict[Locale, str]] = {"es": "es-419", "en": "en"}
OTHER_KOKORO_VOICES: Final[dict[Locale, str]] = {"es": "em_alex", "en": "am_michael"}
"""For a second corpus, on which no rule and no list of words was tried before."""
THIRD_ESPEAK_VOICES: Final[dict[str, tuple[dict[Locale, str], float]]] = {
    "espeak-f": ({"es": "es+f2", "en": "en-us+f4"}, 1.15),
    "espeak-m": ({"es": "es-419+m3", "en": "en-gb-scotland+m5"}, 0.9),
}
"""For a third one, of other words (`short_texts.py`): voices in each language, and how fast they speak."""
_MIXED: Final = {
    **{"ef_dora": "em_alex", "em_alex": "ef_dora"},
    **{"af_heart": "am_michael", "am_michael": "af_heart"},
}
_MIXED_SHARE: Final = 0.4
_MIXED_SPEED: Final = 1.1
_LEVEL: Final = 0.08
_SNR_DB: Final = 10
_TELEPHONE_HZ: Final = (300, 3_400)
_TELEPHONE_RATE_HZ: Final = 8_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One recording of the list, as it is written there."""

    id: str
    text: str
    language: str
    kind: str
    group: str
    voice: str
    seconds: float
    pause_at_s: float | None = None


@dataclass(frozen=True, slots=True)
class _Line:
    """Something to be said by a voice."""

    voice: str
    language: Locale
    group: Group
    text: str
    seed: int

    def digest(self, kind: str) -> str:
        """Another one for anything else, so that a changed text is made anew."""
        return hashlib.sha256(
            f"{self.voice}|{self.language}|{self.text}|{kind}|{self.seed}".encode()
        ).hexdigest()


def by_espeak(pool: WorkerPool, voices: dict[Locale, str], runner: asyncio.Runner) -> Speak:
    """Speech by espeak-ng, whose process runs on the runner's loop."""

    def speak(text: str, language: Locale, speed: float) -> Sound:
        pace = round(_ESPEAK_WORDS_PER_MINUTE * speed)
        header = {"do": "speak", "voice": voices[language], "words_per_minute": pace}

        async def run() -> Frame:
            [frame] = [frame async for frame in pool.run(header, text.encode())]
            return frame

        reply, pcm = runner.run(run())
        return at_ears_rate(np.frombuffer(pcm, "<i2"), reply["rate_hz"])

    return speak


def faster(speak: Speak, factor: float) -> Speak:
    """The same voice, so many times as fast."""
    return lambda text, language, speed: speak(text, language, speed * factor)


def mixed_voices(voices: Path, file: Path) -> Path:
    """Writes Kokoro's voices, each with a good share of its neighbour: nobody has heard these before."""
    kept = np.load(voices)
    share = _MIXED_SHARE
    mixed = {name: (1 - share) * kept[name] + share * kept[other] for name, other in _MIXED.items()}
    np.savez(file, **{name: style.astype(np.float32) for name, style in mixed.items()})
    return file


def by_synthesiser(synthesiser: Synthesiser, voices: dict[Locale, str], runner: asyncio.Runner) -> Speak:
    """Speech by one of the server's own synthesisers, on the loop on which it was made."""

    def speak(text: str, language: Locale, speed: float) -> Sound:
        async def pieces() -> bytes:
            speech = Speech(text, language, voices[language], speed)
            return b"".join([piece.pcm async for piece in synthesiser.speak(speech)])

        return at_ears_rate(np.frombuffer(runner.run(pieces()), "<i2"), synthesiser.sample_rate_hz)

    return speak


def make_corpus(
    folder: Path,
    speakers: dict[str, Speak],
    seed: int = 1,
    texts: Texts = TEXTS,
    groups: Collection[Group] = ALL_GROUPS,
) -> list[Entry]:
    """Makes what is missing, and the list of all.

    Args:
        folder: Where the sound goes; one folder for one set of speakers and one seed.
        speakers: By the name of the voice.
        texts: What they say.
        groups: Which of it; noise comes with all of them alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    entries = [
        entry
        for name, speak in speakers.items()
        for language, by_group in texts.items()
        for group, said in by_group.items()
        if group in groups
        for text in said
        for entry in _spoken(folder, speak, _Line(name, language, group, text, seed))
    ]
    if set(groups) == set(ALL_GROUPS):
        entries += _noises(folder, next(iter(speakers.values())), seed)
    listing = [
        {key: value for key, value in _fields(entry).items() if value is not None} for entry in entries
    ]
    (folder / "corpus.json").write_text(json.dumps(listing, ensure_ascii=False, indent=1), encoding="utf-8")
    return entries


def _spoken(folder: Path, speak: Speak, line: _Line) -> Iterator[Entry]:
    parts = [part.strip() for part in line.text.split(" / ")]
    for kind in KINDS.get(line.group, ("clean",)):
        digest = line.digest(kind)
        entry_id = f"{line.voice}_{line.language}_{line.group}_{kind.replace(' ', '')}_{digest[:10]}"
        path = folder / f"{entry_id}.wav"
        marks = folder / f"{entry_id}.pause"
        if not path.exists():
            sound, pause_at_s = _said(speak, parts, line.language, _SPEEDS.get(kind, 1.0))
            if pause_at_s is not None:
                marks.write_text(f"{pause_at_s:.3f}", encoding="utf-8")
            _write(path, changed(sound, kind, np.random.default_rng(int(digest[:16], 16))))
        pause = float(marks.read_text(encoding="utf-8")) if marks.exists() else None
        yield Entry(
            entry_id, " ".join(parts), line.language, kind, line.group, line.voice, _seconds(path), pause
        )


def _said(speak: Speak, parts: Sequence[str], language: Locale, speed: float) -> tuple[Sound, float | None]:
    """The parts with silence around, and between them; and where the first pause begins."""
    margin = np.zeros(int(MARGIN_S * EAR_RATE_HZ), np.float32)
    said = [levelled(_trimmed(speak(part, language, speed))) for part in parts]
    pieces: list[Sound] = [margin, said[0]]
    for part in said[1:]:
        pieces += [np.zeros(int(PAUSE_S * EAR_RATE_HZ), np.float32), part]
    pause_at_s = (len(margin) + len(said[0])) / EAR_RATE_HZ if len(said) > 1 else None
    return np.concatenate([*pieces, margin]), pause_at_s


def changed(sound: Sound, kind: str, rng: np.random.Generator) -> Sound:
    """The sound as it comes over a telephone, or in noise; as it is, for other kinds."""
    match kind:
        case "10 dB":
            speech = sound[np.abs(sound) > 0.1 * np.abs(sound).max()]
            noise = pink(len(sound), rng)
            wanted = np.sqrt(np.mean(speech**2)) / 10 ** (_SNR_DB / 20)
            return (sound + noise * (wanted / np.sqrt(np.mean(noise**2)))).astype(np.float32)
        case "telephone":
            narrow = soxr.resample(_band(sound, *_TELEPHONE_HZ), EAR_RATE_HZ, _TELEPHONE_RATE_HZ)
            return soxr.resample(narrow, _TELEPHONE_RATE_HZ, EAR_RATE_HZ).astype(np.float32)
        case _:
            return sound


def pink(samples: int, rng: np.random.Generator) -> Sound:
    """Noise with as much power in each octave."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    frequencies = np.maximum(np.fft.rfftfreq(samples, 1 / EAR_RATE_HZ), 20)
    return levelled(np.fft.irfft(spectrum / np.sqrt(frequencies), samples).astype(np.float32))


def _noises(folder: Path, speak: Speak, seed: int) -> Iterator[Entry]:
    for name in NOISES:
        for piece in range(NOISE_PIECES):
            entry_id = f"noise_{name}_{seed}_{piece:02}"
            path = folder / f"{entry_id}.wav"
            if not path.exists():
                _write(path, noise(name, np.random.default_rng([seed, NOISES.index(name), piece]), speak))
            yield Entry(entry_id, "", "", name, "noise", "", _seconds(path))


def noise(name: str, rng: np.random.Generator, speak: Speak) -> Sound:
    """Ten seconds without a word."""
    samples = NOISE_PIECE_S * EAR_RATE_HZ
    times = np.arange(samples) / EAR_RATE_HZ
    match name:
        case "white":
            sound = rng.standard_normal(samples)
        case "pink":
            return pink(samples, rng)
        case "hum":
            tones = [np.sin(2 * np.pi * 50 * n * times + rng.uniform(0, 6)) / n for n in (1, 2, 3, 5)]
            sound = np.sum(tones, axis=0) + 0.05 * rng.standard_normal(samples)
        case "clicks":
            sound = 0.002 * rng.standard_normal(samples)
            for at in rng.integers(0, samples - 400, 25):
                sound[at : at + 400] += rng.standard_normal(400) * np.exp(
                    -np.arange(400) / rng.uniform(10, 80)
                )
        case _:
            language: Locale = "es" if rng.random() < 0.5 else "en"
            texts = TEXTS[language]["sentence"]
            said = [speak(texts[n], language, 1.0)[::-1] for n in rng.choice(len(texts), 6, replace=False)]
            sound = np.resize(np.concatenate(said), samples)
    return levelled(sound.astype(np.float32))


def at_ears_rate(samples: npt.NDArray[np.int16], rate_hz: int) -> Sound:
    """PCM16 of any rate, as the ears have it."""
    sound = samples.astype(np.float32) / 32_768
    return soxr.resample(sound, rate_hz, EAR_RATE_HZ).astype(np.float32)


def _band(sound: Sound, low_hz: float, high_hz: float) -> Sound:
    spectrum = np.fft.rfft(sound)
    frequencies = np.fft.rfftfreq(len(sound), 1 / EAR_RATE_HZ)
    spectrum[(frequencies < low_hz) | (frequencies > high_hz)] = 0
    return np.fft.irfft(spectrum, len(sound)).astype(np.float32)


def levelled(sound: Sound) -> Sound:
    """At the level of speech near a microphone; peaks stay below full scale."""
    loudness = float(np.sqrt(np.mean(sound**2))) or 1.0
    scaled = sound * (_LEVEL / loudness)
    return (scaled / max(1.0, float(np.abs(scaled).max()) / 0.95)).astype(np.float32)


def _trimmed(sound: Sound) -> Sound:
    loud = np.flatnonzero(np.abs(sound) > 0.02 * np.abs(sound).max())
    return sound[loud[0] : loud[-1] + 1] if len(loud) else sound


def _write(path: Path, sound: Sound) -> None:
    """Writes it whole or not at all, so that a run that is ended leaves nothing half made."""
    unfinished = path.with_suffix(".part")
    with wave.open(str(unfinished), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(EAR_RATE_HZ)
        file.writeframes((np.clip(sound, -1, 1) * 32_767).astype("<i2").tobytes())
    unfinished.rename(path)


def _seconds(path: Path) -> float:
    with wave.open(str(path), "rb") as file:
        return round(file.getnframes() / file.getframerate(), 2)


def _fields(entry: Entry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in Entry.__slots__}


async def espeak_pool() -> WorkerPool:
    """espeak-ng's process, running.

    Raises:
        NotAvailable: It is not installed.
    """
    library = library_or_refusal()
    pool = WorkerPool(ESPEAK_WORKER, {"path": library.path, "data": library.data}, timeout_s=30)
    await pool.start()
    return pool


async def _kokoro(voices: dict[Locale, str], engine: EspeakEngine, styles: Path) -> KokoroSynthesiser:
    # Alone, without the espeak-ng that takes its place on a busy machine.
    threads = min(2, os.cpu_count() or 1)
    model = Settings().models_dir / KOKORO.files[0].path
    pool = pool_of(model, styles, size=1, threads=threads, queue=4, timeout_s=120)
    await pool.start()
    return KokoroSynthesiser(pool, engine.phonemes, voices, TtsAdmission(1))


def main() -> None:
    """Makes the corpus with espeak-ng, or with the server's own voices."""
    parser = argparse.ArgumentParser("python -m bench.voice.make_corpus", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("data/corpus"), help="(%(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--local", action="store_true", help="with Kokoro too, from MODELS_DIR: takes long")
    parser.add_argument("--others", action="store_true", help="with other voices, into another folder")
    parser.add_argument("--third", action="store_true", help="with a third set of voices, and other words")
    parser.add_argument("--over", action="store_true", help="only what is said while the agent speaks")
    given = parser.parse_args()
    groups = OVER_THE_AGENT if given.over or given.third else ALL_GROUPS
    texts: Texts = SHORT_TEXTS if given.third else TEXTS
    with asyncio.Runner() as runner:
        speakers, parts = _speakers(runner, given)
        try:
            entries = make_corpus(given.folder, speakers, given.seed, texts, groups)
        finally:
            for part in parts:
                runner.run(part.aclose())
    print(f"{len(entries)} recordings, {sum(entry.seconds for entry in entries) / 60:.1f} minutes")


def _speakers(
    runner: asyncio.Runner, given: argparse.Namespace
) -> tuple[dict[str, Speak], list[KokoroSynthesiser | EspeakEngine | WorkerPool]]:
    """Who speaks, by the command line; and what is to be closed when they have, in this order."""
    espeaks, kokoros = _ESPEAK_VOICES, _KOKORO_VOICES
    if given.others or given.third:
        espeaks, kokoros = OTHER_ESPEAK_VOICES, OTHER_KOKORO_VOICES
    pool = runner.run(espeak_pool())
    speakers = {"espeak": by_espeak(pool, espeaks, runner)}
    if given.third:
        speakers = {
            name: faster(by_espeak(pool, voices, runner), speed)
            for name, (voices, speed) in THIRD_ESPEAK_VOICES.items()
        }
    if not given.local:
        return speakers, [pool]
    engine = runner.run(load_engine(Settings()))
    styles = VOICES_FILE
    if given.third:
        given.folder.mkdir(parents=True, exist_ok=True)
        styles = mixed_voices(VOICES_FILE, given.folder / "voices.npz")
    kokoro = runner.run(_kokoro(kokoros, engine, styles))
    by_kokoro = by_synthesiser(kokoro, kokoros, runner)
    speakers["kokoro"] = faster(by_kokoro, _MIXED_SPEED) if given.third else by_kokoro
    return speakers, [kokoro, engine, pool]


if __name__ == "__main__":
    main()
