"""What `make test` makes of tests that fail, in which process they run, and how it ends."""

from pathlib import Path

import pytest

from tests.run import run

BESIDE_OTHERS = "'PYTEST_XDIST_WORKER' in os.environ"


@pytest.fixture(autouse=True)
def _few_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the inner runs need, and nothing else: they are many processes."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p xdist")
    # This test may itself run beside others.
    for name in ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_XDIST_TESTRUNUID"):
        monkeypatch.delenv(name, raising=False)


def written(folder: Path, *bodies: str) -> list[str]:
    """Arguments that run these tests, each in a module of its own."""
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = alone\n")
    for number, body in enumerate(bodies):
        (folder / f"test_{number}.py").write_text(f"import os, pytest\n{body}\n")
    return [str(folder)]


def checks(condition: str, *, alone: bool = False) -> str:
    return f"{'@pytest.mark.alone' * alone}\ndef test_it(): assert {condition}"


ONCE = """
from pathlib import Path
def was_here():
    mark = Path(__file__).with_suffix(".mark")
    return mark.exists() or bool(mark.touch())
"""
"""False when it is asked first."""

IN_PLACE = (checks(BESIDE_OTHERS), checks(f"not {BESIDE_OTHERS}", alone=True))


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("bodies", "marks", "code", "named"),
    [
        ([*IN_PLACE, checks(f"not {BESIDE_OTHERS}")], "", 0, ["test_2.py"]),
        ([*IN_PLACE, checks(f"not {BESIDE_OTHERS}"), checks("False")], "", 1, ["test_2.py"]),
        ([checks("True"), checks("False", alone=True)], "", 1, []),
        ([checks("True"), f"{ONCE}\n{checks('was_here()', alone=True)}"], "", 0, ["test_1.py"]),
        ([checks("True"), "def broken("], "", 2, []),
        ([checks("False")], "alone", 5, []),
    ],
    ids=[
        "passes alone",
        "fails twice",
        "fails alone",
        "passes when nothing is beside it",
        "no Python",
        "none",
    ],
)
def test_run_ends_as_its_tests_do(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    bodies: list[str],
    marks: str,
    code: int,
    named: list[str],
):
    assert run(written(tmp_path, *bodies), 2, marks) == code

    told = [line for line in capfd.readouterr().out.splitlines() if line.startswith("failed beside others")]
    assert [line.partition("::")[0].rpartition(" ")[2] for line in told] == named


def test_with_one_worker_nothing_is_tried_twice(tmp_path: Path):
    assert run(written(tmp_path, f"{ONCE}\n{checks('was_here()')}"), 1) == 1
