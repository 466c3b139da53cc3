"""ITU-T G.711, as telephones speak it: a byte for each sample, mu-law or A-law."""

import sys
from array import array
from collections.abc import Callable, Sequence
from itertools import pairwise
from struct import Struct
from typing import Final, Literal

G711Law = Literal["mulaw", "alaw"]

_SAMPLE: Final = Struct("<h")
_HALF: Final = 1 << 15


def _of_mulaw(code: int) -> int:
    code = ~code & 0xFF
    sample = (((code & 0x0F) << 3) + 0x84 << (code >> 4 & 7)) - 0x84
    return -sample if code & 0x80 else sample


def _of_alaw(code: int) -> int:
    code ^= 0x55
    segment, step = code >> 4 & 7, code & 0x0F
    sample = (step << 4) + 8
    if segment:
        sample = sample + 0x100 << segment - 1
    return sample if code & 0x80 else -sample


def _nearest(samples: Sequence[int]) -> bytes:
    """Return the code for each 16-bit sample, as an unsigned number: the one whose sample is nearest."""
    # Of two codes that are one sample, the later one is kept: mu-law has a second zero.
    ordered = sorted({sample: code for code, sample in enumerate(samples)}.items())
    ends = [(one + other + 1) // 2 for (one, _), (other, _) in pairwise(ordered)]
    begins = [-_HALF, *ends]
    lengths = [end - begin for begin, end in zip(begins, [*ends, _HALF], strict=True)]
    codes = b"".join(bytes([code]) * length for (_, code), length in zip(ordered, lengths, strict=True))
    return codes[_HALF:] + codes[:_HALF]


_SAMPLES: Final[dict[G711Law, list[int]]] = {
    "mulaw": [_of_mulaw(code) for code in range(256)],
    "alaw": [_of_alaw(code) for code in range(256)],
}
_DECODED: Final = {
    law: tuple(bytes(half) for half in zip(*map(_SAMPLE.pack, samples), strict=True))
    for law, samples in _SAMPLES.items()
}
"""The lower and the upper byte for each code: whole frames are looked up at once."""

_ENCODED: Final[dict[G711Law, bytes]] = {}


def decoder(law: G711Law) -> Callable[[bytes], bytes]:
    """Return what makes PCM16 of codes."""
    low, high = _DECODED[law]

    def decode(codes: bytes) -> bytes:
        pcm = bytearray(2 * len(codes))
        pcm[::2], pcm[1::2] = codes.translate(low), codes.translate(high)
        return bytes(pcm)

    return decode


def encoder(law: G711Law) -> Callable[[bytes], bytes]:
    """Return what makes codes of PCM16, whole samples."""
    if law not in _ENCODED:
        _ENCODED[law] = _nearest(_SAMPLES[law])
    encoded = _ENCODED[law]

    def encode(pcm: bytes) -> bytes:
        samples = array("H", pcm)
        if sys.byteorder == "big":
            samples.byteswap()
        return bytes(map(encoded.__getitem__, samples))

    return encode
