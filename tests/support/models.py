"""Where the model files are that tests of speech run, and what happens where they are not.

Imported before the environment is cleaned of the server's settings.
"""

import os
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]

MODELS_DIR = (_ROOT / os.environ.get("MODELS_DIR", "data/models")).resolve()
_IS_CI = os.environ.get("CI", "").lower() in ("1", "true")


def model(name: str) -> Path:
    """A model's file or folder; skips the test where it is missing, and fails it in CI."""
    path = MODELS_DIR / name
    if not path.exists():
        words = f"{path} is missing; `make voice` brings it"
        if _IS_CI:
            pytest.fail(words)
        pytest.skip(words)
    return path
