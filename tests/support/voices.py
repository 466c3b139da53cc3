"""A synthesiser and a splitter that do what a test says, in no time or in as much as it likes."""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from typing import Literal

from app.errors import AgentError
from app.speech.base import AudioPiece, Speech, WordEnd

RATE_HZ = 8000
MS_PER_WORD = 200
BYTES_PER_MS = RATE_HZ * 2 // 1000


class WordySynthesiser:
    """Each word sounds for `MS_PER_WORD`; `fails` is raised at a word that is in it."""

    name: Literal["azure", "local", "espeak"] = "local"
    sample_rate_hz = RATE_HZ

    def __init__(self, delay_s: float = 0, fails: dict[str, AgentError] | None = None) -> None:
        self.asked: list[Speech] = []
        self.given_up: list[str] = []
        self.heard_in: list[str] = []
        self.open = 0
        self._delay_s = delay_s
        self.fails = fails or {}

    async def speak(self, speech: Speech) -> AsyncGenerator[AudioPiece, None]:
        self.asked.append(speech)
        self.open += 1
        try:
            for n, match in enumerate(re.finditer(r"\S+", speech.text)):
                if match[0] in self.fails:
                    raise self.fails[match[0]]
                await asyncio.sleep(self._delay_s)
                word = WordEnd(match.end(), (n + 1) * MS_PER_WORD)
                yield AudioPiece(sound_of(match[0]), (word,))
        finally:
            self.open -= 1

    def give_up(self, talk: str) -> None:
        self.given_up.append(talk)

    def heard(self, talk: str) -> None:
        self.heard_in.append(talk)

    async def aclose(self) -> None:
        assert self.open == 0


def sound_of(word: str) -> bytes:
    """A word's sound: all its samples are alike, and say which word it is."""
    value = sum(word.encode()) % 30_000 + 1
    return value.to_bytes(2, "little") * (MS_PER_WORD * RATE_HZ // 1000)


class CommaSplitter:
    """A clause ends at a comma or a full stop."""

    def __init__(self) -> None:
        self._rest = ""

    def feed(self, text: str) -> list[str]:
        self._rest += text
        *whole, self._rest = re.split(r"(?<=[,.]) ?(?=\S)", self._rest) if self._rest else [""]
        return self._spaced(whole)

    def flush(self) -> list[str]:
        rest, self._rest = self._rest, ""
        return [rest] if rest else []

    def _spaced(self, clauses: list[str]) -> list[str]:
        return [f"{clause} " for clause in clauses]


Emit = Callable[[object], None]
