"""The answer's sound in the format that the client asked for: its rate, and its encoding."""

from collections.abc import Callable, Iterator

from app.protocol.events import AudioFormat, AudioFrame, AudioStarted, Event
from app.speech.base import NewRate, RateChange
from app.speech.g711 import encoder


def _as_it_is(pcm: bytes) -> bytes:
    return pcm


class SoundFormatter:
    """Makes what a voice says into what one client hears; everything else passes through.

    Args:
        wanted: What the client hears.
        new_rate: Makes what changes a rate; None where nothing can.
    """

    def __init__(self, wanted: AudioFormat, new_rate: NewRate | None) -> None:
        self._wanted = wanted
        self._new_rate = new_rate
        self._encode: Callable[[bytes], bytes] = (
            _as_it_is if wanted.encoding == "pcm16" else encoder(wanted.encoding)
        )
        self._change: RateChange | None = None

    def shape(self, event: Event) -> Iterator[Event]:
        """Return what is told in the place of an event."""
        match event:
            case AudioStarted(turn_id, rate_hz, offset_ms):
                # What the one before still holds is thrown away: the sound goes on at another place.
                self._change = None
                if rate_hz != self._wanted.rate_hz and self._new_rate is not None:
                    self._change = self._new_rate(rate_hz, self._wanted.rate_hz)
                yield AudioStarted(turn_id, self._wanted.rate_hz, offset_ms)
            case AudioFrame(turn_id, pcm, is_last):
                yield from self._frame(turn_id, self._changed(pcm, is_last=is_last), is_last=is_last)
            case _:
                yield event

    def _changed(self, pcm: bytes, *, is_last: bool) -> bytes:
        """Return it at the client's rate; with the last frame all that was held back."""
        change = self._change
        if change is None:
            return pcm
        if not is_last:
            return change.feed(pcm)
        self._change = None
        return change.feed(pcm) + change.flush()

    def _frame(self, turn_id: str, pcm: bytes, *, is_last: bool) -> Iterator[Event]:
        if pcm or is_last:
            yield AudioFrame(turn_id, self._encode(pcm), is_last)
