"""`python -m bench.voice`: spoken talks in real time, by the local models or by Azure's, played on loopback.

It starts a server of its own and prints the figures of each group of recordings.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from bench.voice.corpus import read_corpus
from bench.voice.crowd import measure_crowds
from bench.voice.serving import serving
from bench.voice.stages import StageLog
from bench.voice.talks import measure
from tests.support.speech_standin import SpeechStandin

LIMIT_S: Final = 5400
STANDIN_SOUND: Final = b"\x10\x00" * 24_000


def groups_of(listing: Path) -> dict[str, str]:
    """What each recording is: its group, its voice, its language."""
    entries = json.loads(listing.read_text(encoding="utf-8"))
    return {e["id"]: " ".join(filter(None, (e["group"], e["voice"], e["language"]))) for e in entries}


@contextmanager
def _log_file() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "server.log"


async def _local(
    corpus: list[Any], groups: dict[str, str], most: int, *, each: bool, **settings: str
) -> None:
    with _log_file() as log:
        async with serving(log=log, **settings) as url:
            await measure(url, corpus, groups, most, log=StageLog(log), each=each)


async def _crowds(corpus: list[Any], groups: dict[str, str], sizes: list[int], *, each: bool) -> None:
    """Of the voices that are understood best: a question that is not understood has another answer."""
    clean = [one for one in corpus if groups[one.id].startswith("sentence") and one.kind == "clean"]
    chosen = [one for one in clean if "kokoro" in groups[one.id]] or clean
    with _log_file() as log:
        async with serving(log=log) as url:
            await measure_crowds(url, chosen, sizes, StageLog(log), each=each)


async def _azure(corpus: list[Any], groups: dict[str, str], most: int) -> None:
    """The resource answers at once: what is left is the server's own time."""
    chosen = [one for one in corpus if groups[one.id].startswith("sentence") and one.kind == "clean"]
    async with SpeechStandin() as standin:
        standin.text, standin.sound = "¿Cuánto es dos más dos?", STANDIN_SOUND
        settings = {name.upper(): str(value) for name, value in standin.azure().items()}
        async with serving(**settings) as url:
            await measure(url, chosen, groups, most, counts_words=False)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.voice", description=__doc__)
    parser.add_argument("--corpus", type=Path, default=Path("data/corpus"), help="what make_corpus made")
    parser.add_argument("--most", type=int, default=10, help="recordings of each group and kind (10)")
    parser.add_argument("--only", default="", help="groups whose name holds this")
    parser.add_argument("--azure", action="store_true", help="with Azure's models played by a stand-in alone")
    parser.add_argument("--tts", default="local", help="who speaks: local, espeak (%(default)s)")
    parser.add_argument("--crowd", help="so many talks side by side, instead: 1,2,3,4,8")
    parser.add_argument("--each", action="store_true", help="the stages of each answer, too")
    options = parser.parse_args()
    listing = options.corpus / "corpus.json"
    if not listing.exists():
        sys.exit(f"{listing} is missing: `python -m bench.voice.make_corpus {options.corpus}` makes it")
    groups = groups_of(listing)
    corpus = [one for one in read_corpus(listing) if options.only in groups[one.id]]

    async def bounded() -> None:
        async with asyncio.timeout(LIMIT_S):
            if options.crowd:
                sizes = [int(size) for size in options.crowd.split(",")]
                await _crowds(corpus, groups, sizes, each=options.each)
            elif options.azure:
                await _azure(corpus, groups, options.most)
            else:
                await _local(corpus, groups, options.most, each=options.each, TTS_PROVIDER=options.tts)

    asyncio.run(bounded())


if __name__ == "__main__":
    main()
