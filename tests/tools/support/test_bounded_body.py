"""No more is decoded than will be kept."""

import gzip
import time
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.tools.support.bounded_body import BoundedBody


def deflated(content: bytes, wbits: int) -> bytes:
    compressor = zlib.compressobj(wbits=wbits)
    return compressor.compress(content) + compressor.flush()


def gzipped(content: bytes) -> bytes:
    """The same at any hour: gzip writes the time down, and these bytes are in the names of tests."""
    return gzip.compress(content, mtime=0)


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
    body = fed("gzip", b"\x89PNG\0\0\0\1")

    assert (body.content, body.problem) == (b"", "encoding")


PLAIN = '{"hello": "wörld", "rows": [1, 2, 3]}\n'.encode()


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
@pytest.mark.parametrize(
    "encoding",
    [
        *("utf-8", "UTF8", "none", "None", "aws-chunked", "identity", "binary", "identity, identity", "8bit"),
        *("iso-8859-1", "text/html", "null", "chunked", "undefined", '""', ",", "a" * 5000),
    ],
)
def test_encoding_that_is_none_is_read_as_it_is(encoding: str, size: int):
    body = fed(encoding, *(PLAIN[at : at + size] for at in range(0, len(PLAIN), size)))

    assert (body.content, body.is_truncated, body.problem) == (PLAIN, False, None)


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
@pytest.mark.parametrize(
    "plain", [PLAIN, b"<html>", b"x", b"hello there, this is text", b"\xef\xbb\xbf1", b""]
)
@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "deflate", "gzip, deflate", "gzip, gzip"])
def test_text_that_was_named_compressed_is_read_as_it_is(encoding: str, plain: bytes, size: int):
    body = fed(encoding, *(plain[at : at + size] for at in range(0, len(plain), size)))

    assert (body.content, body.is_truncated, body.problem) == (plain, False, None)


GZIPPED = gzipped(PLAIN)


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(
    ("encoding", "sent"),
    [
        ("gzip, gzip", gzipped(GZIPPED)),
        ("gzip,gzip,gzip", gzipped(gzipped(GZIPPED))),
        ("deflate, gzip", gzipped(deflated(PLAIN, 15))),
        ("gzip, deflate", deflated(GZIPPED, -15)),
        ("gzip, gzip", GZIPPED),
        ("gzip, identity", GZIPPED),
        ("utf-8, gzip", GZIPPED),
        ("aws-chunked,gzip", GZIPPED),
        ("gzip", gzipped(GZIPPED)),
        ("", GZIPPED),
        ("none", GZIPPED),
    ],
)
def test_text_is_unpacked_however_often_it_was_packed(encoding: str, sent: bytes, size: int):
    body = BoundedBody(encoding, 1000, "application/json; charset=utf-8")
    for at in range(0, len(sent), size):
        body.feed(sent[at : at + size])
    body.end()

    assert (body.content, body.is_truncated, body.problem) == (PLAIN, False, None)


def test_archive_that_was_asked_for_stays_one():
    body = BoundedBody("", 1000, "application/gzip")
    body.feed(GZIPPED)

    assert body.content == GZIPPED


def test_bomb_in_a_bomb_is_not_inflated():
    explosive = gzip.compress(bomb(megabytes=50))
    body = BoundedBody("gzip, gzip", 8000, "text/plain")

    tracemalloc.start()
    body.feed(explosive)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(body.content) == 8000
    assert peak_bytes < 1 << 20


def test_empty_members_inside_come_to_an_end():
    started = time.perf_counter()
    body = BoundedBody("gzip, gzip", 1000)
    body.feed(gzip.compress(gzip.compress(b"") * 1_000_000))

    assert body.is_full
    assert time.perf_counter() - started < 5


BROTLI = b"\x0b\x02\x80abc\x03"
ZSTD = bytes.fromhex("28b52ffd0458190000616263") + b"\x5c\x1a"


@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize(
    ("encoding", "sent"),
    [
        ("br", BROTLI),
        ("zstd", ZSTD),
        ("gzip, br", BROTLI * 20),
        ("br, gzip", gzipped(BROTLI)),
        ("compress", b"\x1f\x9d\x90ab"),
        ("br", "caf\xe9 con le\xf1a".encode("latin-1")),
    ],
)
def test_other_encodings_are_not_undone(encoding: str, sent: bytes, size: int):
    body = fed(encoding, *(sent[at : at + size] for at in range(0, len(sent), size)))

    assert (body.content, body.is_full, body.problem) == (b"", True, "encoding")


@pytest.mark.parametrize("size", [1, 5, 1000])
@pytest.mark.parametrize("sent", [PLAIN, b"x", b"<p>" + b"y" * 500, b"\xef\xbb\xbf{}", GZIPPED, b""])
@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip, br"])
def test_text_that_was_named_otherwise_is_read_as_it_is(encoding: str, sent: bytes, size: int):
    body = fed(encoding, *(sent[at : at + size] for at in range(0, len(sent), size)))

    assert (body.content, body.problem) == (PLAIN if sent == GZIPPED else sent, None)


def test_too_many_encodings_are_not_even_tried():
    body = BoundedBody("gzip, gzip, gzip, gzip", 1000)

    assert (body.is_full, body.problem) == (True, "encoding")
