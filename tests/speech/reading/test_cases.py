"""What a model's answer may hold, as a person would read it: `tests/cases/reading-es.tsv` and `-en.tsv`.

Pauses and capitals do not count there; `⏎` in them ends a line.
"""

import re
from collections import Counter
from pathlib import Path

import pytest

from app.errors import Locale
from app.speech.reading import read_aloud, spoken_text

CASES = Path(__file__).parents[2] / "cases"
PAUSES = re.compile(r"[,.?!:]")
LEAST_ROWS = 200


def rows(locale: Locale) -> list[tuple[str, str, str]]:
    lines = (CASES / f"reading-{locale}.tsv").read_text(encoding="utf-8").splitlines()[1:]
    return [(kind, written, spoken) for kind, written, spoken in (line.split("\t") for line in lines)]


def bare(spoken: str) -> str:
    return " ".join(PAUSES.sub(" ", spoken).split()).lower()


@pytest.mark.parametrize(("kind", "written", "spoken"), rows("es"))
def test_spanish_is_read_as_a_person_reads_it(kind: str, written: str, spoken: str):
    assert bare(spoken_text(read_aloud(written.replace("⏎", "\n"), "es"))) == bare(spoken), kind


@pytest.mark.parametrize(("kind", "written", "spoken"), rows("en"))
def test_english_is_read_as_a_person_reads_it(kind: str, written: str, spoken: str):
    assert bare(spoken_text(read_aloud(written.replace("⏎", "\n"), "en"))) == bare(spoken), kind


def test_both_languages_have_rows_of_each_kind():
    kinds = {locale: Counter(kind for kind, _, _ in rows(locale)) for locale in ("es", "en")}

    assert set(kinds["es"]) == set(kinds["en"])
    assert all(sum(counted.values()) >= LEAST_ROWS for counted in kinds.values())
