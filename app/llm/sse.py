"""Splits a stream of bytes into server-sent events.

Follows the event-stream grammar of the HTML standard: lines end in LF, CRLF or CR, a byte-order mark may open
the stream, lines that begin with a colon are comments, an event ends at an empty line. It works on bytes, so
that a character cut in two by the network is whole again before anybody decodes it.

Services are careless with that grammar, and where it would have their bytes ignored they are read all the
same: no empty line between events, none behind the last one, JSON without the field's name before it, blanks
or a mark before that.
"""

MAX_LINE_BYTES = 1024 * 1024
"""No token of a model needs a longer line; a peer that sends one is broken or hostile."""

SseEvent = tuple[bytes, bytes]
"""The event's name (empty where it has none) and its data."""

_BOM = b"\xef\xbb\xbf"
_BLANKS = b"\xef\xbb\xbf \t"
_ENDS = (b"}", b"]")
"""With what JSON ends that is an event."""


class SseSplitter:
    """Holds what has arrived of an event that is not yet whole.

    Attributes:
        is_overlong: A line or an event is over the limit. Nothing more comes out.
        has_bare_json: JSON without the field's name before it has come: maybe no stream at all.
    """

    def __init__(self, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self.is_overlong = False
        self.has_bare_json = False
        self._limit = max_line_bytes
        self._line = bytearray()
        self._name = b""
        self._data: list[bytes] = []
        self._data_bytes = 0
        self._is_at_start = True
        self._is_bare = False
        self._last_was_cr = False

    def feed(self, chunk: bytes) -> list[SseEvent]:
        """Take the next bytes; return the events that they complete. A chunk may be cut anywhere."""
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
        """Return the last event if only its line ends are missing; what does not end as JSON is dropped."""
        last, self._line = bytes(self._line), bytearray()
        events = self._events([last]) if last.rstrip().endswith(_ENDS) else []
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
                self._take_line(line, events)
            elif self._data or self._name:
                self._dispatch(events)
        if len(self._line) > self._limit:
            self._give_up()
        return events

    def _take_line(self, line: bytes, events: list[SseEvent]) -> None:
        if line.startswith(b"data:"):
            self._take_data(line[6:] if line[5:6] == b" " else line[5:], events)
        elif line.startswith(b"event:"):
            self._name = line[6:].removeprefix(b" ")
        elif line == b"data":
            self._data.append(b"")
        elif not line.startswith(b":"):
            self._take_odd_line(line.lstrip(_BLANKS), events)

    def _take_data(self, value: bytes, events: list[SseEvent]) -> None:
        # A brace that opens right behind one that closes is in no JSON: the empty line between is missing.
        if self._data and self._data[-1].rstrip().endswith(_ENDS) and value.startswith((b"{", b"[DONE]")):
            self._dispatch(events)
        self._data.append(value)
        self._data_bytes += len(value)
        if self._data_bytes > self._limit:
            self._give_up()

    def _take_odd_line(self, line: bytes, events: list[SseEvent]) -> None:
        """Read a line that means nothing by the grammar: JSON in one line, or in many."""
        if line[:5].lower() == b"data:":
            self._take_data(line[5:].lstrip(), events)
        elif self._is_bare or (line.startswith((b"{", b"[")) and not any(self._data)):
            is_whole = not self._is_bare and line.rstrip().endswith(_ENDS)
            self._is_bare = self.has_bare_json = True
            self._take_data(line, events)
            if is_whole:
                self._dispatch(events)

    def _dispatch(self, events: list[SseEvent]) -> None:
        # An event without data is none, by the grammar; its name goes with it.
        if self._data:
            data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
            events.append((self._name, data))
            self._data = []
            self._data_bytes = 0
        self._is_bare = False
        self._name = b""

    def _give_up(self) -> None:
        self.is_overlong = True
        self._line.clear()
        self._data = []
