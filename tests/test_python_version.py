"""An old Python is told of in one line, before anything is installed, and leaves nothing behind."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OLD = """#!/bin/sh
case "$1" in
-V) echo Python 3.10.13 ;;
-c) exit 1 ;;
*) echo "installed with $*" >> "{log}" ;;
esac
"""


def old_python(path: Path, log: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(OLD.format(log=log))
    path.chmod(0o755)
    return path


@pytest.mark.skipif(shutil.which("make") is None, reason="make is missing")
@pytest.mark.parametrize("had_one", [False, True])
def test_make_stops_with_one_line_and_no_venv_of_an_old_python(tmp_path: Path, had_one: bool) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "requirements.lock").touch()
    log = tmp_path / "log"
    python = old_python(tmp_path / "bin" / "python3", log)
    if had_one:
        old_python(tmp_path / ".venv" / "bin" / "python", log)

    made = subprocess.run(
        ["make", "run", f"PYTHON={python}"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )

    said = [line for line in made.stderr.splitlines() if not line.startswith("make")]
    assert made.returncode != 0
    assert said == [
        f"This needs Python 3.11, 3.12 or 3.13, and {python} is Python 3.10.13. "
        "Name another one, as in: make run PYTHON=python3.12"
    ]
    assert not (tmp_path / ".venv").exists()
    assert not log.exists()


@pytest.mark.skipif(shutil.which("make") is None, reason="make is missing")
def test_make_says_where_there_is_no_python(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "requirements.lock").touch()

    made = subprocess.run(
        ["make", "run", "PYTHON=no-such-python"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )

    assert made.returncode != 0
    assert "This needs Python 3.11" in made.stderr


def test_server_says_so_before_it_imports_what_an_old_python_lacks() -> None:
    script = "import runpy, sys; sys.version_info = (3, 10, 13); runpy.run_path('main.py')"
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60)

    assert ran.returncode == 2
    assert ran.stderr.startswith("This needs Python 3.11, 3.12 or 3.13, and here is ")
    assert len(ran.stderr.splitlines()) == 1


def test_what_stands_before_it_is_read_by_an_old_python() -> None:
    ast.parse((ROOT / "main.py").read_text(encoding="utf-8"), feature_version=(3, 8))
