"""What may come before the final head of an answer, in pieces of any size."""

import pytest

from app.outbound.answer_head import MAX_HEAD_BYTES, MAX_INTERIM_ANSWERS, AnswerHead, BadHead

HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
FINAL = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"
LARGE = b"HTTP/1.1 103 X\r\nLink: " + b"x" * (MAX_HEAD_BYTES // 4) + b"\r\n\r\n"

GOOD = {
    "no interim answer": FINAL,
    "early hints": HINTS + FINAL,
    "as many as may come": HINTS * MAX_INTERIM_ANSWERS + FINAL,
    "bare line feeds": HINTS.replace(b"\r", b"") + FINAL.replace(b"\r", b""),
    "empty lines first": b"\r\n\r\n" + FINAL,
    "large ones that fit": LARGE * 3 + FINAL,
    "a refusal": b"HTTP/1.1 404 Not Found\r\n\r\n",
    "an older version": b"HTTP/1.0 100 Continue\r\n\r\n" + FINAL.replace(b"1.1", b"1.0"),
    "1xx in the body": FINAL + HINTS * 100,
    "a body without an end": FINAL + b"x" * (MAX_HEAD_BYTES * 2),
    "no HTTP, which the library refuses": b"<html>\n\n",
}
BAD = {
    "one interim answer too many": HINTS * (MAX_INTERIM_ANSWERS + 1) + FINAL,
    "100 without end": b"HTTP/1.1 100 Continue\r\n\r\n" * 20,
    "102 without end": b"HTTP/1.1 102 Processing\n\n" * 20,
    "199 of an odd protocol": b"ICE/1.0  199\r\n\r\n" * 20,
    "another protocol": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    "another protocol later": HINTS + b"HTTP/1.1 101 X\r\n\r\n",
    "large interim answers": LARGE * 4 + FINAL,
    "a head without end": b"HTTP/1.1 200 OK\r\n" + b"x-a: b\r\n" * (MAX_HEAD_BYTES // 8),
    "a line without end": b"HTTP/1.1 200 " + b"x" * MAX_HEAD_BYTES,
    "empty lines without end": b"\r\n" * MAX_HEAD_BYTES,
}


def shown(data: bytes, size: int) -> AnswerHead:
    head = AnswerHead()
    head.begin()
    for start in range(0, len(data), size):
        head.feed(data[start : start + size])
    return head


@pytest.mark.parametrize("size", [1, 2, 3, 1000, 1 << 20])
@pytest.mark.parametrize("name", GOOD)
def test_what_servers_send_passes(name: str, size: int):
    assert shown(GOOD[name], size).is_over


@pytest.mark.parametrize("size", [1, 2, 3, 1000, 1 << 20])
@pytest.mark.parametrize("name", BAD)
def test_what_has_no_end_is_refused(name: str, size: int):
    with pytest.raises(BadHead):
        shown(BAD[name], size)


def test_each_request_has_its_own_bounds():
    head = AnswerHead()
    for _ in range(MAX_INTERIM_ANSWERS * 3):
        head.begin()
        head.feed(LARGE + FINAL)
        assert head.is_over
