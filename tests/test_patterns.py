"""No pattern of ours takes much longer for a text twice as long, whatever the text is.

Each compiled pattern of the application is tried on long texts made of its own parts: a part again and again,
two of them in turns, behind what comes before it in the pattern, and before what cannot follow.
"""

import ast
import importlib
import itertools
import pkgutil
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from re import _constants as sre  # type: ignore[attr-defined]  # how a pattern is read has no public name
from re import _parser  # type: ignore[attr-defined]
from typing import Any, Final

import pytest

import app
from app.llm.demo.words import MAX_READ_CHARS
from app.speech.reading.clauses import MOST_CHARS

SHORT, LONG = 10_000, 20_000

GIVEN: Final = {
    "app.llm.demo.words.": MAX_READ_CHARS,  # the beginning of a text
    "app.llm.demo.extractors.": MAX_READ_CHARS,
    "app.llm.demo.named_tools.": MAX_READ_CHARS,
    "app.llm.demo.sums.": MAX_READ_CHARS,
    "app.llm.demo.slots.": MAX_READ_CHARS,
    "app.speech.reading.": MOST_CHARS,  # a clause
    "app.speech.reading.clauses.": 2 * MOST_CHARS,  # what is looked at to find the next one
    "app.speech.detection.emotion.": 500,  # the beginning of a text
    "app.llm.refused_prompts.": 4_101,  # both ends of a complaint
    "app.llm.thinking_habit._UNDECIDED": 60,  # the beginning of an answer
    "app.llm.call_arguments._TOKENS": 200,  # the end of the arguments
}
"""As much as a pattern is given at most; the others may be given anything."""

MOST_S = 0.2
"""Of a processor, for the longest text: ten times what is wanted."""

SCREEN, SUSPICIOUS_S = 2_000, 0.003
"""What is not linear takes so long for a text of `SCREEN` already; the others need no long text."""

WORTH_COMPARING_S, MOST_GROWTH = 0.005, 3.0

MOST_TEXTS = 80
"""For each pattern."""

METHODS = ("search", "match", "fullmatch", "sub")

USES: dict[str, Callable[[re.Pattern[str], str], object]] = {
    "search": lambda pattern, text: pattern.search(text),
    "match": lambda pattern, text: pattern.match(text),
    "fullmatch": lambda pattern, text: pattern.fullmatch(text),
    "sub": lambda pattern, text: pattern.sub("", text),
}

# Patterns


@dataclass(frozen=True)
class Found:
    """A pattern, where it stands, and how it is used as far as the modules say so."""

    place: str
    pattern: re.Pattern[str]
    methods: tuple[str, ...]

    @property
    def given(self) -> int | None:
        """As much as it is given at most."""
        return next((most for place, most in GIVEN.items() if self.place.startswith(place)), None)


def patterns_in(value: Any, depth: int = 4) -> Iterator[re.Pattern[str]]:
    """Those in a constant, however it holds them."""
    if isinstance(value, re.Pattern):
        if isinstance(value.pattern, str):
            yield value
        return
    parts: Any = ()
    if isinstance(value, dict):
        parts = itertools.chain(value, value.values())
    elif isinstance(value, tuple | list | set | frozenset):
        parts = value
    elif str(getattr(type(value), "__module__", "")).startswith("app.") and hasattr(value, "__dict__"):
        parts = list(vars(value).values())
    elif isinstance(value, type) and value.__module__.startswith("app."):
        parts = list(vars(value).values())
    for part in parts if depth else ():
        yield from patterns_in(part, depth - 1)


def uses() -> dict[tuple[str, str], set[str]]:
    """How each name of each module is used, `_NAME.search` and the like; `*` where it is handed on."""
    found: dict[tuple[str, str], set[str]] = {}
    root = Path(app.__path__[0]).parent
    for path in Path(app.__path__[0]).rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        own = ".".join(path.relative_to(root).with_suffix("").parts)
        nodes = list(ast.walk(tree))
        owners = {id(node.value): node.attr for node in nodes if isinstance(node, ast.Attribute)}
        origins = {
            alias.asname or alias.name: (node.module or "", alias.name)
            for node in nodes
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        for node in nodes:
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                key = origins.get(node.id, (own, node.id))
                found.setdefault(key, set()).add(owners.get(id(node), "*"))
    return found


def methods_of(used: set[str]) -> tuple[str, ...]:
    """Those of ours that stand for them; all where one is not known."""
    same = {"finditer": "sub", "findall": "sub", "split": "sub", "subn": "sub"}
    named = {same.get(name, name) for name in used}
    return tuple(name for name in METHODS if name in named) if named <= {*METHODS, "pattern"} else METHODS


def all_patterns() -> list[Found]:
    used, found = uses(), dict[tuple[str, str, int], Found]()
    for info in pkgutil.walk_packages(app.__path__, "app."):
        if info.name.endswith("__main__") or ".migrations." in info.name:
            continue
        try:
            module = importlib.import_module(info.name)
        except ImportError:
            continue  # an optional package is not there
        for name, value in vars(module).items():
            methods = methods_of(used.get((info.name, name), {"*"}))
            for pattern in patterns_in(value):
                place = f"{info.name}.{name}"
                known = used.get((info.name, name))
                if known is None and isinstance(value, re.Pattern):
                    continue  # it stands in another module
                key = (place, pattern.pattern, pattern.flags)
                found[key] = Found(place, pattern, methods if isinstance(value, re.Pattern) else METHODS)
    return list(found.values())


# Texts

_CATEGORIES = {
    sre.CATEGORY_DIGIT: "1",
    sre.CATEGORY_NOT_DIGIT: "a",
    sre.CATEGORY_SPACE: " ",
    sre.CATEGORY_NOT_SPACE: "a",
    sre.CATEGORY_WORD: "a",
    sre.CATEGORY_NOT_WORD: "-",
}
_SOME = "a1 -.,A\n\"'(<é_/:"


def classes(items: Any) -> str:
    """A few characters of a class."""
    chars, is_negated = "", False
    for kind, value in items:
        if kind is sre.NEGATE:
            is_negated = True
        elif kind is sre.LITERAL:
            chars += chr(value)
        elif kind is sre.RANGE:
            chars += chr(value[0])
        elif kind is sre.CATEGORY:
            chars += _CATEGORIES.get(value, "a")
    if is_negated:
        return "".join(c for c in _SOME if c not in chars)[:3]
    return chars[:6]


class Parts:
    """What a pattern is made of: its characters, and examples of its parts with what comes before each."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self.chars: dict[str, None] = {}
        self.repeated: dict[tuple[str, str], None] = {}
        self._groups: dict[int, str] = {}
        self.whole = self._example(_parser.parse(pattern.pattern, pattern.flags), "")

    def _example(self, nodes: Any, before: str) -> str:
        text = ""
        for node in nodes:
            text += self._one(node, before + text)
        return text

    def _one(self, node: Any, before: str) -> str:
        kind, value = node
        match kind:
            case sre.LITERAL:
                return self._of(chr(value))
            case sre.NOT_LITERAL:
                return self._of(next(c for c in _SOME if ord(c) != value))
            case sre.ANY:
                return self._of("a")
            case sre.IN:
                chars = classes(value) or "a"
                for char in chars:
                    self._of(char)
                return chars[0]
            case sre.BRANCH:
                texts = [self._example(branch, before) for branch in value[1]]
                return max(texts, key=len)
            case sre.SUBPATTERN:
                text = self._example(value[3], before)
                self._groups[value[0] or 0] = text
                return text
            case sre.ATOMIC_GROUP:
                return self._example(value, before)
            case sre.MAX_REPEAT | sre.MIN_REPEAT | sre.POSSESSIVE_REPEAT:
                least, most, inner = value
                text = self._example(inner, before)
                if most is sre.MAXREPEAT or most > 8:
                    self.repeated[before, text] = None
                return text * max(least, 1) if len(text) * least < 200 else text
            case sre.GROUPREF:
                return self._groups.get(value, "a")
            case sre.ASSERT | sre.ASSERT_NOT:
                self._example(value[1], before)
                return ""
            case _:
                return ""

    def _of(self, char: str) -> str:
        self.chars[char] = None
        return char


def texts(pattern: re.Pattern[str]) -> Iterator[tuple[str, str, str]]:
    """Beginning, what comes again and again, end."""
    parts = Parts(pattern)
    chars, repeated = list(parts.chars)[:12], list(parts.repeated)
    behind = [(before, unit) for before, text in repeated[:8] for unit in (text, *chars[:3])]
    units = [*(text for _, text in repeated), *chars, parts.whole]
    units += [before + text for before, text in repeated] + [text + " " for _, text in repeated]
    units += ["".join(two) for two in itertools.permutations(chars[:5], 2)]
    made = [(before, unit, "\0") for before, unit in behind]
    made += [("", unit, end) for unit in units for end in ("\0", "")]
    yield from dict.fromkeys(each for each in made if each[1])


def text_of(parts: tuple[str, str, str], length: int) -> str:
    beginning, unit, end = parts
    return beginning + unit * (length // len(unit)) + end


# Times


class TooLong(Exception):
    """The time is up."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Ends what takes more of the processor: some patterns would never end."""

    def ends(*_: object) -> None:
        raise TooLong

    before = signal.signal(signal.SIGVTALRM, ends)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def cpu_s(found: Found, method: str, text: str) -> float:
    began = time.thread_time()
    try:
        with at_most(2 * MOST_S):
            USES[method](found.pattern, text)
    except TooLong:
        return 2 * MOST_S
    return time.thread_time() - began


def is_slow(found: Found, method: str, parts: tuple[str, str, str]) -> str:
    """Why; empty where it is not."""
    most = found.given
    if most is not None and most <= SCREEN:
        long_s, short_s = cpu_s(found, method, text_of(parts, most)), 0.0
        is_too_slow = long_s > MOST_S
    else:
        if cpu_s(found, method, text_of(parts, SCREEN)) < SUSPICIOUS_S:
            return ""
        long_s = cpu_s(found, method, text_of(parts, most or LONG))
        short_s = cpu_s(found, method, text_of(parts, (most or LONG) // 2))
        is_growing = long_s > WORTH_COMPARING_S and long_s > MOST_GROWTH * short_s
        is_too_slow = long_s > MOST_S or (most is None and is_growing)
    if not is_too_slow:
        return ""
    beginning, unit, end = (part[:40] for part in parts)
    return f"{found.place}.{method}: {short_s:.3f} s, {long_s:.3f} s: {beginning!r} + {unit!r} * n + {end!r}"


def slow_use(found: Found) -> str:
    """The first text for which it is too slow, twice on end; empty where there is none."""
    for parts in itertools.islice(texts(found.pattern), MOST_TEXTS):
        for method in found.methods:
            if is_slow(found, method, parts) and (why := is_slow(found, method, parts)):
                return why
    return ""


@pytest.mark.timeout(300)
def test_no_pattern_takes_ever_longer_for_a_longer_text() -> None:
    found = [each for each in all_patterns() if each.given != 0]
    slow = [why for each in found if (why := slow_use(each))]

    assert len(found) > 150
    assert not slow, "\n".join(slow)


@pytest.mark.parametrize(
    ("pattern", "method"),
    [
        (r"\s+$", "search"),
        (r"\A```[a-z]*\s(.*?)\s*```\Z", "match"),
        (r"(?:a|b|ab)*c", "match"),
        (r"charset\s*=\s*[\"']?\s*(x)", "search"),
        (r"h+[aeo]?h+", "fullmatch"),
    ],
)
def test_patterns_that_are_too_slow_are_found(pattern: str, method: str) -> None:
    assert slow_use(Found("a", re.compile(pattern, re.DOTALL), (method,)))
