"""Measures what speech over the agent is taken for: `python -m bench.voice.interruptions`.

Made recordings of assents and interruptions (`make_corpus.py`) are understood by local Whisper and
judged when they have ended, as they would be over the agent's voice.
"""

import argparse
import asyncio
import json
from collections import Counter
from pathlib import Path

from app.voice.barge_in import SpeechOver, judge, prompt_for
from app.voice.base import BYTES_PER_SAMPLE, EAR_RATE_HZ, Utterance
from app.voice.stt.local import LocalRecogniser
from bench.voice.corpus import Spoken, read_corpus
from bench.voice.make_corpus import MARGIN_S
from config.settings import Settings


async def measure(corpus: list[Spoken], groups: dict[str, tuple[str, str]], *, prompted: bool) -> str:
    """How many of each voice, language and kind are judged as they were meant; and each that is not."""
    right: Counter[tuple[str, str, str]] = Counter()
    total: Counter[tuple[str, str, str]] = Counter()
    lines: list[str] = []
    whisper = LocalRecogniser(Settings(stt_workers=1, stt_timeout_s=60))
    await whisper.start()
    try:
        for one in corpus:
            voice, group = groups[one.id]
            if group not in ("assent", "interruption"):
                continue
            prompt = prompt_for(one.language) if prompted else ""
            utterance = Utterance(one.pcm, language=one.language, hint=one.language, prompt=prompt)
            heard = (await whisper.transcribe(utterance)).text
            speech_ms = (len(one.pcm) / BYTES_PER_SAMPLE / EAR_RATE_HZ - 2 * MARGIN_S) * 1000
            verdict = judge(SpeechOver(speech_ms, heard, one.language, is_final=True))
            key = (voice, one.language, group)
            total[key] += 1
            right[key] += verdict == group
            if verdict != group:
                lines.append(f"{voice} {group}: {one.text} -> {heard!r}")
    finally:
        await whisper.aclose()
    return "\n".join([*lines, *(f"{' '.join(key)}: {right[key]} of {total[key]}" for key in sorted(total))])


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description="Measures what speech over the agent is taken for.")
    parser.add_argument("--corpus", type=Path, default=Path("data/corpus/corpus.json"), help="(%(default)s)")
    parser.add_argument(
        "--no-prompt", dest="prompt", action="store_false", help="without the words as prompt"
    )
    given = parser.parse_args()
    listed = json.loads(given.corpus.read_text(encoding="utf-8"))
    groups = {one["id"]: (one["voice"], one["group"]) for one in listed}
    print(asyncio.run(measure(read_corpus(given.corpus), groups, prompted=given.prompt)))


if __name__ == "__main__":
    main()
