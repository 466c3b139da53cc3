from pathlib import Path

import pytest

from app.speech.engines.tts.espeak_library import (
    EspeakLibrary,
    WheelPlatform,
    find_library,
    how_to_install,
    this_machine,
)


@pytest.mark.parametrize(
    ("machine", "has_wheel", "how"),
    [
        (WheelPlatform("linux", "x86_64", "glibc"), True, "pip install espeakng-loader"),
        (WheelPlatform("linux", "aarch64", "glibc"), True, "pip install espeakng-loader"),
        (WheelPlatform("darwin", "arm64", ""), True, "pip install espeakng-loader"),
        (WheelPlatform("win32", "AMD64", ""), True, "pip install espeakng-loader"),
        (WheelPlatform("linux", "x86_64", ""), False, "apk add espeak-ng"),
        (WheelPlatform("linux", "aarch64", "musl"), False, "apk add espeak-ng"),
        (WheelPlatform("linux", "armv7l", "glibc"), False, "apt-get install libespeak-ng1"),
        (WheelPlatform("darwin", "ppc", ""), False, "brew install espeak-ng"),
        (WheelPlatform("freebsd14", "amd64", ""), False, "the system's packages"),
    ],
)
def test_machines_without_a_wheel_are_told_what_to_install(machine: WheelPlatform, has_wheel: bool, how: str):
    assert machine.has_wheel == has_wheel
    assert how in how_to_install(machine)


def test_this_machine_is_named_as_the_table_names_it():
    machine = this_machine()

    assert machine.system and machine.processor


@pytest.mark.parametrize("place", ["libespeak-ng.so.1", "x86_64-linux-gnu/libespeak-ng.so.1"])
def test_library_of_the_system_is_found_where_there_is_no_wheel(
    tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("sys.path", [])
    file = tmp_path / place
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"")

    assert find_library([tmp_path]) == EspeakLibrary(str(file))
    assert find_library([]) is None


def test_wheel_comes_before_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    wheel = tmp_path / "espeakng_loader"
    (wheel / "espeak-ng-data").mkdir(parents=True)
    for file in ("__init__.py", "libespeak-ng.so"):
        (wheel / file).write_bytes(b"")
    monkeypatch.setattr("sys.path", [str(tmp_path)])

    found = find_library([Path("/usr/lib")])

    assert found == EspeakLibrary(str(wheel / "libespeak-ng.so"), str(wheel / "espeak-ng-data"))


def test_wheel_without_its_data_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    wheel = tmp_path / "espeakng_loader"
    wheel.mkdir()
    for file in ("__init__.py", "libespeak-ng.so"):
        (wheel / file).write_bytes(b"")
    monkeypatch.setattr("sys.path", [str(tmp_path)])

    assert find_library([]) is None
