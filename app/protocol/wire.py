"""What a wire protocol is: how frames become commands, and how events become frames.

Each is a package beside this module, and a line in `wires.py`. The rest of the server knows commands and
events alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from app.errors import Locale
from app.protocol.asking import ApprovalWays
from app.protocol.commands import Command
from app.protocol.events import AudioTerms, Event


class FrameLimits(NamedTuple):
    """What a frame may weigh, in bytes: any, and one that carries sound."""

    max_bytes: int
    max_audio_bytes: int


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame that a client sent, read as far as it takes to know what it counts as.

    Attributes:
        commands: Returns what it asks for; raises `AgentError` where that is nothing that can be done.
        sound_bytes: It carries so many bytes of the sound that was agreed on: it is bounded by how long that
            lasts. None: it is a message like others.
        is_periodic: Clients send it by the clock, not by their user's hand: only a burst of them is a flood.
        needs_token: Where tokens are asked for, only who has a good one may send it.
        client_id: The client's own id of it, under which it is told that it was refused.
    """

    commands: Callable[[], Sequence[Command]]
    sound_bytes: int | None = None
    is_periodic: bool = False
    needs_token: bool = True
    client_id: str | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """Make a session, or continue an own earlier one as a new stream.

    Attributes:
        continues: The id of the earlier one.
        frame: What of the first frame is to be done once there is a session.
    """

    user_id: str
    locale: Locale | None = None
    voice: str | None = None
    audio: AudioTerms | None = None
    continues: str | None = None
    frame: Frame | None = None


@dataclass(frozen=True, slots=True)
class Resume:
    """Take a session up again after a drop; `last_seq` is the last number that the client has seen.

    `overlaps`: the client reads its older connection to the end, and has what was sent there.
    """

    session_id: str
    resume_token: str
    last_seq: int
    overlaps: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer with an event, and go on waiting for the frame that begins a session."""

    event: Event


@dataclass(frozen=True, slots=True)
class Opening:
    """How a connection begins.

    Attributes:
        read: Returns what it asks for; raises `AgentError`.
        token: Of the user, where the frame brings one.
        locale: The language that errors are told in.
        is_resume: It takes a session up again, and so begins none.
        vouched_user: Whose it is, where the wire has made sure of that by itself: no token is asked for.
    """

    read: Callable[[], Start | Resume | Reply]
    token: str | None = None
    locale: Locale | None = None
    is_resume: bool = False
    vouched_user: str | None = None


class WireProtocol(Protocol):
    """One way of talking with clients over a connection. One that has state is made anew for each.

    Attributes:
        name: Its WebSocket subprotocol; the store knows sessions by it.
        is_replayable: Sessions outlive their connections: messages are numbered and kept, for clients that
            come back. Else a session ends with its connection.
        approvals: How users answer what waits for their approval, beside a frame that says so.
        is_personal: The agent may greet first, and takes the language of the user's profile.
    """

    name: str
    is_replayable: bool
    approvals: ApprovalWays
    is_personal: bool

    def open(self, first: str | bytes | None, limits: FrameLimits) -> Opening | None:
        """Return how the connection begins, or None where another frame is needed.

        Args:
            first: A frame that came while there is no session; None: nothing has come yet.
            limits: What it may weigh.

        Raises:
            AgentError: The frame cannot be read.
        """
        ...

    def read(self, raw: str | bytes, limits: FrameLimits) -> Frame:
        """Read a frame of a session.

        Raises:
            AgentError: It cannot be read.
        """
        ...

    def is_numbered(self, event: Event) -> bool:
        """Return whether the event is kept for clients that come back; it is one frame then."""
        ...

    def encode(self, event: Event, locale: Locale, seq: int | None) -> Sequence[str | bytes]:
        """Return the frames that tell the client of an event; none where it learns nothing of it.

        Args:
            event: What happened.
            locale: The language of sentences for people.
            seq: Its number; None where it has none.
        """
        ...
