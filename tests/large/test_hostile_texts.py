"""Long texts of others, of the signs that are dear: whoever looks at them is soon done."""

import gc
import time
from collections.abc import Callable, Iterator

import pytest

from app.letters import bare, composed, unaccented
from app.speech.detection.emotion import EmotionTracker
from app.speech.engines.stt.checks import is_made_up, is_out_of_prompt, plain, without_asides
from app.speech.engines.stt.credits import without_credits
from app.speech.engines.stt.loops import may_be_loop, without_repeats
from app.speech.reading.clauses import ClauseSplitter
from app.tools.support.sentiment import sentiment_of

CHARS = 64_000
MOST_S = 3.0
"""Some ten times what it takes; before, it took from 3 s to a minute."""

SIGNS = {
    "marks": "\u0301\u0316",
    "mark of marks": "\u0f73",
    "letters with marks": "e\u0301\u0316\u0345",
    "open brackets": "[",
    "open parentheses": "(",
    "stars": "*",
    "notes": "♪",
    "ellipses": "…",
    "exclamations": "!",
    "words": "no ",
    "vowels of Hangul": "\u1161",
    "credits": "suscríbete ",
    "hyphens": "na-",
    "hyphens between three": "na-na-na-na ",
    "one word": "n",
}

LOOKS: dict[str, Callable[[str], object]] = {
    "plain": plain,
    "asides": without_asides,
    "repeats": without_repeats,
    "credits": without_credits,
    "odd repeats": may_be_loop,
    "made up": lambda text: is_made_up(text, 0.5),
    "out of prompt": lambda text: is_out_of_prompt(text, text),
    "praise in Spanish": lambda text: sentiment_of(text, "es"),
    "praise in English": lambda text: sentiment_of(text, "en"),
    "mood": lambda text: EmotionTracker().judge(text, "es", 3.0),
    "bare": bare,
    "composed": composed,
    "unaccented": unaccented,
}


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    """What other tests have left is not looked through meanwhile: that alone may take a second."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("signs", SIGNS)
def test_hostile_text_is_looked_at_in_a_time_that_grows_with_its_length(signs: str, look: str) -> None:
    text = (SIGNS[signs] * CHARS)[:CHARS]

    began = time.process_time()
    LOOKS[look](text)

    assert time.process_time() - began < MOST_S


@pytest.mark.parametrize("signs", SIGNS)
def test_hostile_answer_is_cut_into_clauses_as_fast_as_it_comes(signs: str) -> None:
    text = (SIGNS[signs] * CHARS)[:CHARS]
    splitter = ClauseSplitter()

    began = time.process_time()
    clauses = splitter.feed(text) + splitter.flush()
    lasted = time.process_time() - began

    assert "".join(clauses) == text
    assert lasted / len(clauses) < 0.02  # some 1 ms; of a run of stops it was up to 40 ms


def test_composed_text_is_the_same_in_pieces_and_as_a_whole() -> None:
    some = "árbol e\u0301\u0316 \u1112\u1161\u11ab 한 漢字… Ünïcödé \u09c7\u09be "
    text = some * 2000

    assert composed(text) == composed(some) * 2000
    assert unaccented(some).startswith("arbol e")
