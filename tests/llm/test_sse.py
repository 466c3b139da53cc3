import time

from hypothesis import given
from hypothesis import strategies as st

from app.llm.sse import MAX_LINE_BYTES, SseSplitter


def data_of(*chunks: bytes) -> list[bytes]:
    splitter = SseSplitter()
    return [data for chunk in chunks for _, data in splitter.feed(chunk)]


def test_event_is_what_stands_before_an_empty_line():
    assert data_of(b"data: one\n\ndata: two\n\ndata: thr") == [b"one", b"two"]


def test_lines_may_end_in_lf_crlf_or_cr():
    """B18: all three are legal, also mixed."""
    assert data_of(b"data: a\r\n\r\ndata: b\r\rdata: c\n\n") == [b"a", b"b", b"c"]


def test_blank_after_the_colon_is_optional_and_only_one_is_taken():
    """B18"""
    assert data_of(b"data:a\n\ndata:  b\n\n") == [b"a", b" b"]


def test_byte_order_mark_at_the_start_is_no_part_of_the_first_line():
    """B18"""
    assert data_of(b"\xef\xbb\xbfdata: a\n\n") == [b"a"]


def test_comments_ids_and_events_without_data_bring_nothing():
    assert data_of(b": hello\n\nid: 7\nretry: 5\n\nevent: ping\n\n") == []


def test_data_lines_of_one_event_are_joined_by_a_line_feed():
    assert data_of(b"data: a\ndata\ndata: b\n\n") == [b"a\n\nb"]


def test_event_keeps_its_name_and_the_next_one_has_none():
    splitter = SseSplitter()

    events = splitter.feed(b"event: error\ndata: x\n\ndata: y\n\n")

    assert events == [(b"error", b"x"), (b"", b"y")]


@given(st.integers(1, 9), st.sampled_from([b"\n", b"\r\n", b"\r"]))
def test_no_cut_changes_the_events(size: int, end: bytes):
    """B12, B18: the network cuts where it likes, also inside a character or a line's end."""
    whole = 'data: {"a": "ñ€🎤"}|data: x|data: y||: c|event: e|data: z||'.encode().replace(b"|", end)
    whole = whole.replace(b"data: x", end + b"data: x")

    chunks = [whole[start : start + size] for start in range(0, len(whole), size)]

    assert data_of(*chunks) == data_of(whole) == ['{"a": "ñ€🎤"}'.encode(), b"x\ny", b"z"]


def test_last_event_needs_no_empty_line_but_a_whole_line():
    splitter = SseSplitter()
    splitter.feed(b"data: whole\ndata: hal")

    assert splitter.finish() == [(b"", b"whole")]


def test_line_over_the_limit_is_given_up():
    """B19"""
    splitter = SseSplitter(max_line_bytes=100)

    splitter.feed(b"data: " + b"x" * 90)
    assert not splitter.is_overlong
    splitter.feed(b"x" * 10)

    assert splitter.is_overlong


def test_event_of_many_lines_is_bounded_too():
    """B19"""
    splitter = SseSplitter(max_line_bytes=100)

    splitter.feed(b"data: xxxxxxxx\n" * 20)

    assert splitter.is_overlong


def test_dripping_a_long_line_byte_by_byte_stays_cheap():
    """B15, B19: joining and searching the whole line for each byte would take minutes."""
    splitter = SseSplitter()
    began = time.process_time()

    for _ in range(MAX_LINE_BYTES // 4):
        splitter.feed(b"x")

    assert time.process_time() - began < 5
