"""`python -m bench.voice.pauses_live FOLDER`: the pauses of `bench.voice.pauses`, said to a running server.

In real time, over its WebSocket, each recording to a talk of its own: real models, and as the language model
a stand-in over HTTP that reads (`reader.py`). What counts is what somebody hears: an answer that begins in a
pause, and more than one answer to what was said in one go.
"""

import argparse
import asyncio
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from app.speech.detection.vad import VoiceActivity
from bench.voice.pauses import Prompt, prompts, stretched
from bench.voice.people import NoPeople, fetch
from bench.voice.reader import ANSWER, FIRST_WORD_S, Reader, text_of
from bench.voice.serving import MODELS_DIR, serving
from bench.voice.talks import Heard, Talker, talking
from tests.support.answers import Answer, Text
from tests.support.azure_standin import AzureStandin
from tests.support.http_wire import Received

LONGEST_MS: Final = 12_000
ANSWER_LIMIT_S: Final = 12
SECOND_ANSWER_S: Final = 1.5
"""Another answer would have begun by then: its words have been heard all along."""


@dataclass
class Figures:
    """What was seen of all recordings."""

    recordings: int = 0
    pauses: int = 0
    texts: int = 0
    heard: list[str] = field(default_factory=list[str])
    cut: list[str] = field(default_factory=list[str])
    silent: list[str] = field(default_factory=list[str])
    sounds_s: list[float] = field(default_factory=list[float])

    def lines(self) -> list[str]:
        """The figures."""
        times = sorted(self.sounds_s)
        return [
            f"{self.recordings} recordings with {self.pauses} pauses",
            f"pauses that ended a text: {self.texts}",
            f"pauses in which an answer began to sound: {len(self.heard)} {' '.join(self.heard)}",
            f"recordings with more than one answer: {len(self.cut)} {' '.join(self.cut)}",
            f"without an answer: {len(self.silent)} {' '.join(self.silent)}",
            f"first sound after the true end: p50 {times[len(times) // 2]:.2f} s" if times else "no sound",
        ]


def model_of(reader: Reader, *, waits: bool) -> AzureStandin:
    """The language model; one that never says `<wait/>` shows what the server does alone."""
    standin = AzureStandin()

    def reply(request: Received) -> Answer:
        text = text_of(request.messages)
        may_wait = "<wait/>" in str([each for each in request.messages if each["role"] == "system"])
        if waits and may_wait and reader.is_unfinished(text):
            return Text("<wait/>", FIRST_WORD_S)
        return Text(ANSWER["es"], FIRST_WORD_S)

    standin.reply = reply
    return standin


async def say(url: str, prompt: Prompt, figures: Figures) -> None:
    """One talk: one recording."""
    async with talking(url, prompt.language) as talker:
        begun = asyncio.get_running_loop().time()
        await talker.says(prompt.pcm)
        end = begun + prompt.end_ms / 1000
        is_answered = await _is_answered(talker, end)
        await asyncio.sleep(SECOND_ANSWER_S)
        count(talker.heard, prompt, (begun, end), figures)
        if not is_answered:
            figures.silent.append(prompt.name)


async def _is_answered(talker: Talker, end: float) -> bool:
    loop = asyncio.get_running_loop()
    while loop.time() < end + ANSWER_LIMIT_S:
        if any(at > end for at, _ in talker.heard.all("response_complete", finish_reason="stop")):
            return True
        await asyncio.sleep(0.05)
    return False


def count(heard: Heard, prompt: Prompt, times: tuple[float, float], figures: Figures) -> None:
    """Adds one talk.

    Args:
        heard: What came back.
        times: When the recording began, and when its last voice had been said.
    """
    begun, end = times
    figures.recordings += 1
    figures.pauses += len(prompt.pauses)
    figures.texts += sum(at < end for at, _ in heard.all("transcript", final=True))
    sounds = heard.sounds
    for place, length in prompt.pauses:
        resumed = begun + (place + length) / 1000
        if any(begun + place / 1000 <= at <= resumed for at in sounds):
            figures.heard.append(f"{prompt.name}@{place:.0f}")
    if len(heard.all("response_complete", finish_reason="stop")) > 1:
        figures.cut.append(prompt.name)
    figures.sounds_s += [at - end for at in sounds if at > end][:1]


async def measure(options: argparse.Namespace) -> None:
    """All that was asked for, one talk after another."""
    reader = Reader()
    activity = VoiceActivity(Path(MODELS_DIR))
    standin = model_of(reader, waits=options.model == "reads")
    async with standin:
        settings: dict[str, Any] = {name.upper(): str(value) for name, value in standin.openai().items()}
        settings |= {"LLM_PROVIDER": "openai", "TTS_PROVIDER": options.tts}
        async with serving(**settings) as url:
            for language in options.languages.split(","):
                said = [one for one in prompts(options.folder, language, activity) if one.pauses]
                chosen = [one for one in said if one.end_ms <= LONGEST_MS]
                figures = Figures()
                for one in chosen[options.skip :: options.every]:
                    await say(url, stretched(one, options.stretch), figures)
                title = f"{language}, pauses of {options.stretch:.0f} ms or more, model {options.model}"
                sys.stdout.write("\n  ".join([title, *figures.lines()]) + "\n")
                sys.stdout.flush()
    if reader.unknown:
        sys.stdout.write(f"texts that nobody judged: {sorted(reader.unknown)}\n")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.voice.pauses_live", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the recordings are kept")
    parser.add_argument("--languages", default="es,en", help="(%(default)s)")
    parser.add_argument("--stretch", type=float, default=0, help="makes each pause so long, in ms")
    parser.add_argument("--every", type=int, default=1, help="every so many of the recordings")
    parser.add_argument("--skip", type=int, default=0, help="so many of them first")
    parser.add_argument("--model", default="reads", choices=("reads", "never"), help="does it say <wait/>?")
    parser.add_argument("--tts", default="local", help="who speaks: local, espeak (%(default)s)")
    options = parser.parse_args()
    try:
        fetch(options.folder)
    except NoPeople as exc:
        sys.exit(f"there are no recordings of people here: {exc}")
    asyncio.run(measure(options))


if __name__ == "__main__":
    main()
