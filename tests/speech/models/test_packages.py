import sys
from pathlib import Path

import pytest

from app.speech.engines.tts.espeak_library import WheelPlatform
from app.speech.models.packages import (
    ESPEAK,
    LOCK,
    REQUIREMENTS,
    PackagesError,
    install_packages,
    missing_packages,
    packages_for,
    pip_command,
    required_packages,
)


def test_names_are_read_without_versions_and_comments(tmp_path: Path) -> None:
    file = tmp_path / "requirements.ini"
    file.write_text("# why\nnumpy>=2.0\nav\nopenai[aiohttp]>=3 ; x\n-r other.ini\n", encoding="utf-8")

    assert required_packages(file) == ["numpy", "av", "openai"]


def test_only_what_is_not_installed_is_missing() -> None:
    assert missing_packages(["pytest", "no-such-package-at-all"]) == ["no-such-package-at-all"]


def test_pip_takes_the_very_files_that_were_tested() -> None:
    command = pip_command()

    assert command[:4] == [sys.executable, "-m", "pip", "install"]
    assert command[-3:] == ["--require-hashes", "-r", str(LOCK)]


def says(*lines: str, status: int = 0) -> list[str]:
    script = f"import sys; print(*{lines!r}, sep='\\n'); sys.exit({status})"
    return [sys.executable, "-c", script]


def test_what_pip_collects_is_told_as_progress() -> None:
    told: list[tuple[float, str]] = []

    command = says("Collecting numpy>=2", "  Downloading numpy.whl", "Installing collected packages: numpy")
    install_packages(lambda done, what: told.append((done, what)), command)

    assert [what for _, what in told] == ["numpy>=2", "unpacking"]
    assert 0 < told[0][0] < told[1][0] < 1


def test_failure_is_one_line_of_pip() -> None:
    command = says("Collecting x", "ERROR: No matching distribution found for x", "", "bye", status=1)

    with pytest.raises(PackagesError, match=r"voice packages: No matching distribution found for x$"):
        install_packages(lambda done, what: None, command)


def test_package_without_a_wheel_for_the_machine_is_not_asked_of_pip() -> None:
    musl, glibc = WheelPlatform("linux", "x86_64", ""), WheelPlatform("linux", "x86_64", "glibc")

    text = packages_for(musl, LOCK)

    names = [line.split("==")[0] for line in text.splitlines() if "==" in line]
    assert ESPEAK in required_packages(LOCK) and ESPEAK not in names
    assert names == [name for name in required_packages(LOCK) if name != ESPEAK]
    assert ESPEAK not in packages_for(musl, REQUIREMENTS).split("\n", 1)[1].replace("# ", "")
    assert text.count("--hash") == LOCK.read_text().count("--hash") - 6
    assert packages_for(glibc, LOCK) == LOCK.read_text()
