"""Cuts an answer, while it comes, into clauses that can be spoken; joined, they are the answer.

The first clause leaves as early as it can be said, so that the voice begins; later ones are whole sentences
or a dozen words, since a voice sounds better the more it sees.
"""

import re
from bisect import bisect_left
from typing import Final

from app.speech.reading import lexicon, units

FIRST_WORDS: Final = 4
"""So many words are said first, where no comma comes."""

LATER_WORDS: Final = 12
"""From so many words on, a later clause ends at a comma."""

MOST_WORDS: Final = 20
"""A later clause ends between two words where it has so many."""

MOST_CHARS: Final = 600
"""A clause is cut anywhere but in code at so many characters, whatever they are."""

_VIEW: Final = 2 * MOST_CHARS
"""So much is looked at for the next end."""

# A run of stops is tried from its first one only.
_SENTENCE_END: Final = re.compile(
    r"(?<![.!?…])[.!?…]++[\"'”’»)\]*_]*+(?=\s)|\n\s*\n|\n(?=\s*(?:[-*+•#>|]|\d{1,3}[.)]\s))|:\s*\n"
)
_CLAUSE_END: Final = re.compile(r"[,;:][\"'”’»)\]*_]*(?=\s)|\s[—–-](?=\s)|[)](?=\s)")
_BLANK: Final = re.compile(r"\s+")
_WORD: Final = re.compile(r"\w\S*")
_FENCE: Final = re.compile(r"(?:^|\n)[ \t]*(?P<fence>```|~~~)")
_UNIT: Final = (
    "[ ](?:" + "|".join(re.escape(name) for name in sorted(units.UNITS, key=len, reverse=True)) + r")(?!\w)"
)
_SUM: Final = r"[ ][-–−+*×x÷/=^<>][ ](?=[\d(])"
_SPANS: Final = re.compile(
    r"(?<![^\n])[ \t]*(?:\d{1,3}[.)]|[-*+•])[ \t]+"
    r"|`[^`\n]{1,200}(?:`|$)"
    r"|\[[^\[\]\n]{0,300}(?:$|\](?:$|\([^()\s]{0,2000}(?:\)|$)))"
    r"|(?:https?://|www\.)\S+"
    r"|\$\$[^$]{1,1000}(?:\$\$|$)|\$[^\s$\d][^$\n]{0,300}(?:\$|$)"
    r"|\\\((?:(?!\\\)).){0,1000}(?:\\\)|$)|\\\[(?:(?!\\\])[\s\S]){0,1000}(?:\\\]|$)"
    r"|\d{1,2}[ \u00a0][ap]\. ?m\.?"
    rf"|\d[\d.,:/\u00a0]*(?:[ ](?=[\d%€$£°])|{_SUM}|\s?[%€$£°]|{_UNIT}|[.,:]?\d+)*"
    r"|[-+*×÷=/^][ ](?=\d)"
)
"""What is not cut inside; some of it may still be open at the end of what has come."""

_OPEN_NUMBER: Final = re.compile(r"[\d+*×÷=/^-]\s(?!\S{0,3}\s\S|\S{4})")
"""A number behind which a unit, a sign or another number may follow."""

_INITIAL: Final = re.compile(r"(?<!\w)\w\.(?=\s)")
_SHORTS: Final = sorted(
    (short for table in lexicon.ABBREVIATIONS.values() for short in table if short.endswith(".")),
    key=len,
    reverse=True,
)
_ABBREVIATION: Final = re.compile(
    r"(?<!\w)(?:" + "|".join(re.escape(short) for short in _SHORTS) + r"|EE\.)(?=\s|,|$)"
)


class ClauseSplitter:
    """Cuts one answer.

    It waits at the end of what has come until it is sure that nothing goes on there: a point may be a
    number's, a bracket a link's. `flush` ends the waiting.
    """

    def __init__(self) -> None:
        self._rest = ""
        self._is_first = True

    def feed(self, text: str) -> list[str]:
        """Take the next piece; the clauses that are whole now."""
        self._rest += text
        clauses: list[str] = []
        while (end := self._end(self._rest)) is not None:
            clauses.append(self._take(end))
        return clauses

    def flush(self) -> list[str]:
        """Return the rest: no more comes, for now."""
        clauses = self.feed("")
        if self._rest:
            clauses.append(self._take(len(self._rest)))
        return clauses

    def _take(self, end: int) -> str:
        clause, self._rest = self._rest[:end], self._rest[end:]
        if _WORD.search(clause):
            self._is_first = False
        return clause

    def _end(self, rest: str) -> int | None:
        """Return where the next clause ends, blanks behind it included; None while that cannot be known."""
        fence = _FENCE.search(rest)
        if fence is not None and not rest[: fence.start()].strip():
            return _end_of_fence(rest, fence)
        visible = rest[: min(fence.start() if fence else len(rest), _VIEW)]
        whole = [(found.start(), found.end()) for found in _SPANS.finditer(visible)]
        end = self._best(visible, whole)
        if end is None and len(visible) > MOST_CHARS:
            return MOST_CHARS
        if end is None and fence is not None:
            return fence.start() + 1
        return None if end is None else _behind_blanks(rest, end)

    def _best(self, text: str, whole: list[tuple[int, int]]) -> int | None:
        """Return the first good end: of the sentence, or of enough words."""
        starts = [found.start() for found in _WORD.finditer(text)]
        for end, is_sentence in _ends(text, whole):
            words = bisect_left(starts, end)
            if not words:
                continue
            if is_sentence or self._is_first or words >= LATER_WORDS:
                return end if words <= self._most else self._between_words(text, whole)
        return self._between_words(text, whole)

    @property
    def _most(self) -> int:
        return FIRST_WORDS if self._is_first else MOST_WORDS

    def _between_words(self, text: str, whole: list[tuple[int, int]]) -> int | None:
        words = [found.end() for found in _WORD.finditer(text)]
        if len(words) <= self._most:
            return None
        for blank in _BLANK.finditer(text, words[self._most - 1]):
            place = blank.start()
            if _OPEN_NUMBER.match(text, place - 1):
                return None
            if blank.end() < len(text) and not _is_inside(place, whole) and not _is_abbreviated(text, place):
                return place
        return None


def _ends(text: str, whole: list[tuple[int, int]]) -> list[tuple[int, bool]]:
    """Return the places where a clause may end, and whether a sentence does."""
    ends = [(found.end(), True) for found in _SENTENCE_END.finditer(text)]
    ends += [(found.end(), False) for found in _CLAUSE_END.finditer(text)]
    return [
        (end, is_sentence)
        for end, is_sentence in sorted(ends)
        if not _is_inside(end, whole) and not (text[end - 1] == "." and _is_abbreviated(text, end))
    ]


def _is_inside(place: int, whole: list[tuple[int, int]]) -> bool:
    # They are in order, and none reaches into another.
    before = bisect_left(whole, (place, 0)) - 1
    return before >= 0 and whole[before][0] < place < whole[before][1]


def _is_abbreviated(text: str, end: int) -> bool:
    """Return whether what stands before this place is an abbreviation that more follows."""
    start = max(0, end - 12)
    near = text[start : end + 12]
    for found in _ABBREVIATION.finditer(near):
        if found.start() < end - start <= found.end():
            is_end = found[0] in lexicon.ENDS_SENTENCES and found.end() == end - start
            return not (is_end and text[end : end + 2].strip()[:1].isupper())
    initial = _INITIAL.search(text, max(0, end - 2))
    return initial is not None and initial.end() == end


def _behind_blanks(text: str, end: int) -> int:
    found = _BLANK.match(text, end)
    return found.end() if found else end


def _end_of_fence(text: str, fence: "re.Match[str]") -> int | None:
    """Behind the line that closes a block of code."""
    place = fence.end()
    while (place := text.find(fence["fence"], place)) >= 0:
        line_end = text.find("\n", place)
        if not text[text.rfind("\n", 0, place) + 1 : place].strip():
            return line_end + 1 if line_end >= 0 else None
        place += len(fence["fence"])
    return None
