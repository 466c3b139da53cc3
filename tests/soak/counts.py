"""What is counted while talks are held, in each process of the load and in sum."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Self

MAX_SAMPLES = 20
"""How many broken promises are kept in words; all are counted."""


@dataclass
class Counts:
    """What talks came to.

    Attributes:
        seen: What was done and what befell it, by name: talks, texts, tools, resumes, `error llm_cut`, ...
        wrong: Broken promises, by name.
        samples: Some of them in words.
    """

    seen: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    samples: list[str] = field(default_factory=list)

    def add(self, other: Self) -> None:
        """Adds another's counts."""
        self.seen.update(other.seen)
        self.wrong.update(other.wrong)
        self.samples = [*self.samples, *other.samples][:MAX_SAMPLES]

    def note(self, name: str, count: int, words: str) -> None:
        """Counts promises that were broken, if any."""
        if count:
            self.wrong[name] += count
            if len(self.samples) < MAX_SAMPLES:
                self.samples.append(f"{name}: {words}"[:4000])

    def as_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        return {"seen": self.seen, "wrong": self.wrong, "samples": self.samples}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Another process's counts."""
        return cls(Counter(value["seen"]), Counter(value["wrong"]), value["samples"])
