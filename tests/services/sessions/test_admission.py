"""What a connection's first object leads to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from app.errors import AgentError, BadMessage, Locale, ResumeRefused, ServerFull
from app.protocol.events import AudioTerms, Notice, Pong, ResponseChunk
from app.protocol.wire import FrameLimits, WireProtocol
from app.protocol.wires import V1, V2
from app.services.auth.principal import Principal
from app.services.connections.connection import Admission
from app.services.limits.revival_line import RevivalLine
from app.services.sessions.admission import LATE_S, admit
from app.services.sessions.live_session import LiveSession
from app.session.resume_tokens import ResumeTokens
from app.session.ring import Ring
from app.session.transport import ConnectionGone
from app.storage.errors import StoreUnavailable
from tests.support.live import Wire, live_of, pumping
from tests.support.scripted import Pause, Says, ScriptedModel, says
from tests.support.talk import Talk, talk
from tests.support.virtual_time import virtual


class Desk:
    """Stands where the host of sessions does: lets connections in to one session.

    Attributes:
        stores: Whether it can store the tokens that it gives out.
    """

    def __init__(self, t: Talk, ring: Ring | None) -> None:
        self.talk = t
        self.live = live_of(t, ring=ring)
        self.opened: list[tuple[str, Locale | None, bool]] = []
        self.returns = 0
        self.token = self.live.tokens.issue()
        self.sessions = {self.live.session_id: self.live}
        self.directory = self
        self.owner, self.owned_by = "me", "me"
        self.closed: list[str] = []
        self.is_leaving = self.ends_meanwhile = self.is_shared = False
        self.waits: list[float] = []
        self.has_stayed = self.stores = True
        self.limits = SimpleNamespace(revivals=RevivalLine())

    async def has_lost(self, session_id: str) -> bool:
        if not self.owned_by:
            raise StoreUnavailable("away")
        return self.owned_by != self.owner

    async def close(self, live: LiveSession, reason: str) -> None:
        self.closed.append(reason)

    def open(
        self,
        user_id: str,
        locale: Locale | None,
        principal: Principal | None,
        *,
        wire: WireProtocol,
        audio: AudioTerms | None = None,
    ) -> LiveSession:
        self.opened.append((user_id, locale, wire.is_replayable))
        return self.live

    def find(self, session_id: str, principal: Principal | None) -> LiveSession | None:
        is_there = session_id == self.live.session_id and not (self.ends_meanwhile and self.returns)
        return self.live if is_there else None

    async def take_up(
        self, session_id: str, token: str, principal: Principal | None, wire: WireProtocol
    ) -> None:
        return None

    async def continue_talk(
        self,
        session_id: str,
        user_id: str,
        principal: Principal | None,
        wire: WireProtocol,
        audio: AudioTerms | None = None,
        locale: Locale | None = None,
    ) -> Any:
        raise ResumeRefused

    async def came(self, live: LiveSession) -> bool:
        self.returns += 1
        return self.stores

    async def admits_v1(self, first: dict[str, Any]) -> Any:
        return await self.admits(first, spoken=V1)

    async def admits(self, first: dict[str, Any], wire: Wire | None = None, spoken: WireProtocol = V2) -> Any:
        opening = spoken.open(orjson.dumps(first).decode(), FrameLimits(100_000, 100_000))
        assert opening is not None
        return await admit(opening.read(), wire or Wire(), self, None, spoken, self.stays)

    async def stays(self, seconds: float) -> bool:
        self.waits.append(seconds)
        await self.meanwhile()
        return self.has_stayed

    async def meanwhile(self) -> None:
        """Happens while a client is waited for; a test puts something else here."""

    async def resumes(self, last_seq: int, **wrong: Any) -> "Resumed":
        """A client comes back; what it is sent within a moment."""
        wire = Wire()
        fields = {"session_id": self.live.session_id, "resume_token": self.token, "last_seq": last_seq}
        admission = await self.admits({"type": "resume", **fields, **wrong}, wire)
        await self.settle()
        self.token = wire.sent[0]["resume_token"]
        return Resumed(admission, wire)

    async def says(self, *contents: str) -> None:
        """The session says something."""
        for content in contents:
            self.live.session.emit(Notice(content))
        await self.settle()

    async def settle(self) -> None:
        """All that can move has moved; virtual time."""
        await asyncio.sleep(0.001)


@dataclass
class Resumed:
    """A connection that has come back."""

    admission: Admission
    wire: Wire


@asynccontextmanager
async def desk(ring: Ring | None = None, model: ScriptedModel | None = None) -> AsyncIterator[Desk]:
    async with talk(model or ScriptedModel([])) as t:
        made = Desk(t, ring)
        async with pumping(made.live.pump):
            yield made


def new_ring() -> Ring:
    return Ring(100, 100_000)


# A new session


@pytest.mark.parametrize(
    ("first", "user_id", "is_handled"),
    [
        ({"type": "system", "content": "", "user_id": "ana"}, "ana", False),
        ({"type": "system"}, "anonymous", False),
        ({"type": "text", "content": "hola"}, "anonymous", True),
        ({"type": "nope", "content": "hola", "user_id": "ana"}, "ana", True),
        ({"user_id": 7}, "anonymous", True),
        ({}, "anonymous", False),
    ],
)
def test_any_object_makes_a_v1_session(first: dict[str, Any], user_id: str, is_handled: bool) -> None:
    @virtual
    async def test() -> None:
        async with desk() as d:
            admission = await d.admits_v1(first)

        assert d.opened == [(user_id, None, False)]
        assert (admission.frame is not None) == is_handled

    test()


@pytest.mark.parametrize(
    ("first", "opened", "is_handled"),
    [
        ({"type": "start", "user_id": "ana", "locale": "en"}, ("ana", "en"), False),
        ({"type": "start"}, ("anonymous", None), False),
        ({"type": "text", "content": "hola", "user_id": "ana"}, ("ana", None), True),
        ({"type": "system", "content": "", "user_id": "ana"}, ("ana", None), False),
        ({"type": "system", "content": "hola"}, ("anonymous", None), True),
        ({"type": "audio", "content": "AAAA"}, ("anonymous", None), True),
    ],
)
def test_start_and_the_forms_of_v1_make_a_v2_session(
    first: dict[str, Any], opened: tuple[str, Locale | None], is_handled: bool
) -> None:
    @virtual
    async def test() -> None:
        async with desk(new_ring()) as d:
            admission = await d.admits(first)

            assert d.live.pump.link is admission.link
        assert d.opened == [(*opened, True)]
        assert (admission.frame is not None) == is_handled

    test()


@pytest.mark.parametrize("kind", ["interrupt", "end", "audio_commit", "session_update", "nope", None])
def test_other_messages_make_no_session(kind: str | None) -> None:
    @virtual
    async def test() -> None:
        async with desk(new_ring()) as d:
            with pytest.raises(AgentError):
                await d.admits({"type": kind})

        assert d.opened == []

    test()


@virtual
async def test_talk_that_is_not_there_is_not_continued() -> None:
    async with desk(new_ring()) as d:
        with pytest.raises(ResumeRefused):
            await d.admits({"type": "start", "continue": "gone"})

    assert d.opened == []


@virtual
async def test_ping_is_answered_without_a_session() -> None:
    async with desk(new_ring()) as d:
        assert await d.admits({"type": "ping"}) == Pong()

    assert d.opened == []


# An old one


@virtual
async def test_client_hears_what_it_missed_and_then_what_is_new() -> None:
    async with desk(new_ring()) as d:
        await d.says("a", "b", "c")
        back = await d.resumes(last_seq=1)
        await d.says("d")

    resumed = back.wire.sent[0]
    assert (resumed["type"], resumed["session_id"]) == ("session_resumed", d.live.session_id)
    assert (resumed["replayed"], resumed["gap"], resumed["next_seq"]) == (2, False, 2)
    assert [(m["seq"], m["content"]) for m in back.wire.sent[1:]] == [(2, "b"), (3, "c"), (4, "d")]
    assert (back.admission.frame, d.returns) == (None, 1)


@virtual
async def test_what_waits_to_be_numbered_counts_as_missed() -> None:
    async with desk(new_ring()) as d:
        await d.says("a")
        d.live.session.emit(Notice("b"))  # in the very moment in which the client comes back
        back = await d.resumes(last_seq=1)

    assert (back.wire.sent[0]["replayed"], back.wire.numbers()) == (1, [2])


@virtual
async def test_what_can_no_longer_be_replayed_is_a_gap_with_the_history() -> None:
    answer = [Says("uno "), Pause(1), Says("dos"), Pause(60)]
    async with desk(Ring(2, 100_000), ScriptedModel([answer])) as d:
        turn = d.talk.says("cuenta")
        await d.talk.passes(0.5)
        back = await d.resumes(last_seq=0)
        await d.talk.passes(1)

    resumed, history, *rest = back.wire.sent
    assert (resumed["gap"], resumed["replayed"]) == (True, 0)
    assert [m["content"] for m in history["messages"]] == ["cuenta"]
    assert history["turn"] == {"turn_id": turn, "text": "uno "}
    assert [m["content"] for m in rest] == ["dos"]
    assert rest[0]["seq"] == resumed["next_seq"]


@virtual
async def test_words_that_wait_are_in_the_history_or_come_as_chunks_but_not_both() -> None:
    async with desk(Ring(1, 100_000), ScriptedModel([says("Hola")])) as d:
        await d.says("a", "b", "c")
        for piece in ("uno ", "dos "):
            d.live.session.emit(ResponseChunk("turn_0", piece))
        back = await d.resumes(last_seq=0)

    assert back.wire.types() == ["session_resumed", "history"]
    assert back.wire.sent[0]["next_seq"] == d.live.pump.ring.next_seq  # pyright: ignore[reportOptionalMemberAccess]


@virtual
async def test_newer_connection_takes_over_and_the_clock_stops() -> None:
    async with desk(new_ring()) as d:
        first = await d.resumes(last_seq=0)
        d.live.expiry = asyncio.get_running_loop().call_later(1, d.live.tokens.issue)
        second = await d.resumes(last_seq=0)

        assert d.live.pump.link is second.admission.link
        assert d.live.session.websocket is second.wire
    assert d.live.expiry is None
    assert first.admission.link.was_replaced


@pytest.mark.parametrize(
    ("owner", "refusal"), [("other", ServerFull), ("me", ResumeRefused), ("", ServerFull)]
)
def test_a_token_that_only_the_process_can_know_that_has_claimed_the_session_is_good_there(
    owner: str, refusal: type[AgentError]
) -> None:
    """Not here, where nobody has heard of the claim: the client comes again, and finds the way."""

    @virtual
    async def test() -> None:
        async with desk(new_ring()) as d:
            d.owned_by = owner
            with pytest.raises(refusal):
                await d.resumes(last_seq=0, resume_token="of the other process")
            assert d.closed == (["claimed_elsewhere"] if owner == "other" else [])

    test()


@pytest.mark.parametrize("wrong", [{"resume_token": "x"}, {"resume_token": ""}, {"session_id": "nope"}])
def test_wrong_token_and_unknown_session_are_refused_alike(wrong: dict[str, Any]) -> None:
    @virtual
    async def test() -> None:
        async with desk(new_ring()) as d:
            with pytest.raises(ResumeRefused) as caught:
                await d.resumes(last_seq=0, **wrong)
            assert d.live.pump.link is None
            assert caught.value.sentence("es") == ResumeRefused.es

    test()


@virtual
async def test_v1_session_is_not_taken_up_again() -> None:
    async with desk() as d:
        with pytest.raises(ResumeRefused):
            await d.resumes(last_seq=0)


@virtual
async def test_number_of_the_future_is_refused_and_spends_nothing() -> None:
    async with desk(new_ring()) as d:
        await d.says("a")
        with pytest.raises(BadMessage):
            await d.resumes(last_seq=2)
        back = await d.resumes(last_seq=1)

    assert back.wire.types() == ["session_resumed"]


@virtual
async def test_token_that_was_spent_is_refused() -> None:
    async with desk(new_ring()) as d:
        first = d.token
        await d.resumes(last_seq=0)
        await d.resumes(last_seq=0)
        with pytest.raises(ResumeRefused):
            await d.resumes(last_seq=0, resume_token=first)


@virtual
async def test_token_that_could_not_be_stored_is_told_to_nobody() -> None:
    """Whoever has the session after a crash knows the old one; this stream knows what was heard of it."""
    async with desk(new_ring()) as d:
        given = d.token
        await d.says("a", "b")
        d.stores = False
        told = (await d.resumes(last_seq=1)).wire.sent[0]["resume_token"]
        assert told == d.live.tokens.marked(given)

        d.stores = True
        again = (await d.resumes(last_seq=2)).wire.sent[0]
        assert (again["type"], again["gap"], again["next_seq"]) == ("session_resumed", False, 3)
        assert d.live.tokens.is_newest(again["resume_token"])


@virtual
async def test_late_resume_of_a_connection_that_was_given_up_takes_nothing() -> None:
    """Its client came again with the same token meanwhile, and has the session."""
    async with desk(new_ring()) as d:
        first = d.token
        back = await d.resumes(last_seq=0)
        d.has_stayed = False
        with pytest.raises(ConnectionGone):
            await d.resumes(last_seq=0, resume_token=first)

        assert d.live.pump.link is back.admission.link
        assert d.live.tokens.is_newest(d.token)


@pytest.mark.parametrize(("which", "waits"), [(0, [LATE_S]), (1, [])])
def test_only_who_comes_with_an_older_token_has_to_stay_first(which: int, waits: list[float]) -> None:
    @virtual
    async def test() -> None:
        async with desk(new_ring()) as d:
            tokens = [d.token]
            await d.resumes(last_seq=0)
            tokens.append(d.token)
            back = await d.resumes(last_seq=0, resume_token=tokens[which])

            assert d.waits == waits
            assert d.live.pump.link is back.admission.link

    test()


@virtual
async def test_token_that_is_spent_while_its_client_is_waited_for_is_refused() -> None:
    async with desk(new_ring()) as d:
        first = d.token
        await d.resumes(last_seq=0)

        async def newer_one_is_used() -> None:
            await d.resumes(last_seq=0)

        d.meanwhile = newer_one_is_used
        with pytest.raises(ResumeRefused):
            await d.resumes(last_seq=0, resume_token=first)


@pytest.mark.parametrize(
    ("is_leaving", "is_shared", "refusal"),
    [(True, False, ServerFull), (False, True, ServerFull), (False, False, ResumeRefused)],
    ids=["the server stops", "another process may have it", "it has ended"],
)
def test_session_that_ends_while_its_client_comes_may_go_on_elsewhere(
    is_leaving: bool, is_shared: bool, refusal: type[AgentError]
) -> None:
    @virtual
    async def test() -> None:
        async with desk(new_ring()) as d:
            d.ends_meanwhile = True
            d.is_leaving, d.is_shared = is_leaving, is_shared
            with pytest.raises(refusal):
                await d.resumes(last_seq=0)
            assert d.live.pump.link is None

    test()


@pytest.mark.parametrize("last_seq", [1, 41])
def test_what_a_client_saw_of_a_stream_that_is_gone_is_not_judged(last_seq: int) -> None:
    """It missed the `session_resumed` of the new stream, and comes again with the token of the old one."""

    @virtual
    async def test() -> None:
        async with desk(new_ring()) as d:
            d.live.tokens = ResumeTokens(d.live.tokens.newest, d.live.tokens.previous)
            await d.says("a", "b")
            back = await d.resumes(last_seq=last_seq)
            await d.says("c")

        assert back.wire.types() == ["session_resumed", "history", "system"]
        assert (back.wire.sent[0]["gap"], back.wire.numbers()) == (True, [3])

    test()
