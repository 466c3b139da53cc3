"""`docs/reliability.md` names every row once, and tests that are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
GROUPS = {"A": 30, "B": 32, "C": 17, "D": 13, "E": 15, "F": 29, "H": 4, "L": 13, "M": 7, "P": 26}

ROWS = re.findall(r"^\| ([A-FHLMP]\d+(?:, [A-FHLMP]\d+)*) \| (.+) \| (.*) \|$", PAGE, re.MULTILINE)


def test_each_row_stands_there_once() -> None:
    named = [name for names, _, _ in ROWS for name in names.split(", ")]

    assert sorted(named) == sorted(
        f"{group}{number}" for group, last in GROUPS.items() for number in range(1, last + 1)
    )


def test_each_test_that_is_named_is_there() -> None:
    named = set(re.findall(r"`(tests/[a-z_0-9/]+\.py)`", PAGE))

    assert named
    assert [path for path in sorted(named) if not (ROOT / path).is_file()] == []


def test_row_without_a_test_says_so() -> None:
    assert [names for names, text, tests in ROWS if not tests.strip() and "*not yet*" not in text] == []
