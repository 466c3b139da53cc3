"""The last messages of a talk, numbered, within two bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.session.ring import Ring

messages = st.lists(st.text(max_size=8), max_size=30)


def test_first_message_has_the_number_one() -> None:
    ring = Ring(10, 1000)

    assert (ring.next_seq, ring.first_seq) == (1, 1)
    ring.append("a")
    assert (ring.next_seq, list(ring.since(1))) == (2, ["a"])


@given(said=messages, max_messages=st.integers(0, 12), max_bytes=st.integers(0, 60))
def test_ring_keeps_the_newest_that_fit_and_replays_them_in_order(
    said: list[str], max_messages: int, max_bytes: int
) -> None:
    ring = Ring(max_messages, max_bytes)
    for message in said:
        ring.append(message)

    kept = list(ring.since(ring.first_seq))
    assert ring.next_seq == len(said) + 1
    assert kept == said[len(said) - len(kept) :]
    assert len(kept) <= max_messages
    assert sum(len(message.encode()) for message in kept) <= max_bytes
    for seq in range(ring.first_seq, ring.next_seq + 1):
        assert list(ring.since(seq)) == said[seq - 1 :]


@given(said=messages, last_seq=st.integers(-3, 40))
def test_what_can_be_replayed_is_there_and_the_rest_is_refused(said: list[str], last_seq: int) -> None:
    ring = Ring(5, 1000)
    for message in said:
        ring.append(message)

    if ring.can_replay(last_seq):
        assert list(ring.since(last_seq + 1)) == said[last_seq:]
    else:
        assert not ring.first_seq - 1 <= last_seq <= len(said)


@pytest.mark.parametrize("seq", [0, 1, 2, 6])
def test_numbers_that_are_gone_or_still_to_come_are_refused(seq: int) -> None:
    ring = Ring(2, 1000)
    for message in "abcd":
        ring.append(message)

    with pytest.raises(LookupError):
        ring.since(seq)


def test_message_larger_than_the_ring_leaves_no_hole() -> None:
    ring = Ring(10, 10)
    for message in ("a", "x" * 11, "b"):
        ring.append(message)

    assert (ring.first_seq, list(ring.since(3))) == (3, ["b"])
    assert not ring.can_replay(1)


def test_size_is_counted_in_bytes() -> None:
    ring = Ring(10, 4)
    for message in ("ñ", "ñ", "ñ"):
        ring.append(message)

    assert ring.first_seq == 2


@given(said=messages, width=st.integers(0, 12), later=messages)
def test_window_goes_on_elsewhere_as_if_it_had_not_moved(
    said: list[str], width: int, later: list[str]
) -> None:
    one, other, whole = Ring(10, 40), Ring(width, 1000), Ring(width, 40)
    for message in said:
        one.append(message)
        whole.append(message)
    other.recall(one.since(one.first_seq), one.next_seq)
    for message in later:
        other.append(message)
        whole.append(message)

    assert other.next_seq == whole.next_seq
    assert list(other.since(max(other.first_seq, whole.first_seq))) == list(
        whole.since(max(other.first_seq, whole.first_seq))
    )
