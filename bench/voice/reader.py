"""A model that reads: it says `<wait/>` where somebody who has only the words so far calls them unfinished.

`unfinished.json` holds what was judged: all texts that the recogniser made of the measured recordings, at
pauses and at true ends alike, were put in an order that tells nothing, and judged one by one by the words
alone. So it knows no more than a language model does, and errs where a careful reader would.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any, Final

from app.errors import Locale
from app.llm.base import WAIT, ChatRequest, Check, Completion
from app.speech.engines.stt.checks import plain

JUDGED: Final = Path(__file__).with_name("unfinished.json")
FIRST_WORD_S: Final = 0.3
"""What a hosted language model takes for its first word, about."""

ANSWER: Final[dict[Locale, str]] = {"es": "De acuerdo.", "en": "All right."}
_ALIKE: Final = 0.93
"""From here on a text is one that was judged, with a word heard in another way."""


class Reader:
    """What was judged.

    Attributes:
        unknown: Texts that nobody judged; they count as finished.
    """

    def __init__(self, path: Path = JUDGED) -> None:
        judged: dict[str, list[str]] = json.loads(path.read_text(encoding="utf-8"))
        self._unfinished = dict.fromkeys(judged["unfinished"], True)
        self._judged = self._unfinished | dict.fromkeys(judged["finished"], False)
        self.unknown: set[str] = set()

    def is_unfinished(self, text: str) -> bool:
        """Whether the words evidently want more."""
        words = plain(text)
        if words not in self._judged:
            self._judged[words] = self._as_one_like(words)
        return self._judged[words]

    def _as_one_like(self, words: str) -> bool:
        # The last words say whether it is finished: they have to be the same.
        end = words.split()[-2:]
        like = [known for known in self._judged if known.split()[-2:] == end]
        ratios = [(SequenceMatcher(None, words, known, autojunk=False).ratio(), known) for known in like]
        ratio, known = max(ratios, default=(0.0, ""))
        if ratio >= _ALIKE:
            return self._judged[known]
        self.unknown.add(words)
        return False


class ReadingModel:
    """The same as a provider of answers."""

    name = "reader"
    model = "reader"
    notice: Mapping[Locale, str] = {}
    retries: Mapping[str, int] = {}

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def stream(self, request: ChatRequest) -> AsyncGenerator[str | Completion, None]:
        """Answers in a word, or says that it waits."""
        await asyncio.sleep(FIRST_WORD_S)
        waits = request.may_wait and self._reader.is_unfinished(text_of([*request.messages]))
        yield WAIT if waits else ANSWER[request.locale]
        yield Completion("stop")

    async def diagnose(self) -> list[Check]:
        """It is there."""
        return []

    async def aclose(self) -> None:
        """Holds nothing."""


def text_of(messages: list[Any]) -> str:
    """What the user said last."""
    return next((str(each["content"]) for each in reversed(messages) if each["role"] == "user"), "")
