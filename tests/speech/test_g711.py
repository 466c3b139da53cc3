"""G.711: a byte for each sample."""

import pytest

from app.speech.g711 import G711Law, decoder, encoder

LAWS: tuple[G711Law, ...] = ("mulaw", "alaw")


def pcm(*samples: int) -> bytes:
    return b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples)


@pytest.mark.parametrize(
    ("law", "code", "sample"),
    [
        ("mulaw", 0xFF, 0),
        ("mulaw", 0x7F, 0),
        ("mulaw", 0x00, -32124),
        ("mulaw", 0x80, 32124),
        ("mulaw", 0xEF, 132),
        ("alaw", 0xD5, 8),
        ("alaw", 0x55, -8),
        ("alaw", 0xAA, 32256),
        ("alaw", 0x2A, -32256),
        ("alaw", 0x80, 5504),
    ],
)
def test_codes_are_those_of_the_standard(law: G711Law, code: int, sample: int):
    assert decoder(law)(bytes([code])) == pcm(sample)


@pytest.mark.parametrize("law", LAWS)
def test_every_code_comes_back_but_the_second_zero(law: G711Law):
    decode, encode = decoder(law), encoder(law)
    lost = [code for code in range(256) if encode(decode(bytes([code]))) != bytes([code])]

    assert lost == ([0x7F] if law == "mulaw" else [])


@pytest.mark.parametrize("law", LAWS)
def test_sample_becomes_the_nearest_that_there_is(law: G711Law):
    there = [int.from_bytes(decoder(law)(bytes([code])), "little", signed=True) for code in range(256)]
    samples = range(-32768, 32768, 37)
    heard = decoder(law)(encoder(law)(pcm(*samples)))

    for place, sample in enumerate(samples):
        got = int.from_bytes(heard[2 * place : 2 * place + 2], "little", signed=True)
        assert abs(got - sample) == min(abs(other - sample) for other in there)
