"""No more is decoded than will be kept."""

import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.tools.support.bounded_body import BoundedBody


def deflated(content: bytes, wbits: int) -> bytes:
    compressor = zlib.compressobj(wbits=wbits)
    return compressor.compress(content) + compressor.flush()


def fed(encoding: str, *chunks: bytes, limit: int = 1000) -> BoundedBody:
    body = BoundedBody(encoding, limit)
    for chunk in chunks:
        body.feed(chunk)
    body.end()
    return body


def bomb(megabytes: int) -> bytes:
    compressor = zlib.compressobj(9, wbits=31)
    zeros = bytes(1024 * 1024)
    return b"".join(compressor.compress(zeros) for _ in range(megabytes)) + compressor.flush()


EMPTY_BLOCKS = b"\0\0\0\xff\xff" * 1000
ENCODED = {
    "": lambda content: content,
    "gzip": gzip.compress,
    "X-GZIP": gzip.compress,
    "deflate": lambda content: deflated(content, 15),
}


@given(st.binary(max_size=1000), st.integers(1, 50), st.sampled_from(sorted(ENCODED)))
def test_what_was_encoded_comes_back_whatever_the_pieces(content: bytes, size: int, encoding: str):
    sent = ENCODED[encoding](content)

    body = fed(encoding, *(sent[at : at + size] for at in range(0, len(sent), size)))

    assert (body.content, body.is_truncated, body.problem) == (content, False, None)


def test_deflate_without_its_header_is_read_too():
    assert fed("deflate", deflated(b"bare" * 50, -15)).content == b"bare" * 50


@pytest.mark.parametrize(("length", "is_truncated"), [(999, False), (1000, False), (1001, True)])
@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_exactly_the_limit_is_kept(encoding: str, length: int, is_truncated: bool):
    content = b"x" * length

    body = fed(encoding, gzip.compress(content) if encoding else content)

    assert (body.content, body.is_truncated, body.problem) == (content[:1000], is_truncated, None)


def test_a_bomb_is_not_inflated():
    explosive = bomb(megabytes=200)
    body = BoundedBody("gzip", 8000)

    tracemalloc.start()
    body.feed(explosive)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(body.content) == 8000
    assert body.is_truncated
    # The decompressor copies what it has not read yet; the bomb itself has 200 KB.
    assert peak_bytes < 3 * len(explosive)


def test_a_compressed_stream_of_nothing_comes_to_an_end():
    compressor = zlib.compressobj(wbits=31)
    start = compressor.compress(b"x") + compressor.flush(zlib.Z_SYNC_FLUSH)
    body = BoundedBody("gzip", 1000)
    body.feed(start)

    while not body.is_full:
        body.feed(EMPTY_BLOCKS)

    assert body.content == b"x"


def test_gzip_in_several_members_is_read_to_its_end():
    assert fed("gzip", gzip.compress(b"one ") + gzip.compress(b"two")).content == b"one two"


def test_padding_after_gzip_is_no_content():
    body = fed("gzip", gzip.compress(b"one") + b"\0" * 50)

    assert (body.content, body.problem) == (b"one", None)


def test_a_compressed_body_that_is_cut_is_broken():
    body = fed("gzip", gzip.compress(b"something long enough" * 9)[:-9])

    assert (body.is_truncated, body.problem) == (True, "broken")


def test_garbage_instead_of_gzip_cannot_be_decoded():
    body = fed("gzip", b"<html>")

    assert (body.content, body.problem) == (b"", "encoding")


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "compress"])
def test_other_encodings_are_not_even_tried(encoding: str):
    body = BoundedBody(encoding, 1000)

    assert (body.is_full, body.problem) == (True, "encoding")
