"""One task moves a session's events to whoever listens: numbered, in order, once each."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.protocol.events import AudioFrame, MessageAccepted, Notice, Pong, ResponseChunk
from app.protocol.wires import V1, V2
from app.session.outbox import Outbox
from app.session.pump import Attachment, Pump
from app.session.ring import Ring
from tests.support.live import Wire, pumping
from tests.support.virtual_time import virtual


class Bench:
    """A pump that runs, and what feeds it."""

    def __init__(self, ring: Ring | None) -> None:
        self.outbox = Outbox(1000, 1 << 20, outlives_reader=ring is not None)
        self.pump = Pump(self.outbox, V1 if ring is None else V2, "es", ring)

    def emit(self, *contents: str) -> None:
        for content in contents:
            self.outbox.put(Notice(content))

    def attach(self, *preface: str, next_seq: int = 1) -> tuple[Attachment, Wire]:
        wire = Wire()
        link = Attachment(wire, preface, next_seq)
        self.pump.attach(link)
        return link, wire

    async def settle(self) -> None:
        """Everything that can move has moved; virtual time."""
        await asyncio.sleep(0.01)


@asynccontextmanager
async def bench(ring: Ring | None = None) -> AsyncIterator[Bench]:
    made = Bench(ring)
    async with pumping(made.pump):
        yield made


def new_ring(max_messages: int = 100, max_bytes: int = 1 << 20) -> Ring:
    return Ring(max_messages, max_bytes)


@virtual
async def test_events_leave_in_their_order_with_their_numbers() -> None:
    async with bench(new_ring()) as b:
        _, wire = b.attach()
        b.emit("a", "b")
        await b.settle()
        b.emit("c")
        await b.settle()

    assert [(m["seq"], m["content"]) for m in wire.sent] == [(1, "a"), (2, "b"), (3, "c")]


@virtual
async def test_v1_has_no_numbers_and_forgets_what_nobody_hears() -> None:
    async with bench() as b:
        b.emit("nadie lo oye")
        await b.settle()
        _, wire = b.attach()
        b.outbox.put(MessageAccepted("t"))
        await b.settle()

    assert wire.sent == [{"type": "system", "content": "Mensaje recibido"}]


@virtual
async def test_joined_chunks_have_one_number() -> None:
    async with bench(new_ring()) as b:
        _, wire = b.attach()
        for piece in ("Ho", "la", "!"):
            b.outbox.put(ResponseChunk("t", piece))
        await b.settle()

    assert [(m["seq"], m["content"]) for m in wire.sent] == [(1, "Hola!")]


@virtual
@pytest.mark.parametrize("ring", [None, new_ring()], ids=["v1", "v2"])
async def test_chunk_is_off_before_anybody_else_had_a_turn(ring: Ring | None) -> None:
    async with bench(ring) as b:
        _, wire = b.attach()
        await b.settle()
        for piece in ("Ho", "la", "!"):
            b.outbox.put(ResponseChunk("t", piece))
        sent_at_once = [m["content"] for m in wire.sent]

    assert sent_at_once == ["Ho", "la", "!"]


@virtual
async def test_chunk_that_finds_no_way_keeps_its_number_and_its_place() -> None:
    async with bench(new_ring()) as b:
        _, wire = b.attach()
        await b.settle()
        b.outbox.put(ResponseChunk("t", "a"))
        wire.may_send.clear()
        b.outbox.put(ResponseChunk("t", "b"))
        b.emit("c")
        b.outbox.put(ResponseChunk("t", "d"))
        wire.may_send.set()
        await b.settle()

    assert [(m["seq"], m["content"]) for m in wire.sent] == [(1, "a"), (2, "b"), (3, "c"), (4, "d")]


@hypothesis_settings(deadline=None)  # shared machines pause
@given(st.lists(st.sampled_from(["chunk", "note", "stall", "read", "turn", "leave", "return"]), max_size=40))
def test_whatever_happens_a_client_hears_all_in_order_once(steps: list[str]) -> None:
    said: list[str] = []
    heard: list[dict[str, Any]] = []

    @virtual
    async def talk() -> None:
        async with bench(new_ring()) as b:
            link, wire = b.attach()
            for number, step in enumerate(steps):
                text = f"<{number}>"
                match step:
                    case "chunk":
                        b.outbox.put(ResponseChunk("t", text))
                    case "note":
                        b.emit(text)
                    case "stall":
                        wire.may_send.clear()
                    case "read":
                        wire.may_send.set()
                    case "turn":
                        await asyncio.sleep(0)
                    case "leave":
                        b.pump.detach(link)
                    case _:
                        b.pump.detach(link)
                        wire.abort()  # what a send that waits has not handed over yet is lost with it
                        wire.may_send.set()
                        await b.settle()
                        heard.extend(wire.sent)
                        b.pump.catch_up()
                        link, wire = b.attach(next_seq=len({m["seq"] for m in heard}) + 1)
                if step in ("chunk", "note"):
                    said.append(text)
            wire.may_send.set()
            await b.settle()
            heard.extend(wire.sent)
            b.pump.detach(link)
            link, wire = b.attach(next_seq=len(heard) + 1)
            await b.settle()
            heard.extend(wire.sent)

    talk()
    assert [m["seq"] for m in heard] == list(range(1, len(heard) + 1))
    assert "".join(m["content"] for m in heard) == "".join(said)


@virtual
async def test_client_that_is_away_still_gets_its_numbers() -> None:
    ring = new_ring()
    async with bench(ring) as b:
        b.emit("a", "b", "c")
        await b.settle()
        _, wire = b.attach(next_seq=2)
        await b.settle()
        b.emit("d")
        await b.settle()

    assert [(m["seq"], m["content"]) for m in wire.sent] == [(2, "b"), (3, "c"), (4, "d")]


@virtual
async def test_preface_stands_before_the_replay_and_the_replay_before_what_is_new() -> None:
    async with bench(new_ring()) as b:
        b.emit("a", "b")
        await b.settle()
        _, wire = b.attach(orjson.dumps({"type": "session_resumed"}).decode())
        b.emit("c")
        await b.settle()

    assert wire.types() == ["session_resumed", "system", "system", "system"]
    assert wire.numbers() == [1, 2, 3]


@virtual
async def test_replay_is_whole_although_the_ring_moves_on_in_the_same_moment() -> None:
    async with bench(new_ring(max_messages=3)) as b:
        b.emit("a", "b", "c")
        await b.settle()
        _, wire = b.attach(next_seq=1)
        b.emit("d", "e", "f", "g")
        await b.settle()

    assert [m["content"] for m in wire.sent] == list("abcdefg")
    assert wire.numbers() == list(range(1, 8))


@pytest.mark.parametrize("ring", [Ring(0, 1 << 20), Ring(100, 0), Ring(100, 60)])
def test_message_that_the_ring_does_not_keep_reaches_who_listens(ring: Ring) -> None:
    @virtual
    async def test() -> None:
        async with bench(ring) as b:
            _, wire = b.attach()
            b.emit("a", "x" * 100, "b")
            await b.settle()

        assert wire.numbers() == [1, 2, 3]

    test()


@virtual
async def test_replay_that_is_gone_is_refused() -> None:
    async with bench(new_ring(max_messages=1)) as b:
        b.emit("a", "b")
        await b.settle()
        with pytest.raises(LookupError):
            b.attach(next_seq=1)

        assert b.pump.link is None


@virtual
async def test_events_without_a_number_are_not_replayed() -> None:
    ring = new_ring()
    async with bench(ring) as b:
        b.emit("a")
        b.outbox.put(Pong())
        await b.settle()
        link, wire = b.attach()
        b.outbox.put(Pong())
        b.emit("b")
        await b.settle()

    assert wire.types() == ["system", "pong", "system"]
    assert wire.numbers() == [1, 2]
    assert link.gone.is_set() is False
    assert ring.next_seq == 3


@virtual
async def test_newer_connection_takes_the_session_over() -> None:
    async with bench(new_ring()) as b:
        old, old_wire = b.attach()
        b.emit("a")
        await b.settle()
        new, new_wire = b.attach(next_seq=2)
        b.emit("b")
        await b.settle()

        assert b.pump.link is new
    assert (old.was_replaced, old.gone.is_set()) == (True, True)
    assert (new.was_replaced, new.gone.is_set()) == (False, False)
    assert (old_wire.numbers(), new_wire.numbers()) == ([1], [2])


@virtual
async def test_takeover_in_the_middle_of_a_send_sends_no_message_to_two_connections() -> None:
    async with bench(new_ring()) as b:
        _, old_wire = b.attach('{"type":"session_resumed"}', '{"type":"history"}')
        b.emit("a", "b", "c")
        old_wire.may_send.clear()
        await b.settle()
        _, new_wire = b.attach(next_seq=1)
        await b.settle()
        old_wire.may_send.set()  # the send that hung comes to its end, and nothing follows it
        b.emit("d")
        await b.settle()

    assert old_wire.types() == ["session_resumed"]
    assert [m["content"] for m in new_wire.sent] == ["a", "b", "c", "d"]


@virtual
async def test_takeover_from_a_peer_that_does_not_read_waits_for_its_close() -> None:
    async with bench(new_ring()) as b:
        _, old_wire = b.attach()
        old_wire.may_send.clear()
        b.emit("a", "b")
        await b.settle()
        _, new_wire = b.attach(next_seq=1)
        await old_wire.close(4409)
        await b.settle()

    assert old_wire.sent == []
    assert new_wire.numbers() == [1, 2]


@virtual
async def test_connection_that_cannot_be_reached_is_taken_away_and_loses_nothing() -> None:
    async with bench(new_ring()) as b:
        link, wire = b.attach()
        wire.is_gone = True
        b.emit("a", "b")
        await b.settle()
        assert b.pump.link is None
        _, again = b.attach(next_seq=1)
        await b.settle()

    assert (link.gone.is_set(), link.was_replaced) == (True, False)
    assert again.numbers() == [1, 2]


@virtual
async def test_detached_connection_hears_no_more() -> None:
    ring = new_ring()
    async with bench(ring) as b:
        link, wire = b.attach()
        b.pump.detach(link)
        b.emit("a")
        await b.settle()

    assert (wire.sent, link.gone.is_set(), ring.next_seq) == ([], True, 2)


@virtual
async def test_connection_that_was_replaced_takes_nobody_away_when_it_ends() -> None:
    async with bench(new_ring()) as b:
        old, _ = b.attach()
        new, wire = b.attach()
        b.pump.detach(old)
        b.emit("a")
        await b.settle()

        assert b.pump.link is new
    assert wire.numbers() == [1]


@virtual
async def test_catching_up_numbers_what_waits_without_sending_it() -> None:
    ring = new_ring()
    async with bench(ring) as b:
        b.emit("a", "b")
        b.outbox.put(Pong())
        b.outbox.put(AudioFrame("t1", b"\1\1"))
        sound = b.pump.catch_up()

        assert (ring.next_seq, len(b.outbox)) == (3, 0)
        assert sound == [b"\1\1"]


@virtual
async def test_catching_up_tells_what_sound_a_client_that_does_not_read_is_still_owed() -> None:
    async with bench(new_ring()) as b:
        _, wire = b.attach()
        wire.may_send.clear()
        b.emit("a")
        await b.settle()
        b.outbox.put(AudioFrame("t1", b"\1\1"))
        await b.settle()

        assert b.pump.catch_up() == [b"\1\1"]


@virtual
async def test_pump_is_idle_when_everything_has_left() -> None:
    async with bench(new_ring()) as b:
        _, wire = b.attach()
        wire.may_send.clear()
        b.emit("a")
        await b.settle()
        assert not b.pump.idle.is_set()
        wire.may_send.set()
        await b.pump.idle.wait()

    assert wire.numbers() == [1]


@virtual
async def test_event_that_cannot_be_put_into_words_silences_nobody(caplog: pytest.LogCaptureFixture) -> None:
    async with bench(new_ring()) as b:
        _, wire = b.attach()
        b.emit("a", "\ud83d", "b")
        await b.settle()

    assert [(m["seq"], m["content"]) for m in wire.sent] == [(1, "a"), (2, "b")]
    assert [record.message for record in caplog.records] == ["internal"]


@virtual
async def test_language_may_change_on_the_way() -> None:
    async with bench() as b:
        _, wire = b.attach()
        b.pump.locale = "en"
        b.outbox.put(MessageAccepted("t"))
        await b.settle()

    assert wire.sent[0]["content"] == "Message received"


class BrokenWire(Wire):
    """Sends nothing, by a bug."""

    async def send(self, text: str) -> None:
        raise ZeroDivisionError


@virtual
async def test_bug_on_the_way_to_one_client_silences_no_later_one() -> None:
    async with bench(new_ring()) as b:
        broken = Attachment(BrokenWire())
        b.pump.attach(broken)
        b.emit("a")
        await b.settle()
        assert broken.gone.is_set()
        _, wire = b.attach()
        b.emit("b")
        await b.settle()

    assert [message["content"] for message in wire.sent] == ["a", "b"]
