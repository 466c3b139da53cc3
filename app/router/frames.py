"""RFC 6455 frames, read a few at a time, and no more of them than a client may send."""

from collections.abc import Callable, Generator
from typing import Any, Final

from websockets.exceptions import ProtocolError
from websockets.frames import PING, PONG, Frame
from websockets.protocol import OPEN
from websockets.server import ServerProtocol
from websockets.streams import StreamReader

from app.services.limits.rates import Burst

FRAMES_A_TURN: Final = 20
"""Frames that are read before others have their turn; a whole message ends the turn."""

POLICY: Final = 1008

MOST_HOLLOW: Final = 20_000
"""Fragments with nothing in them that one message may have; others are bounded by the message's size."""


class PacedReader(StreamReader):
    """Bytes that came, and how many frames of them may be read.

    Attributes:
        frames: Frames that may still be read in this turn.
        is_between: No frame has been begun.
        wanted: Bytes that the frame's next part has.
    """

    def __init__(self) -> None:
        super().__init__()
        self.frames = 0
        self.is_between = True
        self.wanted = 0

    def at_eof(self) -> Generator[None, None, bool]:
        """Wait for the next frame; also where it is there, and the turn is over.

        Returns:
            Whether nothing more comes.
        """
        while True:
            if self.buffer:
                if self.frames > 0:
                    self.frames -= 1
                    self.is_between = False
                    return False
            elif self.eof:
                return True
            self.is_between = True
            yield

    def read_exact(self, n: int) -> Generator[None, None, bytearray]:
        """Read so many bytes, and wait for them."""
        self.wanted = n
        return super().read_exact(n)

    @property
    def has_more(self) -> bool:
        """Whether a frame waits for the next turn."""
        return self.is_between and bool(self.buffer)


class PacedFrames(ServerProtocol):
    """The frames of one connection, with what it may send.

    Args:
        controls: How many pings and pongs may come in a second.
        now: The moment at which what is read came, in seconds.
        may_answer: Whether the peer reads; where not, its pings are not answered.
    """

    reader: PacedReader

    def __init__(
        self, controls: Burst, now: Callable[[], float], may_answer: Callable[[], bool], **options: Any
    ) -> None:
        super().__init__(**options)
        self._controls = controls
        self._now = now
        self._may_answer = may_answer
        self._hollow = 0
        self.reader = PacedReader()
        self.parser = self.parse()
        next(self.parser)

    @property
    def unfinished_bytes(self) -> int:
        """What the message that has been begun weighs, as far as its frames say."""
        reader = self.reader
        return (self.current_size or 0) + (0 if reader.is_between else max(reader.wanted, len(reader.buffer)))

    @property
    def is_unfinished(self) -> bool:
        """Whether a message, or a frame, has been begun and not ended."""
        return not self.reader.is_between or self.current_size is not None

    def recv_frame(self, frame: Frame) -> None:
        """Take a frame, if it is not one too many."""
        is_control = frame.opcode is PING or frame.opcode is PONG
        if (is_control or self.state is not OPEN) and self._controls.is_over(self._now()):
            self.refuse(POLICY, "too many frames")
            return
        if frame.opcode is PING and not self._may_answer():
            return  # the peer does not read: its answers would pile up here
        super().recv_frame(frame)
        if not frame.fin:
            self._count_hollow(frame)
        elif not is_control:
            self.reader.frames = self._hollow = 0

    def _count_hollow(self, frame: Frame) -> None:
        self._hollow += not frame.data
        if self._hollow > MOST_HOLLOW:
            self.refuse(POLICY, "too many empty fragments")

    def forget(self) -> None:
        """Let go of what was read. The objects refer to each other, and stay until garbage is collected."""
        self.parser.close()
        self.reader.buffer.clear()
        self.events.clear()

    def refuse(self, code: int, reason: str) -> None:
        """Close, and read nothing more."""
        self.reader.buffer.clear()
        self.fail(code, reason)
        self.parser_exc = ProtocolError(reason)
