"""A session goes from one host to another when nothing happens in it, and its client does not notice."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.conversation.injected_message import InjectedMessage
from app.errors import ServerFull
from app.protocol.events import AudioTerms, FeaturesChanged, pcm16
from app.protocol.wires import V1, V2
from app.services.sessions import moves as moving
from app.services.sessions.admission import attach_unheard
from app.services.sessions.directory import Landed, OneProcess, SessionLease
from app.services.sessions.live_session import LiveSession
from app.services.sessions.moves import Departure, SessionMoves, is_quiet
from app.services.sessions.parcel import FORMAT, MoveTerms, NoParcel, Parcel
from app.services.sessions.session_host import SessionHost
from app.speech.base import VoiceEngines
from app.storage.opening import open_store
from app.storage.store import Store
from app.storage.writer import Receipt
from app.storage.writes import SessionChanged
from tests.services.sessions.test_session_host import hosting
from tests.support.context import settings_with
from tests.support.ears import Vocabulary, WordRecogniser, new_senses
from tests.support.live import Wire
from tests.support.scripted import ScriptedModel, says
from tests.support.virtual_time import VirtualClock
from tests.support.voices import CommaSplitter, WordySynthesiser


class Shared(OneProcess):
    """One of several that own sessions of a store, as far as these tests go.

    Attributes:
        released: What becomes of a release.
    """

    is_shared = True

    def __init__(self, released: Callable[[str], Receipt]) -> None:
        super().__init__()
        self.released = released

    def release(self, lease: SessionLease) -> Receipt | None:
        super().release(lease)
        return self.released(lease.session_id)


@asynccontextmanager
async def stored(folder: Path) -> AsyncIterator[Store]:
    settings = settings_with(database_url=f"sqlite:///{folder / 'talks.db'}")
    store = await open_store(settings, VirtualClock())
    try:
        yield store
    finally:
        await store.aclose(5)


@asynccontextmanager
async def side(store: Store, **values: Any) -> AsyncIterator[tuple[SessionHost, SessionMoves]]:
    async with hosting(store, ScriptedModel(lambda r: says("Sí.")), **values) as host:
        host.directory = Shared(lambda one: store.write(SessionChanged(one, {"protocol": V2.name})))
        yield host, SessionMoves(host, store, 5)


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110  # there is no event for it
            await asyncio.sleep(0.01)


async def talking(host: SessionHost, **options: Any) -> tuple[LiveSession, Wire]:
    """A session whose client has said something, and has its answer."""
    live, wire = host.open("ana", "en", None, wire=V2, **options), Wire()
    attach_unheard(live, wire, 1)
    live.conversation.hear("hola", "a")
    await eventually(lambda: "response_complete" in wire.types() and is_quiet(live))
    return live, wire


async def stored_row(store: Store, live: LiveSession) -> bool:
    return await store.write(SessionChanged(live.session_id, {"protocol": V2.name})).wait(5)


async def gone(moves: SessionMoves, live: LiveSession, wire: Wire) -> bytes:
    departure = moves.depart(live.session_id, wire)
    assert departure is not None
    parcel = await moves.pack(departure)
    assert parcel is not None
    return parcel


def unasked(live: LiveSession) -> None:
    """Nobody has to be introduced."""


async def test_all_that_the_store_lacks_goes_with_a_session(tmp_path: Path):
    async with stored(tmp_path) as store, side(store) as (host, moves):
        live, wire = await talking(host)
        live.session.spoken_language, live.session.holds_outside = "es", True
        live.takes_users_language, live.stale_seq, live.history_seq = True, 3, 2
        live.session.client_instructions = "be brief"
        assert live.pump.ring is not None
        messages = list(live.pump.ring.since(1))
        sent = len(wire.sent)
        parcel = await gone(moves, live, wire)
        assert host.sessions.get(live.session_id) is None
        assert len(wire.sent) == sent

        async with side(store) as (_, others):
            landed = Landed(parcel, wire, asyncio.get_running_loop().time())
            other, link = await others.land(landed, V2, unasked)

            assert other.pump.ring is not None
            assert list(other.pump.ring.since(1)) == messages
            assert other.pump.ring.next_seq == len(messages) + 1
            assert other.pump.link is link and other.session.websocket is wire
            told = ("stale_seq", "history_seq", "takes_users_language")
            assert [getattr(other, name) for name in told] == [getattr(live, name) for name in told]
            told = ("locale", "spoken_language", "holds_outside", "client_instructions", "user_id")
            assert [getattr(other.session, name) for name in told] == [
                getattr(live.session, name) for name in told
            ]
            assert other.tokens.newest == live.tokens.newest
            assert other.tokens.older_stream == live.tokens.older_stream
            assert [entry.content for entry in other.session.transcript] == ["hola", "Sí."]
            other.conversation.hear("otra vez", "b")
            await eventually(lambda: wire.types().count("response_complete") == 2)
            numbers = [message["seq"] for message in wire.sent if "seq" in message]
            assert numbers == list(range(1, len(numbers) + 1))
            assert wire.types().count("session_created") == 1
            other.conversation.hear("hola", "a")  # said before the move: its receipt again, and no more
            await eventually(lambda: wire.types().count("message_accepted") == 3)
            assert not other.conversation.is_busy


async def test_what_is_said_while_it_goes_is_sent_where_it_is_then(tmp_path: Path):
    async with stored(tmp_path) as store, side(store) as (host, moves), side(store) as (_, others):
        live, wire = await talking(host)
        departure = moves.depart(live.session_id, wire)
        assert departure is not None
        assert live.pump.link is not None
        live.pump.detach(live.pump.link)
        live.session.emit(FeaturesChanged(["approval"]))
        sent = len(wire.sent)
        parcel = await moves.pack(departure)
        assert parcel is not None
        await others.land(Landed(parcel, wire, 0), V2, unasked)
        await eventually(lambda: len(wire.sent) > sent)

        assert wire.types()[sent:] == ["features"]


async def test_sound_goes_on_as_it_was_agreed_on(tmp_path: Path):
    engines = VoiceEngines(new_senses(WordRecogniser(Vocabulary())), WordySynthesiser(), CommaSplitter)
    async with stored(tmp_path) as store, side(store) as (host, moves), side(store) as (other_host, others):
        host.engines = other_host.engines = engines
        terms = AudioTerms(pcm16(16_000), out=True)
        live = host.open("ana", "en", None, wire=V2, audio=terms)
        live.voice.choose("Sharvard", 1.5)
        wire = Wire()
        attach_unheard(live, wire, 1)
        await eventually(lambda: is_quiet(live))
        assert await stored_row(store, live)
        parcel = await gone(moves, live, wire)
        other, _ = await others.land(Landed(parcel, wire, 0), V2, unasked)

        assert other.voice.told() == replace(live.voice.told(), terms=terms)
        assert other.voice.in_format == pcm16(16_000)


async def waits(live: LiveSession) -> None:
    live.conversation.hear("otra cosa")


async def is_told_something(live: LiveSession) -> None:
    live.conversation.inject(InjectedMessage("Tu pedido ha llegado.", "say"))


async def runs_a_tool(live: LiveSession) -> None:
    live.session.pending_tools["call"] = asyncio.create_task(asyncio.sleep(0))


async def has_an_unsent_message(live: LiveSession) -> None:
    live.session.emit(FeaturesChanged([]))


async def has_a_reader_who_is_slow(live: LiveSession) -> None:
    assert live.pump.link is not None
    live.pump.link.waiting.append("{}")


async def is_coming(live: LiveSession) -> None:
    live.coming = 1


async def speaks(live: LiveSession) -> None:
    live.session.is_heard_speaking = True


async def begins_to_speak(live: LiveSession) -> None:
    live.voice.take(Vocabulary().sound("hola"))


async def sends_a_recording(live: LiveSession) -> None:
    live.voice.understand_clip(b"clip")


async def has_something_left(live: LiveSession) -> None:
    live.left_in_line.append(InjectedMessage("x", "say"))


HAPPENS = [
    waits,
    is_told_something,
    runs_a_tool,
    has_an_unsent_message,
    has_a_reader_who_is_slow,
    is_coming,
    speaks,
    begins_to_speak,
    sends_a_recording,
    has_something_left,
]


@pytest.mark.parametrize("happens", HAPPENS)
async def test_a_session_in_which_something_happens_stays(happens: Callable[..., Any], tmp_path: Path):
    async with stored(tmp_path) as store, side(store) as (host, moves):
        host.engines = VoiceEngines(input_engines=new_senses(WordRecogniser(Vocabulary(), pass_s=30)))
        live, wire = await talking(host, audio=AudioTerms(pcm16(16_000)))
        assert moves.could_go(live.session_id, wire)
        await happens(live)

        assert not moves.could_go(live.session_id, wire)
        assert await moves.offer(live.session_id, wire) is None
        assert moves.depart(live.session_id, wire) is None
        assert host.sessions.get(live.session_id) is live


async def test_only_the_connection_that_has_a_session_can_take_it_away(tmp_path: Path):
    async with stored(tmp_path) as store, side(store) as (host, moves):
        live, wire = await talking(host)
        newer = Wire()
        attach_unheard(live, newer, 1)
        await eventually(lambda: is_quiet(live))

        assert [moves.could_go(live.session_id, each) for each in (wire, newer)] == [False, True]


async def test_a_session_of_v1_never_goes(tmp_path: Path):
    async with stored(tmp_path) as store, side(store) as (host, moves):
        live, wire = host.open("ana", "en", None, wire=V1), Wire()
        attach_unheard(live, wire, 1)
        await eventually(lambda: live.pump.idle.is_set() and bool(wire.sent))

        assert not moves.could_go(live.session_id, wire)


async def test_one_that_has_just_come_stays_for_a_while_unless_the_process_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(moving, "SETTLES_S", 600)
    async with stored(tmp_path) as store, side(store) as (host, moves), side(store) as (other_host, others):
        live, wire = await talking(host)
        parcel = await gone(moves, live, wire)
        other, _ = await others.land(Landed(parcel, wire, 0), V2, unasked)
        await eventually(lambda: is_quiet(other))
        assert not others.could_go(other.session_id, wire)
        other_host.is_leaving = True

        assert others.could_go(other.session_id, wire)


async def test_one_that_the_store_does_not_have_is_not_offered(tmp_path: Path):
    async with stored(tmp_path) as store, side(store) as (host, moves):
        live, wire = await talking(host)
        assert await moves.offer(live.session_id, wire) == MoveTerms([]).write()
        await store.aclose(5)

        assert await moves.offer(live.session_id, wire) is None
        assert host.sessions.get(live.session_id) is live


async def test_one_that_nobody_may_claim_yet_is_not_sent(tmp_path: Path):
    async with stored(tmp_path) as store, side(store) as (host, moves):
        host.directory = Shared(lambda one: Receipt.refused())
        live, wire = await talking(host)
        departure = moves.depart(live.session_id, wire)
        assert isinstance(departure, Departure)

        assert await moves.pack(departure) is None


REFUSED = {
    "another format": b"%d {}" % (FORMAT + 1),
    "no format": b"{}",
    "no JSON": b"%d {" % FORMAT,
    "another form": b'%d {"needs":["nose"]}' % FORMAT,
    "nothing": b"",
}


@pytest.mark.parametrize("sent", REFUSED.values(), ids=REFUSED)
async def test_what_cannot_be_read_is_not_taken(sent: bytes, tmp_path: Path):
    async with stored(tmp_path) as store, side(store) as (host, moves):
        assert not moves.takes(sent)
        with pytest.raises(NoParcel):
            Parcel.read(sent)
        with pytest.raises(NoParcel):
            await moves.land(Landed(sent, Wire(), 0), V2, unasked)
        assert len(host.sessions) == 0


async def test_a_process_takes_what_it_has_room_and_engines_for(tmp_path: Path):
    ears = VoiceEngines(input_engines=new_senses(WordRecogniser(Vocabulary())))
    async with stored(tmp_path) as store, side(store, max_sessions=1) as (host, moves):
        host.engines = ears
        needs: list[list[Any]] = [[], ["in"], ["out"], ["in", "out"]]
        assert [moves.takes(MoveTerms(each).write()) for each in needs] == [True, True, False, False]
        grown = b"%d %b" % (FORMAT, orjson.dumps({"needs": [], "of_a_later_release": 1}))
        assert moves.takes(grown)
        host.open("ana", None, None, wire=V2)
        assert not moves.takes(MoveTerms([]).write())


async def test_a_process_that_leaves_takes_none(tmp_path: Path):
    async with stored(tmp_path) as store, side(store) as (host, moves), side(store) as (other_host, others):
        live, wire = await talking(host)
        parcel = await gone(moves, live, wire)
        other_host.is_leaving = True
        assert not others.takes(MoveTerms([]).write())
        with pytest.raises(ServerFull):
            await others.land(Landed(parcel, wire, 0), V2, unasked)


async def test_one_that_finds_no_room_in_the_end_is_owned_by_nobody(tmp_path: Path):
    async with stored(tmp_path) as store, side(store) as (host, moves), side(store, max_sessions=1) as made:
        other_host, others = made
        live, wire = await talking(host)
        parcel = await gone(moves, live, wire)
        landing = asyncio.create_task(others.land(Landed(parcel, wire, 0), V2, unasked))
        claim = other_host.directory.claim

        async def claims(session_id: str) -> SessionLease:
            lease = await claim(session_id)
            other_host.open("luis", None, None, wire=V2)
            return lease

        other_host.directory.claim = claims  # type: ignore[method-assign]
        with pytest.raises(ServerFull):
            await landing
        assert await other_host.directory.owner_of(live.session_id) is None


async def test_one_that_cannot_be_unpacked_is_left_to_the_store(tmp_path: Path):
    def breaks(live: LiveSession) -> None:
        raise RuntimeError

    async with stored(tmp_path) as store, side(store) as (host, moves), side(store) as (other_host, others):
        live, wire = await talking(host)
        parcel = await gone(moves, live, wire)
        with pytest.raises(RuntimeError):
            await others.land(Landed(parcel, wire, 0), V2, breaks)
        assert len(other_host.sessions) == 0

        again, _ = await others.land(Landed(parcel, wire, 0), V2, unasked)
        assert [entry.content for entry in again.session.transcript] == ["hola", "Sí."]
