"""An answer's sound as one client hears it."""

from itertools import chain

import pytest

from app.protocol.events import (
    AudioFormat,
    AudioFrame,
    AudioStarted,
    Event,
    ResponseChunk,
    pcm16,
)
from app.speech.output.sound_format import SoundFormatter
from app.speech.pcm import Resampler

TONE = b"".join(round(8000 * (-1) ** (n // 24)).to_bytes(2, "little", signed=True) for n in range(24_000))
"""A second at 24 kHz."""


def heard(formatter: SoundFormatter, *events: Event) -> list[Event]:
    return list(chain.from_iterable(map(formatter.shape, events)))


def frames(events: list[Event]) -> bytes:
    return b"".join(event.pcm for event in events if isinstance(event, AudioFrame))


@pytest.mark.parametrize(
    ("wanted", "size"),
    [
        (pcm16(24_000), 48_000),
        (pcm16(8_000), 16_000),
        (AudioFormat("mulaw", 8_000), 8_000),
        (AudioFormat("alaw", 8_000), 8_000),
    ],
)
def test_second_of_sound_stays_a_second(wanted: AudioFormat, size: int):
    pieces = [AudioFrame("t", TONE[at : at + 4_800]) for at in range(0, len(TONE), 4_800)]
    last = AudioFrame("t", b"", is_last=True)
    told = heard(SoundFormatter(wanted, Resampler), AudioStarted("t", 24_000), *pieces, last)

    assert told[0] == AudioStarted("t", wanted.rate_hz)
    assert isinstance(told[-1], AudioFrame) and told[-1].is_last, "before anybody has heard the rest"
    assert abs(len(frames(told)) - size) <= size // 1000


def test_what_is_no_sound_passes():
    chunk = ResponseChunk("t", "hola")

    assert heard(SoundFormatter(pcm16(8_000), Resampler), chunk) == [chunk]


def test_sound_that_goes_on_elsewhere_begins_anew():
    formatter = SoundFormatter(pcm16(8_000), Resampler)
    begin = AudioStarted("t", 24_000)
    first = heard(formatter, begin, AudioFrame("t", TONE))
    again = heard(formatter, AudioStarted("t", 24_000, 500), AudioFrame("t", TONE))

    assert frames(first) == frames(again)
