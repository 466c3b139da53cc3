"""How long sessions wait for their clients, and how they make room for each other."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
from typing import Any

import httpx
import pytest

from app.conversation.injected_message import InjectedMessage
from app.errors import ResumeRefused, ServerFull
from app.protocol.events import AudioTerms, pcm16
from app.protocol.wires import V1, V2
from app.services.sessions.away import HURRY_S
from app.services.sessions.live_session import LiveSession
from app.services.sessions.session_host import SessionHost
from app.speech.base import VoiceEngines
from app.storage.errors import StoreUnavailable
from app.storage.no_store import NoStore
from app.storage.operations import Write
from app.storage.records import MessageRecord, SessionRecord, StoredTalk
from app.storage.store import Store
from app.storage.writer import Receipt
from app.storage.writes import MessagesStored, SessionChanged, SessionOpened, TextAccepted, TurnCut
from app.tools.runner import ToolHost
from app.tools.threads import ToolThreads
from app.tools.tool_list import ToolRegistry
from tests.support.context import settings_with
from tests.support.ears import Vocabulary, WordRecogniser, new_senses
from tests.support.live import Wire, attached
from tests.support.scripted import Pause, Says, ScriptedModel, says
from tests.support.virtual_time import VirtualClock, virtual
from tests.support.voices import CommaSplitter, WordySynthesiser

WINDOW_S = 120
MOST_OF_ONE = 32


@asynccontextmanager
async def hosting(
    store: Store | None = None, model: ScriptedModel | None = None, **values: Any
) -> AsyncIterator[SessionHost]:
    """A host without sockets, in virtual time."""
    settings = settings_with(resume_window_s=WINDOW_S, **values)
    clock = VirtualClock()
    async with httpx.AsyncClient(verify=False) as http:
        tools = ToolHost(ToolRegistry([]), settings, clock, http, ToolThreads(4))
        model = model or ScriptedModel(lambda r: says("Sí."))
        host = SessionHost(settings, model, tools, store or NoStore(), clock)
        yield host
        await host.aclose()
        await tools.aclose()


def leaves(host: SessionHost, address: str = "203.0.113.7") -> LiveSession:
    """A client opens a session and is gone before its first word."""
    live = host.open("ana", None, None, wire=V2)
    live.session.sharing = address
    host.wait_for(live, "client_left")
    return live


def lives(host: SessionHost, live: LiveSession) -> bool:
    return host.sessions.get(live.session_id) is live


@virtual
async def test_one_too_many_of_an_address_goes_after_a_moment() -> None:
    async with hosting() as host:
        first, second, *_ = [leaves(host) for _ in range(MOST_OF_ONE + 1)]
        await asyncio.sleep(HURRY_S - 1)
        assert lives(host, first)
        await asyncio.sleep(2)

        assert not lives(host, first)
        assert lives(host, second)


@virtual
async def test_one_that_gains_words_in_its_last_moment_waits_like_others() -> None:
    async with hosting() as host:
        first, *_ = [leaves(host) for _ in range(MOST_OF_ONE + 1)]
        await asyncio.sleep(HURRY_S - 1)
        await first.conversation.inject(InjectedMessage("Tu pedido ha llegado.", "say"))
        await asyncio.sleep(2)
        assert lives(host, first)
        await asyncio.sleep(WINDOW_S - HURRY_S - 2)
        assert lives(host, first)
        await asyncio.sleep(2)

        assert not lives(host, first)  # and not from then on, once more


@virtual
async def test_one_that_gains_words_weighs_with_the_others() -> None:
    async with hosting() as host:
        host.away._waiting._most_bytes_of_one = 50_000
        first, *_ = [leaves(host) for _ in range(MOST_OF_ONE + 1)]
        first.conversation.hear("hola")
        await asyncio.sleep(HURRY_S + 1)
        assert lives(host, first)
        for _ in range(2):
            live = host.open("ana", None, None, wire=V2)
            live.session.sharing = first.session.sharing
            live.conversation.hear("hola")
            host.wait_for(live, "client_left")
        await asyncio.sleep(1)

        assert not lives(host, first)
        assert lives(host, live)


@virtual
async def test_client_that_comes_back_in_the_last_moment_is_not_ended_later() -> None:
    async with hosting() as host:
        first, *_ = [leaves(host) for _ in range(MOST_OF_ONE + 1)]
        await asyncio.sleep(HURRY_S - 1)
        await host.came(first)
        await asyncio.sleep(2)

        assert lives(host, first)


@virtual
async def test_session_is_kept_for_its_connection_where_another_came_for_it_and_was_lost() -> None:
    async with hosting() as host:
        live = host.open("ana", None, None, wire=V2)
        link = attached(live, Wire())
        await host.came(live)
        await asyncio.sleep(2 * WINDOW_S)
        assert lives(host, live)
        live.pump.detach(link)
        host.wait_for(live, "client_left")
        await asyncio.sleep(WINDOW_S + 1)

        assert not lives(host, live)


NOISE, WORD = "*", "hola"


@pytest.mark.parametrize(("sound", "is_kept"), [(NOISE, False), (WORD, True)])
@virtual
async def test_first_words_that_are_being_said_are_kept_where_there_is_no_room(
    sound: str, is_kept: bool
) -> None:
    vocabulary = Vocabulary()
    async with hosting(max_sessions=1) as host:
        host.engines = VoiceEngines(input_engines=new_senses(WordRecogniser(vocabulary)))
        live = host.open("ana", None, None, wire=V2, audio=AudioTerms(pcm16(16_000)))
        live.voice.take(vocabulary.sound(sound))
        await asyncio.sleep(0.2)
        host.wait_for(live, "client_left")
        with pytest.raises(ServerFull):
            host.open("luis", None, None, wire=V2)
        await asyncio.sleep(20)
        assert live.has_words is is_kept
        with pytest.raises(ServerFull) if is_kept else nullcontext():
            host.open("luis", None, None, wire=V2)

        assert lives(host, live) is is_kept


@pytest.mark.parametrize("kind", ["by hand", "recording"])
@virtual
async def test_sound_that_is_not_understood_yet_weighs(kind: str) -> None:
    sound = Vocabulary().sound(WORD, 2_000)

    async with hosting() as host:
        host.away._waiting._most_bytes_of_one = 3 * len(sound)
        slow = replace(new_senses(WordRecogniser(Vocabulary(), pass_s=30)), decode_clip=never)
        host.engines = VoiceEngines(input_engines=slow)
        spoken = []
        for _ in range(3):
            live = host.open("ana", None, None, wire=V2, audio=AudioTerms(pcm16(16_000), is_manual=True))
            live.session.sharing = "203.0.113.7"
            light = live.weight
            if kind == "recording":
                live.voice.understand_clip(sound)
            else:
                live.voice.take(sound)
            await asyncio.sleep(1)
            assert len(sound) * 0.9 <= live.weight - light <= len(sound) * 1.1
            host.wait_for(live, "client_left")
            spoken.append(live)
        await asyncio.sleep(0.1)

        assert [lives(host, live) for live in spoken] == [False, True, True]


async def never(clip: bytes, owner: str) -> bytes:
    return await asyncio.get_running_loop().create_future()


@virtual
async def test_recording_that_is_being_understood_is_kept_where_there_is_no_room() -> None:
    vocabulary = Vocabulary()
    sound = vocabulary.sound(WORD)
    is_decoded = asyncio.Event()

    async def decode(clip: bytes, owner: str) -> bytes:
        await is_decoded.wait()
        return clip

    async with hosting(max_sessions=1) as host:
        input_engines = replace(new_senses(WordRecogniser(vocabulary)), decode_clip=decode)
        host.engines = VoiceEngines(input_engines=input_engines)
        live = host.open("ana", None, None, wire=V2)
        live.voice.understand_clip(sound)
        host.wait_for(live, "client_left")
        with pytest.raises(ServerFull):
            host.open("luis", None, None, wire=V2)
        is_decoded.set()
        await asyncio.sleep(5)

        assert (live.has_words, lives(host, live)) == (True, True)


# Sessions that are set aside for others


class Shelf(NoStore):
    """A store in memory; its writes wait while `is_held`, and its reads fail while it `is_silent`.

    What it reads it tells `tells_after_s` later.
    """

    is_on = True

    def __init__(self) -> None:
        self.is_held = self.is_silent = False
        self.tells_after_s = 0.0
        self.rows: dict[str, SessionRecord] = {}
        self.messages: dict[str, dict[int, MessageRecord]] = {}
        self._line: list[tuple[Callable[[], None], Receipt]] = []

    def commits(self) -> None:
        """Writes what waits, and whatever comes from now on at once."""
        self.is_held = False
        for write, receipt in self._line:
            write()
            receipt.settle(True)
        self._line.clear()

    def _put(self, write: Callable[[], None]) -> Receipt:
        self._line.append((write, receipt := Receipt()))
        if not self.is_held:
            self.commits()
        return receipt

    def write(self, write: Write) -> Receipt:
        match write:
            case SessionOpened(record):
                return self._put(lambda: self.rows.update({record.id: record}))
            case SessionChanged(session_id, change):
                return self._put(
                    lambda: self.rows.update({session_id: replace(self.rows[session_id], **change)})
                )
            case TextAccepted():
                return self._keep(write.session_id, [write.text])
            case MessagesStored() | TurnCut():
                return self._keep(write.session_id, write.messages)
            case _:
                return Receipt.refused()

    def _keep(self, session_id: str, messages: Sequence[MessageRecord]) -> Receipt:
        stored = self.messages.setdefault(session_id, {})
        return self._put(lambda: stored.update({message.position: message for message in messages}))

    async def talk(
        self,
        session_id: str,
        newest_turns: int = 200,
        is_wanted: Callable[[SessionRecord], bool] | None = None,
    ) -> StoredTalk | None:
        if self.is_silent:
            raise StoreUnavailable("held")
        row = self.rows.get(session_id)
        if row is None or (is_wanted is not None and not is_wanted(row)):
            return None
        messages = self.messages.get(session_id, {})
        unanswered = tuple(row for row in messages.values() if row.status == "accepted")
        found = StoredTalk(row, tuple(messages.values()), len(messages), (), (), unanswered, {})
        await asyncio.sleep(self.tells_after_s)
        return found


async def speaks_and_leaves(host: SessionHost) -> tuple[LiveSession, str]:
    """A client says something, and drops while it is being answered."""
    live = host.open("ana", None, None, wire=V2)
    live.session.sharing = "203.0.113.7"
    token = live.tokens.issue()
    await host.came(live)
    live.conversation.hear("hola")
    await asyncio.sleep(1)
    host.wait_for(live, "client_left")
    return live, token


@asynccontextmanager
async def setting_aside(shelf: Shelf) -> AsyncIterator[tuple[SessionHost, LiveSession, str]]:
    """A talk that is just being set aside for another, with its token; the store has not its last words."""
    async with hosting(shelf, ScriptedModel(lambda r: [Says("Sí, "), Pause(100), Says("claro.")])) as host:
        host.away._waiting._most_bytes_of_one = 30_000
        live, token = await speaks_and_leaves(host)
        shelf.is_held = True
        await speaks_and_leaves(host)
        assert not lives(host, live)
        yield host, live, token
        shelf.commits()


COMING_BACK: dict[str, Callable[[SessionHost, str, str], Awaitable[object]]] = {
    "resume": lambda host, session_id, token: host.take_up(session_id, token, None, V2),
    "continue": lambda host, session_id, token: host.continue_talk(session_id, "ana", None, V2),
}


@pytest.mark.parametrize("way", COMING_BACK)
@virtual
async def test_talk_that_is_being_set_aside_comes_back_with_all_of_it(way: str) -> None:
    async with setting_aside(shelf := Shelf()) as (host, live, token):
        coming = asyncio.create_task(COMING_BACK[way](host, live.session_id, token))
        await asyncio.sleep(0.5)
        assert not coming.done()
        shelf.commits()
        await coming

        back = host.sessions.get(live.session_id)
        assert back is not None
        assert [entry.content for entry in back.session.transcript] == ["hola", "Sí, "]
        assert back.session.journal.next_position == live.session.journal.next_position == 2


@pytest.mark.parametrize("way", COMING_BACK)
@virtual
async def test_talk_that_cannot_be_set_aside_yet_is_told_to_come_later(way: str) -> None:
    async with setting_aside(shelf := Shelf()) as (host, live, token):
        with pytest.raises(ServerFull):
            await COMING_BACK[way](host, live.session_id, token)
        shelf.commits()
        await COMING_BACK[way](host, live.session_id, token)

        assert host.sessions.get(live.session_id) is not None


@pytest.mark.parametrize("way", COMING_BACK)
@virtual
async def test_what_was_read_before_a_talk_lived_and_went_again_is_not_taken_for_it(way: str) -> None:
    async with setting_aside(shelf := Shelf()) as (host, live, token):
        shelf.commits()
        shelf.tells_after_s = 5
        late = asyncio.create_task(COMING_BACK[way](host, live.session_id, token))
        await asyncio.sleep(1)
        shelf.tells_after_s = 0
        await host.take_up(live.session_id, token, None, V2)
        again = host.sessions.get(live.session_id)
        assert again is not None
        again.session.sharing = live.session.sharing
        host.wait_for(again, "client_left")
        shelf.is_held = True
        await speaks_and_leaves(host)
        with pytest.raises(ServerFull):
            await late

        assert host.sessions.get(live.session_id) is None


@virtual
async def test_continued_talk_is_told_to_come_later_where_the_store_is_silent() -> None:
    async with hosting(shelf := Shelf()) as host:
        live, _ = await speaks_and_leaves(host)
        await host.close(live, "expired")
        shelf.is_silent = True
        with pytest.raises(ServerFull):
            await host.continue_talk(live.session_id, "ana", None, V2)
        shelf.is_silent = False
        with pytest.raises(ResumeRefused):
            await host.continue_talk(live.session_id, "luis", None, V2)
        back = await host.continue_talk(live.session_id, "ana", None, V2)

        assert back.session_id == live.session_id


@virtual
async def test_talk_whose_client_is_just_coming_is_not_set_aside() -> None:
    async with hosting(shelf := Shelf()) as host:
        host.away._waiting._most_bytes_of_one = 30_000
        live, _ = await speaks_and_leaves(host)
        shelf.is_held = True
        coming = asyncio.create_task(host.came(live))
        await asyncio.sleep(0.1)
        host.wait_for(live, "client_left")  # its older connection is found to be dead
        await speaks_and_leaves(host)
        shelf.commits()
        await coming

        assert lives(host, live)


@virtual
async def test_store_that_is_silent_forgets_no_talk_that_was_set_aside_of_late() -> None:
    async with hosting(shelf := Shelf()) as host:
        await asyncio.sleep(10 * WINDOW_S)
        host.away._waiting._most_bytes_of_one = 30_000
        (live, token), _ = await speaks_and_leaves(host), await speaks_and_leaves(host)
        await asyncio.sleep(1)
        shelf.is_silent = True
        with pytest.raises(ServerFull):
            await host.take_up(live.session_id, token, None, V2)
        shelf.is_silent = False
        await host.take_up(live.session_id, token, None, V2)

        assert host.sessions.get(live.session_id) is not None


@virtual
async def test_server_that_stops_refuses_no_talk_that_goes_on_elsewhere() -> None:
    """Its sessions are closed one by one while clients still land here, or come over a link."""
    async with hosting(Shelf()) as host:
        live, token = await speaks_and_leaves(host)
        host.is_leaving = True
        await host.close(live, "shutdown")
        with pytest.raises(ServerFull):
            await host.take_up(live.session_id, token, None, V2)


@virtual
async def test_talk_that_another_process_has_claimed_is_not_over() -> None:
    """It ends here, however late the store writes what was in line, and may come back when it is let go."""
    async with hosting(shelf := Shelf()) as host:
        live, token = await speaks_and_leaves(host)
        shelf.is_held = True
        await host.close(live, "claimed_elsewhere")
        await host.take_up(live.session_id, token, None, V2)

        assert host.sessions.get(live.session_id) is not None


@virtual
async def test_talk_that_is_ending_for_good_is_not_waited_for() -> None:
    async with hosting(shelf := Shelf()) as host:
        live, token = await speaks_and_leaves(host)
        shelf.is_held = True
        await host.close(live, "normal")
        async with asyncio.timeout(0):
            await host.take_up(live.session_id, token, None, V2)
        shelf.commits()
        await host.take_up(live.session_id, token, None, V2)

        assert host.sessions.get(live.session_id) is None


@pytest.mark.parametrize("says_something", [False, True])
@virtual
async def test_session_that_ended_under_its_connection_does_not_wait(says_something: bool) -> None:
    async with hosting(max_sessions=1) as host:
        live = host.open("ana", None, None, wire=V2)
        link = attached(live, Wire())
        if says_something:
            live.conversation.hear("hola")
        await host.close(live, "erased")
        live.pump.detach(link)
        host.wait_for(live, "client_left")  # its connection hears of the end a little later
        assert not len(host.away)

        leaves(host)  # a second one, which makes room for a third
        host.open("luis", None, None, wire=V2)


@virtual
async def test_session_ends_whole_where_whoever_ends_it_is_cancelled() -> None:
    async with hosting(model=ScriptedModel(lambda r: [Pause(60)])) as host:
        live = host.open("ana", None, None, wire=V1)
        pumping = live.pump_task
        live.conversation.hear("hola")
        await asyncio.sleep(1)
        closing = asyncio.create_task(host.close(live, "client_left"))
        await asyncio.sleep(0)
        closing.cancel()
        await asyncio.wait({closing})
        await asyncio.sleep(2)

        assert pumping is not None and pumping.done()
        assert not live.conversation.is_busy


@virtual
async def test_session_ends_whole_where_a_part_of_it_breaks() -> None:
    async with hosting() as host:
        live = host.open("ana", None, None, wire=V2)
        pumping, ends = live.pump_task, live.conversation.aclose

        async def breaks(*args: Any, **options: Any) -> None:
            await ends(*args, **options)
            raise ZeroDivisionError

        live.conversation.aclose = breaks
        await host.close(live, "client_left")

        assert pumping is not None and pumping.done()
        assert live.session_id not in host._endings


@virtual
async def test_talk_that_was_spoken_goes_on_without_sound_for_a_client_that_asks_for_none() -> None:
    async with hosting() as host:
        recogniser = WordRecogniser(Vocabulary())
        host.engines = VoiceEngines(new_senses(recogniser), WordySynthesiser(), CommaSplitter)
        live = host.open("ana", None, None, wire=V2, audio=AudioTerms(pcm16(16_000), out=True))
        host.wait_for(live, "client_left")
        assert await host.continue_talk(live.session_id, "ana", None, V2) is live
        wire = Wire()
        attached(live, wire)
        live.conversation.hear("hola")
        await asyncio.sleep(5)

        assert (live.voice.terms, live.voice.in_format) == (None, None)
        assert "response_complete" in wire.types()
        assert "audio_started" not in wire.types()
