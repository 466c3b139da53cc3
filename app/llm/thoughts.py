"""Thoughts that a model writes into its answer, between tags: how they begin and how they end.

Each template has its own tags. Here they are read from text that may be cut anywhere; what becomes of the
thought is decided in `answer_text`.
"""

import re
from dataclasses import dataclass
from typing import Final

_NAMES: Final = (
    "think", "thinking", "thought", "thoughts", "reasoning", "reason", "reflection", "reflect", "scratchpad",
    "inner_monologue", "inner_thoughts", "internal_thoughts", "internal_monologue", "ant_thinking",
    "antthinking", "longcat_think", "reasoning_content", "reasoning_process", "thinking_process",
    "thought_process", "inner_thought", "inner_thinking", "internal_reasoning",
    "chain_of_thought", "cot", "deliberation", "analysis",
)  # fmt: skip
_NAME: Final = "|".join(sorted(_NAMES, key=len, reverse=True))
_OPEN_TAG: Final = re.compile(rf"<((?:[a-z_]+:)?(?:{_NAME}))(\s[^<>]{{0,200}}?)?(/?)>", re.IGNORECASE)
_OPEN_TAG_BEGUN: Final = re.compile(
    rf"<(?:(?:[a-z_]{{1,20}}:)?(?:{_NAME})(?:\s[^<>]{{0,200}})?/?)", re.IGNORECASE
)
_NAMESPACES: Final = ("seed:", "ant:", "antml:", "mm:", "minimax:", "longcat:")
_TAG_NAME_BEGUN: Final = re.compile(r"<(?:[a-z_]{1,20}:)?([a-z_]{0,20})")
_CLOSINGS: Final = tuple(
    f"</{space}{name}>"
    for name in ("think", "thinking", "thought", "reasoning")
    for space in ("", *_NAMESPACES)
)
_CLOSING_TOKENS: Final = ("[/think]", "\u25c1/think\u25b7")
_OPEN_TOKEN: Final = re.compile(r"\[think\]|\u25c1think\u25b7", re.IGNORECASE)
_ANY_CLOSING: Final = re.compile(
    r"</(?:[a-z_]{1,20}:)?(?:think|thinking|thought|thoughts|reasoning)>|\[/think\]|\u25c1/think\u25b7",
    re.IGNORECASE,
)

_TOKENS: Final[dict[str, tuple[str, ...]]] = {
    "[think]": ("[/think]",),
    "[thinking]": ("[/thinking]",),
    "[reasoning]": ("[/reasoning]",),
    "\u25c1think\u25b7": ("\u25c1/think\u25b7",),
    "<|think|>": ("<|/think|>", "<|end_think|>"),
    "<|thinking|>": ("<|/thinking|>", "<|end_thinking|>"),
    "<|thought|>": ("<|/thought|>", "<|end_thought|>"),
    "<|reasoning|>": ("<|/reasoning|>", "<|end_reasoning|>"),
    "<|start_thinking|>": ("<|end_thinking|>",),
    "<|begin_of_thought|>": ("<|end_of_thought|>",),
    "<|inner_prefix|>": ("<|inner_suffix|>",),
    "<|channel>thought": ("<channel|>",),
    "<unused94>thought": ("<unused95>",),
    "<ctrl94>thought": ("<ctrl95>",),
    '<details type="reasoning"': ("</details>",),
    "<\uff5cbegin\u2581of\u2581thinking\uff5c>": ("<\uff5cend\u2581of\u2581thinking\uff5c>",),
    "<\uff5cthinking\uff5c>": ("<\uff5c/thinking\uff5c>",),
    "&lt;think&gt;": ("&lt;/think&gt;",),
    "&lt;thinking&gt;": ("&lt;/thinking&gt;",),
}
"""Tokens of templates that are no tags, in lower case, and what ends each."""

_WORDS: Final = frozenset(
    ("reason", "reflection", "reflect", "analysis", "deliberation", "cot", "chain_of_thought", "scratchpad",
     "thoughts", "[thinking]", "[reasoning]")
)  # fmt: skip
"""Tags and tokens that stand in answers for what they are: a document's elements, headings."""

# gpt-oss: each message has a channel. What another server left of it where it does not show its own tokens:
# `analysis` and `assistantfinal`, glued to the text.
_CHANNEL: Final = re.compile(
    r"(?:<\|start\|>)?(?:assistant)?\s{0,3}<\|channel\|>\s{0,3}(\w{1,20})([^<]{0,200})(?:<\|constrain\|>[^<]{0,40})?<\|message\|>",
    re.IGNORECASE,
)
_CHANNEL_BEGUN: Final = re.compile(
    r"(?:<\|start\|>)?(?:assistant)?\s{0,3}(?:<\|channel\|>[^<]{0,200}(?:<\|constrain\|>[^<]{0,40})?(?:<(?:\|[a-z|]{0,10})?)?)?",
    re.IGNORECASE,
)
_CHANNEL_BEGINNINGS: Final = ("<|start|>assistant<|channel|>", "assistant<|channel|>", "<|channel|>")
_CHANNEL_ENDS: Final = ("<|end|>", "<|start|>", "<|channel|>", "<|return|>", "<|call|>")
_BARE_CHANNEL: Final = re.compile(r"analysis(?=[A-Z\u00bf\u00a1\u4e00-\u9fff])")
_BARE_CHANNEL_ENDS: Final = ("assistantfinal",)

_WRAPPERS: Final[dict[str, tuple[str, ...]]] = {
    "<answer>": ("</answer>",),
    "<response>": ("</response>",),
    "<final_answer>": ("</final_answer>",),
    "<solution>": ("</solution>",),
    "<output>": ("</output>",),
    "<|start_response|>": ("<|end_response|>",),
    "<|begin_of_solution|>": ("<|end_of_solution|>",),
}
"""What some models put around the answer behind their thoughts."""

_SPOKEN_ABOUT: Final = (
    " es una ", " es un ", " es la ", " es el ", " es lo ", " es como ", " no es ", " y <", " y `", " y [",
    " y la ", " y el ", " o <", " abre ", " marca ", " significa ", " indica ", " delimita ", " sirve ",
    " se usa", " se escribe", " se abre", " se cierra", " is a ", " is an ", " is the tag", " is the token",
    " is the opening", " is the start", " is the special", " is the marker", " is not ", " is used",
    " is what ", " is just ", " is how ", " isn't ", " and <", " and `", " and [", " or <", " opens ",
    " marks ", " means ", " indicates ", " delimits ", " tag", " token", " in brackets", ": ", ", ", "; ",
)  # fmt: skip
"""What follows a tag that is talked about, and never begins a thought."""

FIRST_CHARS: Final = frozenset("<[\u25c1&a")
"""An answer that begins with anything else begins with no thought."""

_QUOTES: Final = "\"'`\u00ab\u201c\u2018("
_QUOTES_END: Final = "\"'`\u00bb\u201d\u2019)"
_EMPTY_LINE: Final = re.compile(r"[ \t]{0,9}\r?\n[ \t]{0,9}\r?\n")
_SENTENCE_ENDS: Final = "\n.!?\u2026\u3002\uff01\uff1f"

_MAX_TAG_CHARS: Final = 240
_MAX_HELD_CHARS: Final = 256 * 1024


@dataclass(slots=True)
class OpeningTag:
    """What stands at the beginning of a text.

    Attributes:
        length: Its characters.
        ends: What ends it, as literals in lower case.
        tag: The tag's name, where it is one; it ends with the closing tag of the same name.
        is_shown: What follows is the answer, not a thought.
        is_word: It is a word of the language too: with nothing behind it, it was the answer.
    """

    length: int
    ends: tuple[str, ...] = ()
    tag: str = ""
    is_shown: bool = False
    is_word: bool = False


def opening_of(text: str, *, is_behind_thought: bool = False) -> OpeningTag | None:
    """Return how a thought begins here, or what wraps an answer; None where nothing does.

    Args:
        text: Without blanks before it.
        is_behind_thought: A thought has just ended: a tag around the answer may follow.
    """
    opening = _tag_or_token(text)
    if opening is not None:
        return None if _is_spoken_about(text, opening.length) else opening
    lowered = text[:40].lower()
    if match := _CHANNEL.match(text):
        if "to=" in match[2]:
            return None  # a tool call
        is_shown = match[1].lower() != "analysis"
        return OpeningTag(match.end(), _CHANNEL_ENDS, is_shown=is_shown)
    if _BARE_CHANNEL.match(text):
        return OpeningTag(len("analysis"), _BARE_CHANNEL_ENDS)
    if is_behind_thought:
        if match := _ANY_CLOSING.match(text):
            return OpeningTag(match.end())  # the thought's end once more
        for token, ends in _WRAPPERS.items():
            if lowered.startswith(token):
                return OpeningTag(len(token), ends, is_shown=True)
    return None


def _tag_or_token(text: str) -> OpeningTag | None:
    if match := _OPEN_TAG.match(text):
        tag = match[1].lower()
        return OpeningTag(match.end(), tag="" if match[3] else tag, is_word=tag in _WORDS)
    lowered = text[:40].lower()
    for token, ends in _TOKENS.items():
        if lowered.startswith(token):
            return OpeningTag(len(token), ends, is_word=token in _WORDS)
    return None


def _is_spoken_about(text: str, length: int) -> bool:
    """Return whether what follows a tag at the beginning speaks of it, or may yet do so."""
    rest = text[length : length + 20]
    if text[0] == "[" and rest.startswith("("):
        return True  # a link
    return any(rest.startswith(words) or words.startswith(rest) for words in _SPOKEN_ABOUT)


def may_open(text: str, *, is_behind_thought: bool = False) -> bool:
    """Return whether more text could make this the beginning of a thought. It is none yet."""
    if text[:1] not in FIRST_CHARS:
        return False
    lowered = text.lower()
    if len(text) > 1 and "analysis".startswith(text):
        return True
    if opening := _tag_or_token(text):
        rest = text[opening.length :]
        return any(words.startswith(rest) and words != rest for words in _SPOKEN_ABOUT)
    if is_behind_thought and any(closing.startswith(lowered) for closing in (*_CLOSINGS, *_CLOSING_TOKENS)):
        return True
    tokens = [*_TOKENS, *(_WRAPPERS if is_behind_thought else ())]
    if any(token.startswith(lowered) for token in tokens) or _OPEN_TAG_BEGUN.fullmatch(text):
        return True
    begun = _TAG_NAME_BEGUN.fullmatch(lowered)
    if begun and any(name.startswith(begun[1]) for name in (*_NAMES, *_NAMESPACES)):
        return True
    if any(token.startswith(lowered) for token in _CHANNEL_BEGINNINGS):
        return True
    return "<|channel|>" in lowered and bool(_CHANNEL_BEGUN.fullmatch(text))


def mentions_opening(text: str) -> bool:
    """Return whether what opens a thought stands anywhere in the text: a tag, or a token."""
    return _OPEN_TAG.search(text) is not None or _OPEN_TOKEN.search(text) is not None


class ThoughtEnd:
    """Looks for the end of a thought, in text that comes in pieces.

    A thought may hold thoughts: a tag that opens one on a line of its own must be closed too. Where that
    never happens the first closing tag was the end after all, so what follows it is kept.

    Args:
        opening: How it began.
    """

    def __init__(self, opening: OpeningTag) -> None:
        if opening.tag:
            # Blanks and what else may stand in a tag are bounded, as is all that is scanned again.
            self._marks = re.compile(rf"<(/?){re.escape(opening.tag)}(?:\s[^<>]{{0,200}})?>", re.IGNORECASE)
        else:
            self._marks = re.compile("|".join(map(re.escape, opening.ends)), re.IGNORECASE)
        self._is_tag = bool(opening.tag)
        self._text = "\n"
        self._at = 1
        self._depth = 0
        self._first: int | None = None

    def feed(self, text: str) -> str | None:
        """Take more of the thought; return what follows its end, None while it goes on."""
        self._text += text
        while match := self._marks.search(self._text, self._at):
            if match.end() == len(self._text) and self._text[match.start() - 1] in _QUOTES:
                break  # the next character tells whether it is quoted
            self._at = match.end()
            if self._is_end(match):
                return self._text[_end_of(match) :]
        if self._first is not None and len(self._text) - self._first > _MAX_HELD_CHARS:
            return self._text[self._first :]
        self._at = max(self._at, len(self._text) - _MAX_TAG_CHARS)
        if self._first is None:
            self._text, self._at = self._text[self._at - 1 :], 1
        return None

    def finish(self) -> str | None:
        """Return what followed the thought; None where it has not ended."""
        if self._first is not None:
            return self._text[self._first :]
        match = self._marks.search(self._text, self._at)
        return self._text[match.end() :] if match and match[0].startswith(("</", "[/")) else None

    def _is_end(self, match: re.Match[str]) -> bool:
        if not self._is_tag:
            return True
        before, after = self._text[match.start() - 1], self._text[match.end() : match.end() + 1]
        if before in _QUOTES and after and after in _QUOTES_END:
            return False
        if not match[1]:
            self._depth += before in "\n>"
            return False
        if self._depth == 0:
            return True
        self._depth -= 1
        self._first = match.end() if self._first is None else self._first
        return False


class ShownUntil:
    """Passes on an answer that is wrapped into something, without the wrapper's end.

    Args:
        ends: What ends it, as literals in lower case.
    """

    def __init__(self, ends: tuple[str, ...]) -> None:
        self._marks = re.compile("|".join(map(re.escape, ends)), re.IGNORECASE)
        self._ends = ends
        self._tail = ""

    def feed(self, text: str) -> tuple[str, str | None]:
        """Take more of the answer; return what of it can be shown, and what follows its end, if it ended."""
        text = self._tail + text
        if match := self._marks.search(text):
            self._tail = ""
            return text[: match.start()], text[_end_of(match) :]
        longest = min(len(text), max(map(len, self._ends)) - 1)
        lowered = text.lower()
        held = next(
            (n for n in range(longest, 0, -1) if any(end.startswith(lowered[-n:]) for end in self._ends)), 0
        )
        self._tail = text[len(text) - held :]
        return text[: len(text) - held], None

    def finish(self) -> str:
        """Return what was held back and is no end."""
        return self._tail


def closing_in(
    text: str, start: int = 0, *, is_strict: bool = False, behind: int = 0
) -> re.Match[str] | None:
    """Return the first closing tag that ends a thought, rather than being talked about.

    Args:
        text: What has come.
        start: Where to begin.
        is_strict: Only one between a line's or a sentence's end and an empty line counts.
        behind: One that ends before this place was looked at already, with what stood before it.
    """
    for match in _ANY_CLOSING.finditer(text, start):
        if match.end() <= behind:
            continue
        before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
        is_quoted = bool(before) and (before in _QUOTES or after in ("'", '"', "`"))
        is_in_sentence = before in (" ", "\t") and after in (" ", "\t", ",", ".", ";", ":", ")")
        if is_quoted or is_in_sentence:
            continue
        if not is_strict or (before in _SENTENCE_ENDS and _EMPTY_LINE.match(text, match.end())):
            return match
    return None


def may_close(text: str) -> int:
    """Return how many characters at the text's end may be a closing tag, or be one that is talked about."""
    start = max(text.rfind(sign, max(0, len(text) - 24)) for sign in ("<", "[", "\u25c1"))
    end = text[start:].lower() if start >= 0 else ""
    tag = end.removesuffix("\n").removesuffix("\r")
    closings = (*_CLOSINGS, *_CLOSING_TOKENS)
    return len(end) if tag and any(closing.startswith(tag) for closing in closings) else 0


def _end_of(match: re.Match[str]) -> int:
    """Return where the text goes on; a mark that begins the next message is part of that."""
    return match.start() if match[0].lower() in ("<|start|>", "<|channel|>") else match.end()
