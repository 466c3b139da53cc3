"""The life of sessions: how they open, wait for their clients, come back after a restart, and end."""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

from app.clock import Clock, wire_time
from app.conversation.conversation import Conversation
from app.conversation.prompt import system_prompt
from app.errors import Locale, ResumeRefused, ServerFull
from app.llm.base import ChatProvider
from app.protocol.events import (
    AudioTerms,
    ErrorOccurred,
    FeaturesChanged,
    Notice,
    SessionCreated,
    SessionTerms,
)
from app.protocol.fields import ANONYMOUS
from app.protocol.wire import WireProtocol
from app.services.auth.principal import Principal
from app.services.limits.rates import SessionLimits
from app.services.sessions.away import AwaySessions
from app.services.sessions.closing_sessions import ELSEWHERE, MOVED, SET_ASIDE, ClosingSessions
from app.services.sessions.directory import OneProcess, SessionDirectory, SessionLease
from app.services.sessions.live_session import LiveSession
from app.services.sessions.profiles import Profiles
from app.services.sessions.session_recovery import (
    Window,
    look_up,
    may_come_back,
    restore,
    settle_what_is_left,
    take_over,
)
from app.services.sessions.stored_journal import StoredJournal
from app.session.budget import Budget
from app.session.history import History
from app.session.observer import NOBODY, Telemetry
from app.session.outbox import Outbox
from app.session.pump import Pump
from app.session.registry import SessionRegistry
from app.session.resume_tokens import ResumeTokens
from app.session.ring import Ring
from app.session.voice_session import VoiceSession
from app.speech.base import Half, VoiceEngines
from app.speech.session_audio import SessionAudio, never_loading
from app.stall_timeout import Alarm
from app.storage.errors import StoreUnavailable
from app.storage.records import NONE_SUPERSEDED, SessionChange, SessionRecord, StoredTalk
from app.storage.store import Store
from app.storage.writer import Receipt
from app.storage.writes import SessionChanged, SessionOpened
from app.tools.runner import ToolHost
from config.logger_config import SESSION_ID
from config.settings import Settings

logger = logging.getLogger(__name__)


class SessionHost:
    """Makes and ends the sessions of this process.

    Attributes:
        sessions: Those that live, with a connection or in their resume window.
        engines: What sessions hear and speak with.
        is_loading: Whether a half of speech that is not there may come yet.
        is_leaving: The server is about to stop: no new session begins.
        profiles: What is kept of the users.
        telemetry: Who looks at them, to measure.
        limits: What bounds them, and what their users may use.
        directory: Which process owns which session.
    """

    def __init__(
        self, settings: Settings, provider: ChatProvider, tools: ToolHost, store: Store, clock: Clock
    ) -> None:
        self.sessions: SessionRegistry[LiveSession] = SessionRegistry(settings.max_sessions)
        self.is_leaving = False
        self.engines = VoiceEngines()
        self.is_loading: Callable[[Half], bool] = never_loading
        self.telemetry: Telemetry = NOBODY
        self._settings = settings
        self._provider = provider
        self._tools = tools
        self._store = store
        self.profiles = Profiles(store, settings.store_timeout_s)
        self._clock = clock
        # When talks that may come back were last left to the store: by the last server, or set aside.
        self._left_to_store_at = clock.monotonic()
        self._prompt = system_prompt(settings)
        self.limits = SessionLimits(settings, settings.trusted_proxies, clock)
        self.directory: SessionDirectory = OneProcess()
        self._endings = ClosingSessions()
        self._closing: set[asyncio.Task[Receipt | None]] = set()
        self.away = AwaySessions(self._make_room, self._expire)

    def find(self, session_id: str, principal: Principal | None) -> LiveSession | None:
        """Return a live session, if it is there and theirs to see."""
        live = self.sessions.get(session_id)
        if live is None or (principal is not None and not principal.may_see(live.session.user_id)):
            return None
        return live

    def open(
        self,
        user_id: str,
        locale: Locale | None,
        principal: Principal | None,
        *,
        wire: WireProtocol,
        audio: AudioTerms | None = None,
    ) -> LiveSession:
        """Make a session; with a token it is the token's user's, but for admins, who may speak for others.

        Sound that is asked for and cannot be had is refused, and the session goes on by text.

        Raises:
            ServerFull: There is no room for another.
        """
        if principal is not None and (principal.role != "admin" or user_id == ANONYMOUS):
            user_id = principal.user_id
        now = self._clock.now()
        record = SessionRecord(
            id=str(uuid.uuid4()),
            user_id=user_id,
            protocol=wire.name,
            locale=locale or self._settings.agent_locale,
            created_at=now,
            last_activity=now,
        )
        self._make_place()
        live = self._make(record, wire, self.directory.begin(record.id))
        live.takes_users_language = wire.is_personal and locale is None
        logger.info("session_created", extra={"user_id": user_id, "active": len(self.sessions)})
        refusal = live.voice.begin(audio)
        terms = self._terms(live)
        self._write_opened(live, record)
        live.session.emit(SessionCreated(record.id, wire_time(now), terms))
        notice = self._provider.notice.get(live.session.locale)
        if notice:
            live.session.emit(Notice(notice))
        if refusal is not None:
            live.session.emit(ErrorOccurred(refusal))
        return live

    def tell_features(self) -> None:
        """Tell all sessions what the server can do now, where speech has been loaded or could not be."""
        for live in self.sessions:
            live.session.emit(FeaturesChanged(self._features))

    async def take_up(
        self, session_id: str, token: str, principal: Principal | None, wire: WireProtocol
    ) -> None:
        """Bring a stored session back to life, if it may still be resumed with this token.

        Raises:
            ServerFull: No room for another session; or this server stops, or the database is silent, and
                the client may yet come.
        """
        if self.is_leaving:
            raise ServerFull  # this process brings nothing back any more: it goes on where the client lands
        if self._endings.ends_for_good(session_id):
            return
        if not await self._endings.settle(session_id, self._settings.store_timeout_s):
            raise ServerFull  # it is being set aside
        # A stranger costs one row, and learns nothing from how long it takes.
        window_s = self._settings.resume_window_s
        try:
            window = await self._window()
            is_wanted = partial(may_come_back, token, principal, window, wire)
            found = await look_up(self.directory, self._store, session_id, is_wanted)
        except StoreUnavailable:
            logger.warning("storage_unavailable", extra={"operation": "resume"})
            # All that were connected when the last server ended come at once, each still in its window. So
            # may those come that were set aside.
            if self._clock.monotonic() - self._left_to_store_at <= window_s:
                raise ServerFull from None
            return
        if found is None or session_id in self.sessions:  # another connection may have been faster
            return
        if session_id in self._endings:
            raise ServerFull  # it has lived and gone again meanwhile: what was read is old
        (await self._revive(found, window, wire)).history_seq = 0

    async def continue_talk(
        self,
        session_id: str,
        user_id: str,
        principal: Principal | None,
        wire: WireProtocol,
        audio: AudioTerms | None = None,
        locale: Locale | None = None,
    ) -> LiveSession:
        """Take up an own earlier session, whether it lives, waits or has ended, as a new stream.

        It goes on in the language that is asked for, else in its own.

        Raises:
            ResumeRefused: It is not there, or is somebody else's; an anonymous user has no own sessions.
            ServerFull: There is no room for another session, or the store does not say what there is of this.
        """
        owner = principal.user_id if principal is not None else user_id
        is_admin = principal is not None and principal.role == "admin"

        def is_theirs(of_user: str) -> bool:
            return is_admin or of_user == owner != ANONYMOUS

        live = self.sessions.get(session_id) or await self._stored(session_id, is_theirs, wire)
        if live is None or live.wire.name != wire.name or not is_theirs(live.session.user_id):
            raise ResumeRefused
        live.tokens = tokens = ResumeTokens()
        terms = self._terms(live, continued=True)
        await self.came(live)
        if self.sessions.get(session_id) is not live or live.tokens is not tokens:
            raise ResumeRefused  # it has ended meanwhile, or begun anew once more
        if locale is not None:
            live.session.locale = live.pump.locale = locale
            live.takes_users_language = False
            self._store.write(SessionChanged(session_id, {"locale": locale}))
        # Speech may have come while the store was waited for, and was then told to the stream that ends here.
        refusal = live.voice.begin(audio)
        terms.features, terms.audio = self._features, live.voice.terms
        live.pump.begin_anew(self._new_ring())
        live.session.emit(SessionCreated(session_id, wire_time(live.session.created_at), terms))
        if refusal is not None:
            live.session.emit(ErrorOccurred(refusal))
        return live

    async def _stored(
        self, session_id: str, is_theirs: Callable[[str], bool], wire: WireProtocol
    ) -> LiveSession | None:
        """Return a stored session brought back to life, if it is theirs; it goes on over this wire.

        Raises:
            ServerFull: The client may yet come.
        """
        if not await self._endings.settle(session_id, self._settings.store_timeout_s):
            raise ServerFull  # it is ending
        try:
            window = await self._window()
            found = await look_up(self.directory, self._store, session_id, lambda of: is_theirs(of.user_id))
        except StoreUnavailable:
            logger.warning("storage_unavailable", extra={"operation": "continue"})
            raise ServerFull from None
        if found is None or session_id in self.sessions:  # another connection was faster
            return self.sessions.get(session_id)
        if session_id in self._endings:
            raise ServerFull  # it was, and what was read is old
        return await self._revive(found, window, wire)

    async def came(self, live: LiveSession) -> bool:
        """A client comes (again): the session no longer waits, and the store knows its tokens.

        Waits until that is so, `STORE_TIMEOUT_S` at most; returns whether it is, where there is a store.
        """
        self.away.leave(live)
        self._expire_later(live)  # it may be gone before it has its session
        settle_what_is_left(live)  # written down before it is told: a second crash must not tell it twice
        change: SessionChange = {
            "protocol": live.wire.name,
            "token_hash": live.tokens.newest,
            "previous_token_hash": live.tokens.previous,
            "detached_at": None,
            "ended_at": None,
            "last_activity": self._clock.now(),
        }
        receipt = self._store.write(SessionChanged(live.session_id, change))
        live.coming += 1
        try:
            return await receipt.soon(self._settings.store_timeout_s) or not self._store.is_on
        finally:
            live.coming -= 1

    def wait_for(self, live: LiveSession, reason: str) -> None:
        """Keep a session whose client has dropped, for as long as it may come back."""
        live.session.websocket = None
        live.voice.client_left()
        if self.sessions.get(live.session_id) is not live:
            return  # it was ended under its connection, by an erasure for one
        window_s = self._settings.resume_window_s
        logger.info("session_waits", extra={"reason": reason, "window_s": window_s})
        self._expire_later(live)
        if not self.is_leaving:  # after a restart its window begins anew
            self._store.write(SessionChanged(live.session_id, {"detached_at": self._clock.now()}))
        if not live.coming:  # else somebody has it in a moment
            self.away.enter(live)

    async def close(self, live: LiveSession, reason: str) -> None:
        """End a session: its turn and tools are cancelled, its task is awaited, nothing of it is left."""
        ending = self._end_soon(live, reason)
        if ending is not None:
            # Whoever waits for it may be cancelled, by the server's stop for one: it ends all the same.
            await asyncio.shield(ending)

    def _take_out(self, live: LiveSession, reason: str) -> bool:
        """Return whether it was there; from now on it is not, and has to be ended."""
        if self.sessions.get(live.session_id) is not live:
            return False
        self.sessions.remove(live.session_id)
        self.away.leave(live)
        self._endings.begin(live.session_id, is_set_aside=reason in (SET_ASIDE, MOVED, ELSEWHERE))
        if reason == SET_ASIDE:
            self._left_to_store_at = self._clock.monotonic()
        self.limits.crowds.move(live.crowd, "")
        if live.expiry is not None:
            live.expiry.cancel()
            live.expiry = None  # it refers to the session
        return True

    def _make_room(self, live: LiveSession) -> None:
        """End a session that waits, for another; one with words may come back from the store."""
        self._end_soon(live, "made_room" if live.is_wordless else SET_ASIDE)

    def part_with(self, live: LiveSession) -> "asyncio.Task[Receipt | None] | None":
        """Let a session go in which nothing happens, for another process to have; it is as `_end_soon`."""
        return self._end_soon(live, MOVED)

    def _end_soon(self, live: LiveSession, reason: str) -> "asyncio.Task[Receipt | None] | None":
        """End a session in a task of the host's, which returns what becomes of this process's owning it.

        None where it has ended already.
        """
        if not self._take_out(live, reason):
            return None
        closing = asyncio.create_task(self._end(live, reason), name=f"end {live.session_id}")
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)
        return closing

    async def _end(self, live: LiveSession, reason: str) -> Receipt | None:
        SESSION_ID.set(live.session_id)
        is_stop = reason in ("shutdown", SET_ASIDE, MOVED, ELSEWHERE)
        stays_open = is_stop and live.outlives_connection
        ends: list[Callable[[], Awaitable[None]]] = [
            partial(live.conversation.aclose, "shutdown" if is_stop else None, stays_open=stays_open),
            live.voice.aclose,
        ]
        if stays_open:
            # What has been said until now is asked again when the talk goes on.
            ends[:0] = [partial(live.conversation.cut_off, stays_open=True), live.voice.stop_hearing]
        for end in ends:
            try:
                await end()
            except Exception:
                # A bug in one part: the others end all the same, and the session's end is written down.
                logger.exception("internal")
        if live.pump_task is not None:
            live.pump_task.cancel()
            await asyncio.wait({live.pump_task})
            live.pump_task = None  # its end, an exception, refers to all that it knew
        live.session.observer.closed()
        now = self._clock.now()
        last: SessionChange | None = None
        if not (live.outlives_connection and is_stop):
            last = {"ended_at": now, "last_activity": now}
        elif reason in (SET_ASIDE, MOVED):
            # It changes nothing; but writes are applied in order, and with it the store has all of the talk.
            last = {"protocol": live.wire.name}
        write = partial(self._store.write, SessionChanged(live.session_id, last)) if last else None
        self._endings.close(live.session_id, write if self._store.is_on else None)
        released = self.directory.release(live.lease)
        lasted_s = round((now - live.session.created_at).total_seconds(), 1)
        facts = {"reason": reason, "lasted_s": lasted_s, "active": len(self.sessions)}
        logger.info("session_closed", extra=facts)
        return released

    async def aclose(self) -> None:
        """End all sessions; resumable ones may be taken up again by the next server."""
        await asyncio.gather(*(self.close(live, "shutdown") for live in self.sessions), *self._closing)
        self._endings.write_all_again()
        await self.profiles.aclose()

    def _make(
        self, record: SessionRecord, wire: WireProtocol, lease: SessionLease, talk: StoredTalk | None = None
    ) -> LiveSession:
        settings = self._settings
        locale: Locale = "en" if record.locale == "en" else "es"
        session = VoiceSession(
            session_id=record.id,
            websocket=None,
            user_id=record.user_id,
            conversation_history=History(self._prompt, settings.max_history_tokens),
            outbox=Outbox(
                settings.outbox_max_messages, settings.outbox_max_bytes, outlives_reader=wire.is_replayable
            ),
            created_at=record.created_at,
            last_activity=record.last_activity,
            locale=locale,
            approvals=wire.approvals,
            observer=self.telemetry.observer(record.id),
        )
        session.budget = Budget(self.limits.budgets, record.id, record.user_id)
        if self._store.is_on:
            timeout_s, marked = settings.store_timeout_s, NONE_SUPERSEDED if talk is None else talk.superseded
            place = 0 if talk is None else talk.next_position
            session.journal = StoredJournal(record.id, self._store, self._clock, timeout_s, place, marked)
        SESSION_ID.set(record.id)
        pump = Pump(session.outbox, wire, locale, self._new_ring() if wire.is_replayable else None)
        conversation = Conversation(session, self._provider, self._tools, settings)
        voice = SessionAudio(
            session, conversation, settings, lambda: self.engines, lambda half: self.is_loading(half)
        )
        live = LiveSession(session, conversation, voice, self._clock, pump, lease)
        self.sessions.add(live)
        live.pump_task = asyncio.create_task(pump.run(), name=f"pump {record.id}")
        return live

    def _make_place(self) -> None:
        if self.is_leaving or self.limits.memory.is_full:
            raise ServerFull
        oldest = self.away.oldest() if self.sessions.is_full else None
        if oldest is not None:
            self._make_room(oldest)
        if self.sessions.is_full:
            raise ServerFull

    def _new_ring(self) -> Ring:
        return Ring(self._settings.resume_ring_messages, self._settings.resume_ring_bytes)

    async def _window(self) -> Window:
        return Window(await self._store.running_time(), self._clock.now(), self._settings.resume_window_s)

    async def _revive(
        self, found: StoredTalk | SessionRecord, window: Window, wire: WireProtocol
    ) -> LiveSession:
        """Make a live session of a stored one; what was another wire's goes on over this one.

        Raises:
            ServerFull: There is no room for another, or another process has it by now.
        """
        record, talk = (found.session, found) if isinstance(found, StoredTalk) else (found, None)
        was_waiting = record.protocol == wire.name and record.ended_at is None
        self._make_place()
        lease, newest = await take_over(self.directory, self._store, record.id, talk)
        return self._restored(lease, newest, window, wire, was_waiting=was_waiting)

    async def adopt(self, session_id: str, wire: WireProtocol) -> LiveSession:
        """Make a live session of one that another process has let go; nothing is told of it yet.

        Raises:
            ServerFull: There is no room for it, or somebody else has it by now.
            StoreUnavailable: The database does not answer.
        """
        window = await self._window()
        self._make_place()
        lease, talk = await take_over(self.directory, self._store, session_id)
        return self._restored(lease, talk, window, wire, was_waiting=True)

    def _restored(
        self, lease: SessionLease, talk: StoredTalk, window: Window, wire: WireProtocol, *, was_waiting: bool
    ) -> LiveSession:
        try:
            live = self._make(replace(talk.session, protocol=wire.name), wire, lease, talk)
        except ServerFull:  # others were faster than the database
            self.directory.release(lease)
            raise
        # Until a connection has it, which may yet be lost on the way.
        self._expire_later(live)
        live.tokens = ResumeTokens(talk.session.token_hash, talk.session.previous_token_hash)
        restore(live, talk, window=window, was_waiting=was_waiting)
        logger.info("session_restored", extra={"messages": len(talk.messages), "active": len(self.sessions)})
        return live

    def _write_opened(self, live: LiveSession, record: SessionRecord) -> None:
        if self._store.is_on:
            newest, previous = live.tokens.newest, live.tokens.previous
            opened = replace(record, token_hash=newest, previous_token_hash=previous)
            self._store.write(SessionOpened(opened))

    def _terms(self, live: LiveSession, *, continued: bool = False) -> SessionTerms:
        return SessionTerms(
            resume_token=live.tokens.issue() if live.outlives_connection else "",
            resume_window_s=self._settings.resume_window_s,
            heartbeat_s=self._settings.ws_ping_interval_s,
            features=self._features,
            continued=continued,
            audio=live.voice.terms,
            takes_instructions=self._settings.realtime_client_instructions,
        )

    def _expire_later(self, live: LiveSession) -> None:
        if live.expiry is not None:
            live.expiry.cancel()
        live.expiry = Alarm(self._settings.resume_window_s, partial(self._expire, live))

    def _expire(self, live: LiveSession) -> None:
        if live.pump.link is None:  # one that came for it may have been lost, while an older one still has it
            self._end_soon(live, "expired")

    @property
    def _features(self) -> list[str]:
        approval = [] if self._settings.tool_approval == "off" else ["approval"]
        return [*self.engines.features, *approval]
