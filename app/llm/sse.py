"""Splits a stream of bytes into server-sent events.

Follows the event-stream grammar of the HTML standard: lines end in LF, CRLF or CR, a byte-order mark may open
the stream, lines that begin with a colon are comments, an event ends at an empty line. It works on bytes, so
that a character cut in two by the network is whole again before anybody decodes it.
"""

MAX_LINE_BYTES = 1024 * 1024
"""No token of a model needs a longer line; a peer that sends one is broken or hostile."""

SseEvent = tuple[bytes, bytes]
"""The event's name (empty where it has none) and its data."""

_BOM = b"\xef\xbb\xbf"


class SseSplitter:
    """Holds what has arrived of an event that is not yet whole.

    Attributes:
        is_overlong: A line or an event is over the limit. Nothing more comes out.
    """

    def __init__(self, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self.is_overlong = False
        self._limit = max_line_bytes
        self._line = bytearray()
        self._name = b""
        self._data: list[bytes] = []
        self._data_bytes = 0
        self._is_at_start = True
        self._last_was_cr = False

    def feed(self, chunk: bytes) -> list[SseEvent]:
        """Takes the next bytes; returns the events that they complete. A chunk may be cut anywhere."""
        if self._last_was_cr or b"\r" in chunk:
            chunk = self._with_plain_line_ends(chunk)
        # Looking for a line's end in the new bytes only keeps a peer that drips one byte at a time cheap.
        if b"\n" not in chunk:
            self._line += chunk
            if len(self._line) > self._limit:
                self._give_up()
            return []
        lines = chunk.split(b"\n")
        if self._line:
            lines[0] = bytes(self._line) + lines[0]
        self._line = bytearray(lines.pop())
        return self._events(lines)

    def finish(self) -> list[SseEvent]:
        """Returns the last event if only its closing empty line is missing; half a line is dropped."""
        events: list[SseEvent] = []
        self._dispatch(events)
        return events

    def _with_plain_line_ends(self, chunk: bytes) -> bytes:
        if self._last_was_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
            self._last_was_cr = False
        if chunk:
            self._last_was_cr = chunk.endswith(b"\r")
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _events(self, lines: list[bytes]) -> list[SseEvent]:
        events: list[SseEvent] = []
        if self._is_at_start:
            self._is_at_start = False
            lines[0] = lines[0].removeprefix(_BOM)
        for line in lines:
            if len(line) > self._limit:
                self._give_up()
            if self.is_overlong:
                break
            if line:
                self._take_line(line)
            elif self._data or self._name:
                self._dispatch(events)
        if len(self._line) > self._limit:
            self._give_up()
        return events

    def _take_line(self, line: bytes) -> None:
        if line.startswith(b"data:"):
            value = line[6:] if line[5:6] == b" " else line[5:]
            self._data.append(value)
            self._data_bytes += len(value)
            if self._data_bytes > self._limit:
                self._give_up()
        elif line.startswith(b"event:"):
            self._name = line[6:].removeprefix(b" ")
        elif line == b"data":
            self._data.append(b"")

    def _dispatch(self, events: list[SseEvent]) -> None:
        # An event without data is none, by the grammar; its name goes with it.
        if self._data:
            data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
            events.append((self._name, data))
            self._data = []
            self._data_bytes = 0
        self._name = b""

    def _give_up(self) -> None:
        self.is_overlong = True
        self._line.clear()
        self._data = []
