"""Microphone and loudspeaker through the package sounddevice, which is not required: only voice needs it."""

import importlib
from collections.abc import Callable
from typing import Any, Final, Protocol

from app.cli.cli_error import CliError, Exit

MICROPHONE_HZ: Final = 16_000
_FRAME_SAMPLES: Final = 320


class SoundCard(Protocol):
    """What a spoken talk needs of a machine.

    Attributes:
        rate_hz: Of what the microphone gives: mono PCM16.
    """

    rate_hz: int

    def listen(self, heard: Callable[[bytes], None]) -> None:
        """Open the microphone; `heard` is called from another thread, with 20 ms each time."""
        ...

    def speak(self, rate_hz: int, pull: Callable[[int], bytes]) -> None:
        """Open the loudspeaker, in place of an earlier opening; `pull` is called from another thread."""
        ...

    def close(self) -> None:
        """Give both back."""
        ...


def load_sound_card(load: Callable[[str], Any] = importlib.import_module) -> SoundCard:
    """Return the machine's microphone and loudspeaker.

    Raises:
        CliError: The package, its library or a device is missing; the sentence says what to do.
    """
    try:
        sounddevice = load("sounddevice")
    except (ImportError, OSError) as exc:
        # OSError: the package is there, the library PortAudio is not.
        raise CliError(Exit.NO_VOICE, "no_sounddevice") from exc
    try:
        for kind in ("input", "output"):
            sounddevice.query_devices(kind=kind)
    except (ValueError, sounddevice.PortAudioError) as exc:
        raise CliError(Exit.NO_VOICE, "no_device", problem=_first_line(exc)) from exc
    return SoundDevice(sounddevice)


class SoundDevice:
    """The default devices.

    Args:
        sounddevice: The package, as it was imported.
    """

    rate_hz = MICROPHONE_HZ

    def __init__(self, sounddevice: Any) -> None:
        self._sounddevice = sounddevice
        self._microphone: Any = None
        self._loudspeaker: Any = None

    def listen(self, heard: Callable[[bytes], None]) -> None:
        """Open the microphone.

        Raises:
            CliError: It cannot be opened.
        """

        def take(recorded: Any, frames: int, time: Any, status: Any) -> None:
            heard(bytes(recorded))

        self._microphone = self._opened("RawInputStream", self.rate_hz, _FRAME_SAMPLES, take)

    def speak(self, rate_hz: int, pull: Callable[[int], bytes]) -> None:
        """Open the loudspeaker.

        Raises:
            CliError: It cannot be opened.
        """

        def give(wanted: Any, frames: int, time: Any, status: Any) -> None:
            wanted[:] = pull(len(wanted))

        self._close_one(self._loudspeaker)
        self._loudspeaker = self._opened("RawOutputStream", rate_hz, 0, give)

    def close(self) -> None:
        """Give both back."""
        for stream in (self._microphone, self._loudspeaker):
            self._close_one(stream)
        self._microphone = self._loudspeaker = None

    def _opened(self, kind: str, rate_hz: int, samples: int, callback: Callable[..., None]) -> Any:
        try:
            stream = getattr(self._sounddevice, kind)(
                samplerate=rate_hz, channels=1, dtype="int16", blocksize=samples, callback=callback
            )
            stream.start()
        except (ValueError, self._sounddevice.PortAudioError) as exc:
            raise CliError(Exit.NO_VOICE, "no_device", problem=_first_line(exc)) from exc
        return stream

    def _close_one(self, stream: Any) -> None:
        if stream is not None:
            stream.abort()
            stream.close()


def _first_line(exc: Exception) -> str:
    return (str(exc).splitlines() or [type(exc).__name__])[0].rstrip(".")
