"""Which sessions go first where there is no room."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from app.conversation.injected_message import InjectedMessage
from app.services.limits.waiting_room import WaitingRoom
from app.services.sessions.live_session import LiveSession
from app.session.ring import Ring
from tests.support.live import live_of
from tests.support.scripted import ScriptedModel, says
from tests.support.talk import talk
from tests.support.virtual_time import virtual


@asynccontextmanager
async def sessions() -> AsyncIterator[Callable[[str], "LiveSession"]]:
    """Makes sessions of addresses."""
    async with AsyncExitStack() as stack:
        ready = [
            await stack.enter_async_context(talk(ScriptedModel(lambda r: says("Sí.")))) for _ in range(6)
        ]

        def make(address: str) -> LiveSession:
            live = live_of(ready.pop(), ring=Ring(10, 1000))
            live.session.sharing = address
            return live

        yield make


@virtual
async def test_the_one_that_has_waited_longest_is_first() -> None:
    async with sessions() as make:
        room = WaitingRoom(10)
        first, second = make("a"), make("b")
        assert (room.enter(first), room.enter(second), room.oldest()) == ([], [], first)
        room.leave(first)
        assert room.oldest() is second
        room.enter(first)
        assert room.oldest() is second
        room.leave(second)
        room.leave(first)
        room.leave(first)

        assert (room.oldest(), len(room)) == (None, 0)
        assert not room._by_address


@virtual
async def test_one_too_many_of_an_address_has_its_oldest_go() -> None:
    async with sessions() as make:
        room = WaitingRoom(2)
        mine = [make("a") for _ in range(3)]
        assert [room.enter(live) for live in mine] == [[], [], [mine[0]]]
        assert room.enter(make("b")) == []
        unknown = [make("") for _ in range(2)]

        assert [room.enter(live) for live in unknown] == [[], []]


@virtual
async def test_where_something_was_said_nobody_goes() -> None:
    async with sessions() as make:
        room = WaitingRoom(1)
        spoken, told, silent = make("a"), make("a"), make("a")
        spoken.conversation.hear("hola")
        assert room.enter(spoken) == []
        assert room.enter(told) == []
        told.session.holds_outside = True  # a back end has said something since
        assert room.oldest() is None
        room.enter(silent)

        assert room.oldest() is silent


@virtual
async def test_what_one_address_leaves_waiting_may_weigh_so_much() -> None:
    async with sessions() as make:
        room = WaitingRoom(1, most_bytes_of_one=50_000)
        talks = [make("a"), make("a"), make("a"), make("b"), make("")]
        for live in talks:
            live.conversation.hear("hola")

        assert [room.enter(live) for live in talks] == [[], [], [talks[0]], [], []]
        for live in talks:
            room.leave(live)
        assert not room._weights


@virtual
async def test_what_a_back_end_has_added_is_kept_while_it_waits() -> None:
    async with sessions() as make:
        room = WaitingRoom(1)
        told = make("a")
        told.conversation.hold(True)
        told.conversation.inject(InjectedMessage("Hay una oferta.", "say"))
        assert room.enter(told) == []
        room.enter(make("a"))

        assert told.is_wordless is False
        assert room.oldest() is not told


@virtual
async def test_one_that_has_gained_words_is_none_too_many_but_weighs() -> None:
    async with sessions() as make:
        room = WaitingRoom(1, most_bytes_of_one=50_000)
        told, silent, *spoken = [make("a") for _ in range(4)]
        room.enter(told)
        told.session.holds_outside = True
        for live in spoken:
            live.conversation.hear("hola")

        assert room.enter(silent) == []  # it is alone without a word
        assert [room.enter(live) for live in spoken] == [[], [told]]


@virtual
async def test_one_that_was_found_with_words_where_there_was_no_room_weighs() -> None:
    async with sessions() as make:
        room = WaitingRoom(1, most_bytes_of_one=50_000)
        told, *spoken = [make("a") for _ in range(3)]
        room.enter(told)
        told.session.holds_outside = True
        for live in spoken:
            live.conversation.hear("hola")

        assert room.oldest() is None
        assert [room.enter(live) for live in spoken] == [[], [told]]
        assert room._weights["a"].keys() == set(spoken)


@virtual
async def test_one_whose_user_is_just_speaking_goes_for_nobody() -> None:
    async with sessions() as make:
        room = WaitingRoom(1)
        speaking, other, third = make("a"), make("a"), make("a")
        speaking.session.is_heard_speaking = True
        assert room.enter(speaking) == []
        assert room.oldest() is None
        assert room.enter(other) == [other]
        speaking.session.is_heard_speaking = False  # it was a noise

        assert room.oldest() is speaking
        assert room.enter(third) == [speaking]
