"""Talks in which nobody says a word: `python -m bench.voice.silent_talks [--seed N] [--each N] [--foreign]`.

Each sound of `unspoken.py` goes to a running server with the demo model: as `audio` of protocol v1,
as a clip of v2, and, where the voice detector lets it pass, as a stream in real time. No turn may begin
and no tool run. `--foreign` has sentences in other languages (`foreign.py`) instead. A clip is answered by
`nothing_heard`, a stream by nothing but that there was a sound.
"""

import argparse
import asyncio
import base64
import json
import struct
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from app.errors import NothingHeard
from app.llm.demo.small_talk import NOTICE
from app.speech.base import EAR_RATE_HZ
from app.speech.pcm import to_pcm
from bench.voice.belief import half_of
from bench.voice.foreign import foreign
from bench.voice.recognition import by_detector
from bench.voice.serving import MODELS_DIR, serving
from bench.voice.talks import FRAME_BYTES, FRAME_S
from bench.voice.unspoken import KINDS, made
from config.settings import Settings

LANGUAGES: Final = ("es", "en")
SIDE_BY_SIDE: Final = 4
ANSWER_LIMIT_S: Final = 60
SILENCE_S: Final = 4.0
"""After a sound, for the longest pause that ends a turn, the recogniser, and the model's early start."""

_SECONDS: Final = (0.6, 6.0)
_PEAKS: Final = (0.1, 0.9)
_MODEL_SEED: Final = 77


@dataclass(frozen=True, slots=True)
class Sound:
    """One sound and whether it passes for a voice."""

    name: str
    pcm: bytes
    is_voice: bool


@dataclass
class Outcome:
    """What came back for all sounds of one way, by its kind."""

    sounds: int = 0
    said: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def add(self, sound: Sound, kinds: Sequence[str], expected: Sequence[str], words: str) -> None:
        """Counts one sound's messages."""
        self.sounds += 1
        self.said.update(kinds)
        if list(kinds) != list(expected):
            self.wrong.append(f"{sound.name}: {', '.join(kinds)} {words}")


def wav(pcm: bytes) -> bytes:
    """The sound as a client sends a recording."""
    head = struct.pack("<4sI8sIHHIIHH4sI", b"RIFF", 36 + len(pcm), b"WAVEfmt ", 16, 1, 1, EAR_RATE_HZ,
                       EAR_RATE_HZ * 2, 2, 16, b"data", len(pcm))  # fmt: skip
    return head + pcm


async def sounds_of(seed: int, each: int) -> list[Sound]:
    """So many of each kind, of different length and loudness."""
    find = by_detector(Settings(models_dir=MODELS_DIR).models_dir)
    found: list[Sound] = []
    for kind in KINDS:
        for number in range(seed, seed + each):
            rng = np.random.default_rng([number, _MODEL_SEED])
            sound = made(kind, float(rng.uniform(*_SECONDS)), number, float(rng.uniform(*_PEAKS)))
            pcm = to_pcm(sound)
            found.append(Sound(f"{kind} {number}", pcm, bool(await find(pcm))))
    return found


async def foreign_sounds(half: int | None) -> list[Sound]:
    """Sentences in other languages, as a television says them; all of them, or one half."""
    find = by_detector(Settings(models_dir=MODELS_DIR).models_dir)
    said = [one for one in await foreign() if half in (None, half_of(one.id))]
    return [Sound(one.id, one.pcm, bool(await find(one.pcm))) for one in said]


async def as_v1_clips(url: str, sounds: Sequence[Sound]) -> Outcome:
    """Each as an `audio` message of v1; each is received, and then ends in one error."""
    outcome = Outcome()
    async with connect(url, compression=None, proxy=None, max_size=None) as socket:
        # Before there is a session, 64 KiB are the most.
        await socket.send('{"type": "system"}')
        await _kinds_until(socket, "session_created")
        for sound in sounds:
            content = base64.b64encode(wav(sound.pcm)).decode()
            await socket.send(json.dumps({"type": "audio", "content": content}))
            kinds, words = await _kinds_until(socket, "error", "response_complete")
            is_nothing = words[-1:] in ([NothingHeard.es], [NothingHeard.en])
            said = ["nothing_heard" if kind == "error" and is_nothing else kind for kind in kinds]
            outcome.add(sound, said, ["system", "nothing_heard"], " | ".join(words))
    return outcome


async def as_v2_clips(url: str, language: str, sounds: Sequence[Sound]) -> Outcome:
    """Each as a clip of v2; each ends in `nothing_heard`."""
    outcome = Outcome()
    async with _talk(url, language, None) as socket:
        await _kinds_until(socket, "session_created")
        for sound in sounds:
            content = base64.b64encode(wav(sound.pcm)).decode()
            await socket.send(json.dumps({"type": "audio", "content": content, "format": "clip"}))
            kinds, words = await _kinds_until(socket, "error", "response_complete")
            said = [
                "nothing_heard" if kind == "error" and words[-1:] == ["nothing_heard"] else kind
                for kind in kinds
            ]
            outcome.add(sound, said, ["nothing_heard"], " | ".join(words))
    return outcome


async def as_streams(url: str, language: str, sounds: Sequence[Sound]) -> Outcome:
    """Each in a talk of its own with an open microphone, some at a time."""
    outcome = Outcome()
    room = asyncio.Semaphore(SIDE_BY_SIDE)

    async def one(sound: Sound) -> None:
        async with room, _talk(url, language, {"in": {"sample_rate_hz": EAR_RATE_HZ}, "out": True}) as socket:
            await _kinds_until(socket, "session_created")
            messages: list[dict[str, Any]] = []
            listening = asyncio.create_task(_listen(socket, messages))
            await _speak(socket, sound.pcm + bytes(int(SILENCE_S * EAR_RATE_HZ) * 2))
            listening.cancel()
            told = [message for message in messages if not (_is_of_the_ear(message) or _is_notice(message))]
            kinds = [message["type"] for message in told]
            outcome.add(sound, kinds, [], " ".join(str(message.get("content", "")) for message in told))

    await asyncio.gather(*(one(sound) for sound in sounds if sound.is_voice))
    return outcome


def _is_of_the_ear(message: dict[str, Any]) -> bool:
    """Whether it only says that there was sound, and that there were no words in it."""
    kind = message["type"]
    return kind in ("state", "speech_started") or (kind == "speech_stopped" and bool(message.get("empty")))


def _is_notice(message: dict[str, Any]) -> bool:
    """Whether the demo model says what it is, as it does at the beginning of a session."""
    return message.get("content") in NOTICE.values()


@asynccontextmanager
async def _talk(url: str, language: str, audio: dict[str, Any] | None) -> AsyncIterator[ClientConnection]:
    """A connection of v2 whose session has been asked for."""
    async with connect(
        url, subprotocols=[Subprotocol("voice-agent.v2")], compression=None, proxy=None, max_size=None
    ) as socket:
        start = {"type": "start", "locale": language, **({"audio": audio} if audio else {})}
        await socket.send(json.dumps(start))
        yield socket


async def _kinds_until(socket: ClientConnection, *last: str) -> tuple[list[str], list[str]]:
    """The types of the messages up to the last one, and their words; `state` says nothing of a sound."""
    kinds: list[str] = []
    words: list[str] = []
    async with asyncio.timeout(ANSWER_LIMIT_S):
        async for raw in socket:
            if isinstance(raw, bytes):
                continue
            message = json.loads(raw)
            if message["type"] != "state" and not _is_notice(message):
                kinds.append(message["type"])
                words.append(str(message.get("code") or message.get("content", "")))
            if message["type"] in last:
                break
    return kinds, words


async def _listen(socket: ClientConnection, messages: list[dict[str, Any]]) -> None:
    async for raw in socket:
        messages.append({"type": "sound"} if isinstance(raw, bytes) else json.loads(raw))


async def _speak(socket: ClientConnection, pcm: bytes) -> None:
    loop = asyncio.get_running_loop()
    start = loop.time()
    for count, at in enumerate(range(0, len(pcm), FRAME_BYTES)):
        await socket.send(pcm[at : at + FRAME_BYTES].ljust(FRAME_BYTES, b"\0"))
        await asyncio.sleep(max(0.0, start + count * FRAME_S - loop.time()))


async def measure(sounds: Sequence[Sound], languages: Sequence[str]) -> str:
    """All ways in each language; a line for each, and one for each sound that was taken for words."""
    voices = sum(sound.is_voice for sound in sounds)
    lines = [f"{len(sounds)} sounds, {voices} pass the voice detector"]
    for language in languages:
        async with serving(AGENT_LOCALE=language, LLM_PROVIDER="demo", TTS_PROVIDER="espeak") as url:
            ways = {
                "v1 clips": await as_v1_clips(url, sounds),
                "v2 clips": await as_v2_clips(url, language, sounds),
                "v2 streams": await as_streams(url, language, sounds),
            }
        for way, outcome in ways.items():
            said = ", ".join(f"{kind} {count}" for kind, count in sorted(outcome.said.items())) or "nothing"
            lines.append(
                f"{language}, {way}: {len(outcome.wrong)} of {outcome.sounds} wrong; came back: {said}"
            )
            lines += [f"  {one}" for one in outcome.wrong]
    return "\n".join(lines)


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.voice.silent_talks", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the first sound of each kind (%(default)s)")
    parser.add_argument("--each", type=int, default=3, help="sounds of each kind (%(default)s)")
    parser.add_argument("--only-voices", action="store_true", help="those alone that pass the detector")
    parser.add_argument("--language", choices=LANGUAGES, action="append", help="(both)")
    parser.add_argument("--foreign", action="store_true", help="sentences in other languages instead")
    parser.add_argument("--half", type=int, choices=(0, 1), help="of those (both)")
    given = parser.parse_args()

    async def run() -> None:
        if given.foreign:
            sounds = await foreign_sounds(given.half)
        else:
            sounds = await sounds_of(given.seed, given.each)
        chosen = [sound for sound in sounds if sound.is_voice or not given.only_voices]
        print(await measure(chosen, given.language or LANGUAGES))

    asyncio.run(run())


if __name__ == "__main__":
    main()
