"""Without the package or a device the user is told what to do; with them, sound goes both ways."""

from typing import Any

import pytest

from app.cli.cli_error import CliError, Exit
from app.cli.sound_card import load_sound_card


class PortAudioError(Exception):
    """As the package has it."""


class Stream:
    def __init__(self, **options: Any) -> None:
        self.options = options
        self.done: list[str] = []

    def start(self) -> None:
        self.done.append("start")

    def abort(self) -> None:
        self.done.append("abort")

    def close(self) -> None:
        self.done.append("close")


class FakePackage:
    """What of sounddevice is used."""

    PortAudioError = PortAudioError

    def __init__(self, missing: str = "") -> None:
        self._missing = missing
        self.streams: list[Stream] = []

    def query_devices(self, kind: str) -> dict[str, str]:
        if kind == self._missing:
            raise PortAudioError(f"no default {kind} device\nmore.")
        return {"name": kind}

    def RawInputStream(self, **options: Any) -> Stream:
        return self._stream("RawInputStream", **options)

    def RawOutputStream(self, **options: Any) -> Stream:
        return self._stream("RawOutputStream", **options)

    def _stream(self, kind: str, **options: Any) -> Stream:
        if kind == self._missing:
            raise PortAudioError("device busy")
        self.streams.append(Stream(**options))
        return self.streams[-1]


@pytest.mark.parametrize("exc", [ImportError("no module"), OSError("PortAudio library not found")])
def test_a_missing_package_or_library_is_told_of(exc: Exception):
    def load(name: str) -> Any:
        raise exc

    with pytest.raises(CliError) as ended:
        load_sound_card(load)

    assert ended.value.code is Exit.NO_VOICE
    assert "pip install sounddevice" in ended.value.sentence("en")


@pytest.mark.parametrize("kind", ["input", "output"])
def test_a_missing_device_is_told_of(kind: str):
    with pytest.raises(CliError) as ended:
        load_sound_card(lambda name: FakePackage(missing=kind))

    assert f"no default {kind} device." in ended.value.sentence("en")


def test_a_device_that_cannot_be_opened_is_told_of():
    card = load_sound_card(lambda name: FakePackage(missing="RawInputStream"))

    with pytest.raises(CliError) as ended:
        card.listen(print)

    assert "device busy" in ended.value.sentence("es")


def test_the_microphone_gives_and_the_loudspeaker_pulls():
    package = FakePackage()
    card = load_sound_card(lambda name: package)
    heard: list[bytes] = []
    wanted = bytearray(4)

    card.listen(heard.append)
    card.speak(24_000, lambda size: b"\7" * size)
    microphone, loudspeaker = package.streams
    microphone.options["callback"](memoryview(b"\1\2"), 1, None, None)
    loudspeaker.options["callback"](memoryview(wanted), 2, None, None)

    assert (heard, bytes(wanted)) == ([b"\1\2"], b"\7" * 4)
    assert (microphone.options["samplerate"], loudspeaker.options["samplerate"]) == (16_000, 24_000)


def test_another_rate_opens_the_loudspeaker_anew_and_all_is_given_back():
    package = FakePackage()
    card = load_sound_card(lambda name: package)
    card.listen(print)
    card.speak(24_000, bytes)
    card.speak(22_050, bytes)
    card.close()
    card.close()

    assert [stream.done for stream in package.streams] == [["start", "abort", "close"]] * 3
