"""The frames between the server and its workers."""

import pytest

from app.speech.engines.worker_wire import (
    MAX_BODY_BYTES,
    MAX_HEADER_BYTES,
    BrokenFrame,
    body_length,
    header_length,
    header_of,
    packed,
)


def test_frame_is_header_and_body_each_behind_its_length():
    assert packed({"job": 1}, b"\x00\x01") == b'\x00\x00\x00\x09{"job":1}\x00\x00\x00\x02\x00\x01'


def test_lengths_over_the_limits_are_no_frame():
    assert header_length(MAX_HEADER_BYTES.to_bytes(4, "big")) == MAX_HEADER_BYTES
    with pytest.raises(BrokenFrame):
        header_length((MAX_HEADER_BYTES + 1).to_bytes(4, "big"))
    with pytest.raises(BrokenFrame):
        body_length((MAX_BODY_BYTES + 1).to_bytes(4, "big"))


@pytest.mark.parametrize("head", [b"", b"{", b"[1]", b"\xff", b"null"])
def test_header_that_is_no_object_is_no_frame(head: bytes):
    with pytest.raises(BrokenFrame):
        header_of(head)
