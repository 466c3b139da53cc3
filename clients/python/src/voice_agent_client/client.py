"""A talk over protocol v2 that outlives its connections."""

import asyncio
import base64
import random
import secrets
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Final, Unpack, cast

from websockets.exceptions import ConnectionClosed, InvalidStatus, InvalidURI, WebSocketException

from voice_agent_client import close_codes
from voice_agent_client.attachment import PROTOCOL, Attachment
from voice_agent_client.backoff import backoff_s
from voice_agent_client.errors import ConnectError, GaveUpError, SessionClosedError, UnauthorizedError
from voice_agent_client.events import ConnectionLost, Event, GoingAway
from voice_agent_client.options import ClientOptions, SessionValues
from voice_agent_client.overlap import Overlap, RefusedError, ReplacedByItselfError
from voice_agent_client.parsing import Message
from voice_agent_client.resume_state import ResumeState
from voice_agent_client.talk import MessageMissingError, Talk
from voice_agent_client.texts import Said

GIVE_UP_AFTER_S: Final = 120.0
MAX_OPEN_TEXTS: Final = 8
_SHORT_LIFE_S: Final = 5.0
"""A connection that ends sooner, by a fault, counts as a failed one: coming straight back would be a loop."""
_TEXTS_PER_S: Final = 15
"""Texts leave no faster, also those that are sent again: a server lets a client go that sends many more."""
_SERVER_ERRORS: Final = 500
_TOO_MANY_REQUESTS: Final = 429


class ReconnectingClient:
    """One talk with the agent, over any number of connections.

    Iterate `events` in one task: that is what connects, hears and comes back. Any task of the same loop may
    use the rest. `connect` does the iterating for you.

    Args:
        url: Of the server's WebSocket, `ws:` or `wss:`.
        options: See `ClientOptions`.
    """

    def __init__(self, url: str, **options: Unpack[ClientOptions]) -> None:
        self._url = url
        self._give_up_after_s = options.get("give_up_after_s", GIVE_UP_AFTER_S)
        self._chance = options.get("chance", random.random)
        self._talk = Talk(
            options.get("resume") or ResumeState(),
            _values_of(options),
            user_id=options.get("user_id"),
            token=options.get("token"),
            continued=options.get("continue_session"),
            max_open_texts=options.get("max_open_texts", MAX_OPEN_TEXTS),
        )
        self._attachment: Attachment | None = None
        self._overlap: Overlap | None = None
        self._left_at: deque[float] = deque(maxlen=_TEXTS_PER_S)
        self._in_order = asyncio.Lock()
        self._is_over = asyncio.Event()
        self._is_leaving = False

    # How things stand

    @property
    def token(self) -> str | None:
        """The server's own, where it asks for one; a new one holds from the next connection on."""
        return self._talk.token

    @token.setter
    def token(self, token: str | None) -> None:
        self._talk.token = token

    @property
    def session_id(self) -> str | None:
        """The session's id; None while there is none."""
        return self._talk.resume.session_id or None

    @property
    def resume_state(self) -> ResumeState:
        """The place in the talk; keep it (`to_json`) to go on with `resume` in another process."""
        return self._talk.resume

    @property
    def state(self) -> str:
        """What the agent does, as it said last (`AgentState`)."""
        return self._talk.progress.state

    @property
    def turn_id(self) -> str | None:
        """The running turn; None where none runs."""
        return self._talk.progress.turn_id

    @property
    def tools(self) -> dict[str, str]:
        """Names of the running tools by call id."""
        return dict(self._talk.progress.tools)

    @property
    def features(self) -> list[str]:
        """What the server has, as it said last."""
        return list(self._talk.progress.features)

    @property
    def is_current(self) -> bool:
        """Whether a session is open and everything that was missed has been heard."""
        return self._talk.is_current

    @property
    def open_texts(self) -> list[Said]:
        """The texts without an ending, the oldest first."""
        return self._talk.texts.open

    # What can be done

    def say(self, content: str, *, interrupt: bool = False, text_id: str | None = None) -> Said:
        """Say a text, now or as soon as the server can hear it; it is sent again after a drop.

        Args:
            content: The text.
            interrupt: Whether it ends what the agent is doing and withdraws texts that wait.
            text_id: An id of your own, 1 to 64 characters.

        Raises:
            ValueError: The text has no words, or the id is another open text's.
        """
        return self._take(Said(text_id or secrets.token_hex(16), _words(content), interrupt=interrupt))

    def revise(self, turn_id: str, content: str | None = None, *, text_id: str | None = None) -> Said:
        """Have a text answered anew, or other words in its place; its turn and all later ones are over then.

        `MessageAccepted.supersedes` names them. It is sent again after a drop, as a text is.

        Args:
            turn_id: The turn of the text.
            content: The other words; None for the same.
            text_id: An id of your own, 1 to 64 characters.

        Raises:
            ValueError: The text has no words, or the id is another open text's.
        """
        words = "" if content is None else _words(content)
        return self._take(Said(text_id or secrets.token_hex(16), words, interrupt=True, revises=turn_id))

    def _take(self, said: Said) -> Said:
        self._talk.texts.add(said)
        self._talk.has_changed.set()
        return said

    async def interrupt(self, turn_id: str | None = None) -> bool:
        """End the running turn, or just that one; without a connection, when the next one is there.

        Returns:
            Whether it has left now.
        """
        turn_id = turn_id or self.turn_id
        message = {"type": "interrupt", "turn_id": turn_id} if turn_id else {"type": "interrupt"}
        return await self._control("interrupt", message, is_kept=turn_id is not None)

    async def cancel_tool(self, call_id: str) -> bool:
        """End one tool call; return whether the word has left now. Else it leaves later."""
        return await self._control(f"cancel {call_id}", {"type": "cancel_tool", "call_id": call_id})

    async def approve_tool(self, call_id: str, *, approved: bool) -> bool:
        """Give a person's word about a tool that waits for it; return whether it has left now, else later."""
        message = {"type": "approve_tool", "call_id": call_id, "approved": approved}
        return await self._control(f"approve {call_id}", message)

    async def update_session(self, **values: Unpack[SessionValues]) -> bool:
        """Change language, voice, speed or sound, for later sessions of this client too.

        Returns:
            Whether it has left now.
        """
        return await self._talk.update(self._attachment, values)

    async def send_audio(self, pcm: bytes) -> bool:
        """Send a piece of the user's speech: PCM16, little endian, mono, at the agreed rate.

        It is not kept: without a connection, or while the server's speech loads, it is thrown away.

        Returns:
            Whether it has left.
        """
        attachment = self._attachment
        if attachment is None or not self._talk.is_current or self._talk.progress.is_voice_loading:
            return False
        return await attachment.send(pcm)

    async def send_recording(self, recording: bytes) -> bool:
        """Send a whole WAV, WebM, OGG, MP3 or FLAC file that is answered; return whether it has left."""
        content = base64.b64encode(recording).decode()
        return await self._control("", {"type": "audio", "content": content, "format": "clip"}, is_kept=False)

    async def commit_audio(self) -> bool:
        """End the utterance, where turns are detected by hand; return whether the word has left."""
        return await self._control("", {"type": "audio_commit"}, is_kept=False)

    async def clear_audio(self) -> bool:
        """Throw the utterance away, where turns are detected by hand; return whether the word has left."""
        return await self._control("", {"type": "audio_clear"}, is_kept=False)

    async def report_playback(self, turn_id: str, played_ms: float) -> bool:
        """Say how much of a turn's sound was played; every 200 ms, and once when it stops.

        Args:
            turn_id: The turn.
            played_ms: Milliseconds from the start of its sound.
        """
        played = {"type": "playback", "turn_id": turn_id, "played_ms": max(0, round(played_ms))}
        return await self._control("", played, is_kept=False)

    async def end(self) -> None:
        """Say goodbye: the session ends, and so does `events`, after two seconds at most."""
        self._is_over.set()
        attachment = self._attachment
        overlap = self._overlap
        if overlap is not None and overlap.taken is not None:
            await overlap.taken.say_goodbye()
        elif overlap is not None:
            overlap.give_up()
        if attachment is not None:
            if self._talk.is_current:
                await attachment.say_goodbye()
            else:
                await attachment.close(close_codes.NORMAL)
        self._talk.resume.forget()

    async def close(self) -> None:
        """Leave without a goodbye: the session waits its window, to be taken up by `events` or `resume`."""
        self._is_leaving = True
        self._is_over.set()
        if self._overlap is not None:
            self._overlap.give_up()
        if self._attachment is not None:
            await self._attachment.close(close_codes.GOING_AWAY)

    def abandon_texts(self, cause: BaseException | None = None) -> None:
        """End all open texts with `session_lost`: nobody waits for them any more."""
        self._talk.texts.abandon(cause)

    # The connections

    async def events(self) -> AsyncGenerator[Event, None]:
        """Connect, and yield all that comes, each message of the talk once and in order.

        It ends after `end` or `close`. Leaving the iteration by another way says goodbye.

        Raises:
            ConnectError: There is no such server.
            GaveUpError: It is gone, or has no room, for too long.
            OpeningRefusedError: It does not open this session.
            UnauthorizedError: It wants another token; set it and iterate again.
            SessionClosedError: It does not want this client back.
        """
        now = asyncio.get_running_loop().time
        self._is_over.clear()
        self._is_leaving = False
        failures, met_at = 0, now()
        while True:
            loss = _Loss()
            async with aclosing(self._attached(loss)) as attached:
                async for event in attached:
                    yield event
            if self._is_over.is_set():
                return
            self._judge_close(loss)
            if loss.code in close_codes.WIRE_FAULTS:
                for lost in self._talk.texts.refused_on_wire(loss.code):
                    yield lost
            if self._has_lived(loss.code):
                failures, met_at = 0, now()
            delay_s = (self._talk.return_after_s or 0.0) + backoff_s(failures, self._chance())
            failures += 1
            if now() + delay_s - met_at > self._give_up_after_s:
                raise GaveUpError(self._give_up_after_s)
            yield ConnectionLost(loss.code, delay_s, loss.reason)
            if await self._is_over_within(delay_s):
                return

    async def _attached(self, loss: "_Loss") -> AsyncGenerator[Event, None]:
        """Yield what one connection brings; note how it was lost."""
        try:
            async with aclosing(self._exchange()) as exchange:
                async for event in exchange:
                    yield event
        except ConnectionClosed as closed:
            if closed.rcvd:
                loss.code, loss.reason = closed.rcvd.code, closed.rcvd.reason
        except MessageMissingError:
            loss.reason = "a message is missing"
        except (RefusedError, ReplacedByItselfError) as exc:
            loss.reason = str(exc)
        except (OSError, TimeoutError, WebSocketException, EOFError) as exc:
            self._judge_failure(exc)
            loss.reason = str(exc)

    async def _exchange(self) -> AsyncGenerator[Event, None]:
        """Yield what comes, over one connection and over those that take its place while it still lives."""
        self._talk.connecting()
        attachment, first = await Attachment.open(self._url), None
        while True:
            try:
                async with aclosing(self._held(attachment, first)) as held:
                    async for event in held:
                        yield event
            except (ConnectionClosed, TimeoutError, MessageMissingError) as ended:
                overlap, code = self._overlap, _code_of(ended)
                if overlap is None or self._is_over.is_set():
                    raise
                if not overlap.may_follow(code):
                    if code == close_codes.REPLACED and overlap.has_ever_asked:
                        raise ReplacedByItselfError from ended
                    raise
                attachment, first = await overlap.follows()
                self._talk.moved()
            finally:
                overlap, self._overlap = self._overlap, None
                if overlap is not None:
                    await overlap.aclose()

    async def _held(self, attachment: Attachment, first: str | bytes | None) -> AsyncGenerator[Event, None]:
        """Yield what one connection brings; `first` is what it has brought already."""
        self._attachment = attachment
        sending = asyncio.create_task(self._send_texts(attachment), name="voice agent texts")
        try:
            if not attachment.speaks_protocol:
                raise ConnectError(self._url, f"it does not speak {PROTOCOL}", is_protocol_missing=True)
            if first is None:
                await self._talk.open(attachment)
            else:
                for event in await self._talk.take(first, attachment):
                    yield event
            async with aclosing(attachment.frames(self._heartbeat_s)) as frames:
                async for frame in frames:
                    for event in await self._talk.take(frame, attachment):
                        self._look_for_another(event, attachment)
                        yield event
        except MessageMissingError:
            attachment.abort()
            raise
        finally:
            self._attachment = None
            self._talk.detached(goes_on=self._overlap is not None)
            sending.cancel()
            await asyncio.wait({sending})
            await attachment.close(close_codes.GOING_AWAY if self._is_leaving else close_codes.NORMAL)

    def _look_for_another(self, event: Event, attachment: Attachment) -> None:
        """Take the session elsewhere while this connection still lives: the server goes, and others serve."""
        is_asked = isinstance(event, GoingAway) and event.overlap and self._talk.is_current
        if is_asked and (self._overlap is None or self._overlap.has_given_up):
            self._overlap = Overlap(self._url, attachment, self._talk.resume_message, self._chance)

    def _heartbeat_s(self) -> float | None:
        return None if self._talk.opened_at is None else self._talk.resume.heartbeat_s

    async def _is_over_within(self, delay_s: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(delay_s):
                return await self._is_over.wait()
        return False

    async def _send_texts(self, attachment: Attachment) -> None:
        """Send what waits, in order, as far as the server has room and at a pace that it bears."""
        while True:
            self._talk.has_changed.clear()
            await self._send_ready_texts(attachment)
            if self._next_text() is None:
                await self._talk.has_changed.wait()
            else:
                await asyncio.sleep(self._pause_s())

    async def _send_ready_texts(self, attachment: Attachment) -> None:
        async with self._in_order:
            while self._pause_s() <= 0 and (said := self._next_text()) is not None:
                said.status, said.is_on_wire = "sent", True
                self._left_at.append(asyncio.get_running_loop().time())
                await attachment.send(said.message())

    def _next_text(self) -> Said | None:
        # A server that goes begins no turn any more.
        is_open = self._talk.is_current and self._talk.return_after_s is None
        return self._talk.texts.next_to_send() if is_open else None

    def _pause_s(self) -> float:
        """Return how long it is until another text may leave."""
        if len(self._left_at) < _TEXTS_PER_S:
            return 0.0
        return self._left_at[0] + 1 - asyncio.get_running_loop().time()

    async def _control(self, key: str, message: Message, *, is_kept: bool = True) -> bool:
        if self._attachment is not None:
            # What was said before leaves before.
            await self._send_ready_texts(self._attachment)
        return await self._talk.control(self._attachment, key, message, is_kept=is_kept)

    # When they end

    def _has_lived(self, code: int) -> bool:
        if self._talk.opened_at is None:
            return False
        lived_s = asyncio.get_running_loop().time() - self._talk.opened_at
        return not close_codes.is_fault(code) or lived_s >= _SHORT_LIFE_S

    def _judge_failure(self, exc: Exception) -> None:
        """Let a failure pass that a later attempt may mend; one before there was a session is told at once.

        Raises:
            ConnectError: It may not.
        """
        # A handshake that cannot be read is one that was cut.
        is_passing = not isinstance(exc, InvalidURI)
        reason = (exc.strerror if isinstance(exc, OSError) else None) or type(exc).__name__
        status = None
        if isinstance(exc, InvalidStatus):
            status = exc.response.status_code
            is_passing = status >= _SERVER_ERRORS or status == _TOO_MANY_REQUESTS
            reason = f"HTTP {status}"
        if not is_passing or not self._talk.has_met:
            raise ConnectError(self._url, reason, status=status) from exc

    def _judge_close(self, loss: "_Loss") -> None:
        """Let a close pass after which the client may come back.

        Raises:
            SessionClosedError: It may not.
        """
        if close_codes.may_return(loss.code):
            return
        if loss.code == close_codes.UNAUTHORIZED:
            raise UnauthorizedError(loss.code, loss.reason)
        if loss.code in (close_codes.NORMAL, close_codes.ENDED):
            self._talk.forget_session()
        raise SessionClosedError(loss.code, loss.reason)


@dataclass(slots=True)
class _Loss:
    """How a connection ended."""

    code: int = close_codes.DROPPED
    reason: str = ""


def _code_of(ended: Exception) -> int:
    """Return the close code of a connection that has ended; 1006 where there was none."""
    received = ended.rcvd if isinstance(ended, ConnectionClosed) else None
    return close_codes.DROPPED if received is None else received.code


def _words(content: str) -> str:
    """Return a text as a JSON message may carry it: a lone half of a surrogate pair is none.

    Raises:
        ValueError: It has no words.
    """
    if not content.strip():
        raise ValueError("a text needs words")
    return content.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _values_of(options: ClientOptions) -> SessionValues:
    names = SessionValues.__annotations__
    return cast(SessionValues, {name: value for name, value in options.items() if name in names})
