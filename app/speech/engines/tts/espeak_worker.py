"""The process that holds espeak-ng: phonemes of words, and its own voice.

The library is GPL-3, so nothing else of the server is in this process but what carries the jobs. Names and
numbers are those of espeak-ng's `speak_lib.h`.
"""

import ctypes
from collections.abc import Iterator
from typing import Any, Final

from app.speech.engines.worker_wire import Frame, Handler, Header, JobRefused

MAX_TEXT_CHARS: Final = 20_000
MAX_SOUND_BYTES: Final = 32 << 20

_SYNCHRONOUS: Final = 2
_DO_NOT_EXIT: Final = 0x8000
_UTF8: Final = 1
_END_PAUSE: Final = 0x1000
_RATE: Final = 1
_TIE: Final = "^"
_IPA_WITH_TIES: Final = 0x02 | 0x80 | ord(_TIE) << 8

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)


class LoadedEspeak:
    """The library, with its data.

    Args:
        path: Of the library.
        data: Of its folder of voices; empty for the library's own choice.

    Raises:
        OSError: The library cannot be loaded.
        RuntimeError: It does not find its data.
    """

    def __init__(self, path: str, data: str) -> None:
        self._library: Any = ctypes.CDLL(path)
        self._library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self._rate_hz = self._library.espeak_Initialize(
            _SYNCHRONOUS, 0, data.encode() if data else None, _DO_NOT_EXIT
        )
        # Asked for anything without its data, it would end the process.
        if self._rate_hz <= 0:
            raise RuntimeError(f"espeak-ng does not find its data in {data or 'its usual place'}")
        self._voice = ""
        self._sound = bytearray()
        self._callback = _Callback(self._take)
        self._library.espeak_SetSynthCallback(self._callback)

    def handle(self, header: Header, body: bytes) -> Iterator[Frame]:
        """Do one job: `phonemes` of the texts in its header, or `speak` its body."""
        self._choose(header["voice"])
        if header["do"] == "phonemes":
            yield {"phonemes": [self._phonemes(text) for text in header["texts"]]}, b""
        else:
            yield {"rate_hz": self._rate_hz}, self._speak(body.decode(), header["words_per_minute"])

    def _choose(self, voice: str) -> None:
        if voice == self._voice:
            return
        self._voice = ""
        if self._library.espeak_SetVoiceByName(voice.encode()):
            raise JobRefused("no_voice", voice)
        self._voice = voice

    def _phonemes(self, text: str) -> str:
        rest = ctypes.c_char_p(_plain(text))
        parts: list[str] = []
        while rest.value is not None:
            # It takes one clause, and moves the pointer behind it; at the end, to none.
            part = self._library.espeak_TextToPhonemes(ctypes.byref(rest), _UTF8, _IPA_WITH_TIES)
            parts.append((part or b"").decode(errors="replace").strip())
        return " ".join(part for part in parts if part)

    def _speak(self, text: str, words_per_minute: int) -> bytes:
        plain = _plain(text)
        self._sound.clear()
        self._library.espeak_SetParameter(_RATE, words_per_minute, 0)
        failed = self._library.espeak_Synth(
            plain, ctypes.c_size_t(len(plain) + 1), 0, 0, 0, _UTF8 | _END_PAUSE, None, None
        )
        if failed:
            raise RuntimeError(f"espeak_Synth: {failed}")
        if len(self._sound) > MAX_SOUND_BYTES:
            raise JobRefused("too_long", f"over {MAX_SOUND_BYTES} bytes of sound")
        return bytes(self._sound)

    def _take(self, samples: int | None, count: int, events: int | None) -> int:
        """Keep sound as it is made; 1 stops."""
        del events
        if samples and count > 0:
            self._sound += ctypes.string_at(samples, count * 2)
        return int(len(self._sound) > MAX_SOUND_BYTES)


def load(options: Header) -> Handler:
    """Load the library: `path` and `data`, as `EspeakLibrary` has them."""
    return LoadedEspeak(options["path"], options["data"]).handle


def _plain(text: str) -> bytes:
    if len(text) > MAX_TEXT_CHARS:
        raise JobRefused("too_long", f"{len(text)} characters")
    return text.replace("\0", " ").encode(errors="replace")
