"""Events waiting to leave a session: bounded, in order, neighbouring chunks joined."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.protocol.events import AudioFrame, Event, Notice, ResponseChunk, ResponseComplete
from app.session.outbox import MAX_JOINED_CHARS, Outbox
from tests.support.virtual_time import run_virtual


async def taken(outbox: Outbox) -> list[Event]:
    return [await outbox.take() for _ in range(len(outbox))]


def new_outbox(max_messages: int = 100, max_bytes: int = 100_000) -> Outbox:
    return Outbox(max_messages, max_bytes)


async def test_events_leave_in_their_order():
    outbox = new_outbox()
    said = [Notice("a"), ResponseChunk("t", "b"), ResponseComplete("t"), Notice("c")]

    for event in said:
        outbox.put(event)

    assert await taken(outbox) == said


async def test_neighbouring_chunks_of_a_turn_are_joined():
    outbox = new_outbox()

    for piece in ("Ho", "la", ", ", "Ana"):
        outbox.put(ResponseChunk("t", piece))

    assert len(outbox) == 1
    assert await taken(outbox) == [ResponseChunk("t", "Hola, Ana")]


async def test_chunks_that_are_no_neighbours_or_of_other_turns_stay_apart():
    outbox = new_outbox()
    said = [ResponseChunk("t", "a"), Notice("n"), ResponseChunk("t", "b"), ResponseChunk("u", "c")]

    for event in said:
        outbox.put(event)

    assert await taken(outbox) == said


async def test_joined_chunk_is_followed_by_what_came_after_it():
    outbox = new_outbox()

    for event in (
        ResponseChunk("t", "a"),
        ResponseChunk("t", "b"),
        ResponseComplete("t"),
        ResponseChunk("u", "c"),
    ):
        outbox.put(event)

    assert await taken(outbox) == [ResponseChunk("t", "ab"), ResponseComplete("t"), ResponseChunk("u", "c")]


async def test_chunks_are_joined_up_to_a_length():
    outbox = new_outbox()

    for _ in range(3):
        outbox.put(ResponseChunk("t", "x" * (MAX_JOINED_CHARS // 2)))

    assert [len(chunk.content) for chunk in await taken(outbox)] == [MAX_JOINED_CHARS, MAX_JOINED_CHARS // 2]


async def test_chunk_that_was_taken_is_not_joined_any_more():
    outbox = new_outbox()
    outbox.put(ResponseChunk("t", "a"))
    first = await outbox.take()

    outbox.put(ResponseChunk("t", "b"))

    assert (first, await outbox.take()) == (ResponseChunk("t", "a"), ResponseChunk("t", "b"))


async def test_taker_waits_for_what_comes():
    outbox = new_outbox()
    taker = asyncio.create_task(outbox.take())
    await asyncio.sleep(0)
    assert not taker.done()

    outbox.put(Notice("a"))

    assert await taker == Notice("a")


async def test_taker_that_gives_up_loses_nothing():
    outbox = new_outbox()
    taker = asyncio.create_task(outbox.take())
    await asyncio.sleep(0)

    outbox.put(Notice("a"))
    taker.cancel()
    await asyncio.wait({taker})

    assert taker.cancelled()
    assert await outbox.take() == Notice("a")


async def test_second_taker_is_refused_and_the_first_gets_its_event():
    outbox = new_outbox()
    taker = asyncio.create_task(outbox.take())
    await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="only one task"):
        await outbox.take()

    outbox.put(Notice("a"))
    assert await taker == Notice("a")


async def test_one_event_too_many_is_an_overflow_and_what_waits_still_leaves():
    outbox = new_outbox(max_messages=2)

    for name in "abc":
        outbox.put(Notice(name))

    assert outbox.overflowed.is_set()
    assert await taken(outbox) == [Notice("a"), Notice("b")]


async def test_joined_chunks_count_as_one_message():
    outbox = new_outbox(max_messages=1)

    for _ in range(50):
        outbox.put(ResponseChunk("t", "x"))

    assert not outbox.overflowed.is_set()
    outbox.put(Notice("a"))
    assert outbox.overflowed.is_set()


@pytest.mark.parametrize("letter", ["x", "ñ", "🎤"])
async def test_one_byte_too_many_is_an_overflow(letter: str):
    size = len(letter.encode())
    outbox = new_outbox(max_bytes=size * 1000)

    for _ in range(1000):
        outbox.put(ResponseChunk("t", letter))
    assert not outbox.overflowed.is_set()
    assert outbox.waiting_bytes == size * 1000

    outbox.put(ResponseChunk("t", letter))
    assert outbox.overflowed.is_set()


async def test_events_without_text_weigh_something_too():
    outbox = new_outbox(max_messages=1_000_000, max_bytes=100_000)

    for _ in range(10_000):
        outbox.put(ResponseComplete("t"))

    assert outbox.overflowed.is_set()
    assert outbox.waiting_bytes <= 100_000


async def test_nothing_comes_in_after_an_overflow_even_if_there_is_room_again():
    """A talk with a hole in it would be worse than one that ends."""
    outbox = new_outbox(max_messages=1)
    outbox.put(Notice("a"))
    outbox.put(Notice("b"))
    await outbox.take()

    outbox.put(Notice("c"))

    assert len(outbox) == 0
    assert outbox.overflowed.is_set()


async def test_room_is_given_back_by_taking():
    outbox = new_outbox(max_messages=2, max_bytes=1000)

    for n in range(1000):
        outbox.put(ResponseChunk(f"t{n}", "ñ" * 300))
        assert await outbox.take() == ResponseChunk(f"t{n}", "ñ" * 300)

    assert outbox.waiting_bytes == 0
    assert not outbox.overflowed.is_set()


pieces = st.builds(ResponseChunk, st.sampled_from("tu"), st.text(st.characters(), min_size=1, max_size=9))
steps = st.lists(pieces | st.builds(Notice, st.text(max_size=3)) | st.just("take"), max_size=60)


def parts(events: list[Event]) -> list[tuple[str, str]]:
    """What was said, with chunks in single characters: joining must not be seen in it."""
    said: list[tuple[str, str]] = []
    for event in events:
        if isinstance(event, ResponseChunk):
            said += [(event.turn_id, char) for char in event.content]
        else:
            assert isinstance(event, Notice)
            said.append(("", event.content))
    return said


@given(steps=steps)
def test_all_that_was_put_is_taken_once_and_in_order(steps: list[Event | str]):
    async def scenario() -> None:
        outbox = new_outbox(1000, 1_000_000)
        put: list[Event] = []
        got: list[Event] = []
        for step in steps:
            if not isinstance(step, str):
                outbox.put(step)
                put.append(step)
            elif len(outbox):
                got.append(await outbox.take())
        got += await taken(outbox)

        assert parts(got) == parts(put)
        assert outbox.waiting_bytes == 0

    run_virtual(scenario())


async def test_taking_without_waiting_gives_the_next_event_or_nothing():
    outbox = new_outbox()
    outbox.put(ResponseChunk("t", "a"))
    outbox.put(ResponseChunk("t", "b"))

    assert outbox.take_nowait() == ResponseChunk("t", "ab")
    assert outbox.take_nowait() is None


async def test_poke_wakes_the_taker_once_with_nothing():
    outbox = new_outbox()
    taking = asyncio.create_task(outbox.take())
    await asyncio.sleep(0)
    outbox.wake()

    assert await taking is None
    outbox.put(Notice("a"))
    assert await outbox.take() == Notice("a")


def test_characters_that_wait_are_counted_for_each_turn():
    outbox = new_outbox()
    for turn_id, piece in (("t", "ab"), ("t", "c"), ("u", "defg")):
        outbox.put(ResponseChunk(turn_id, piece))

    assert [outbox.waiting_chars(turn_id) for turn_id in ("t", "u", "v")] == [3, 4, 0]
    assert outbox.drop_turn("t") == 3
    assert outbox.waiting_chars("t") == 0


async def test_outbox_that_outlives_its_reader_says_that_it_is_full_and_drops_nothing():
    outbox = Outbox(2, 100_000, outlives_reader=True)
    said = [Notice(str(n)) for n in range(5)]
    for event in said:
        outbox.put(event)

    assert outbox.overflowed.is_set()
    assert await taken(outbox) == said


async def test_sound_of_an_interrupted_turn_does_not_leave():
    outbox = Outbox(10, 10**6)
    outbox.put(AudioFrame("t1", b"12"))
    outbox.put(AudioFrame("t2", b"34"))
    outbox.put(AudioFrame("t1", b"56"))

    outbox.drop_turn("t1")

    assert [outbox.take_nowait(), outbox.take_nowait()] == [AudioFrame("t2", b"34"), None]
    assert outbox.waiting_bytes == 0


async def test_sound_weighs_what_it_is():
    outbox = Outbox(10, 1000)
    outbox.put(AudioFrame("t1", bytes(900)))

    assert outbox.overflowed.is_set()
