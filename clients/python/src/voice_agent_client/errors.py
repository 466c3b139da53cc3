"""Exceptions of this package; all of them are `VoiceAgentError`."""


class VoiceAgentError(Exception):
    """Base class of all that this package raises by itself."""


class ConnectError(VoiceAgentError):
    """No first connection can be made, or no later one ever will.

    Attributes:
        url: The server's address.
        reason: Why, in English.
        status: The HTTP status that came in place of the upgrade; None where none came.
        is_protocol_missing: Whether something answers there that does not speak `voice-agent.v2`.
    """

    def __init__(
        self, url: str, reason: str, *, status: int | None = None, is_protocol_missing: bool = False
    ) -> None:
        super().__init__(f"cannot connect to {url}: {reason}")
        self.url = url
        self.reason = reason
        self.status = status
        self.is_protocol_missing = is_protocol_missing


class GaveUpError(VoiceAgentError):
    """No session could be had for too long.

    Attributes:
        after_s: The limit, in seconds.
    """

    def __init__(self, after_s: float) -> None:
        super().__init__(f"no session for {after_s:g} s")
        self.after_s = after_s


class SessionClosedError(VoiceAgentError):
    """The server closed the connection with a code after which no client comes back by itself.

    Attributes:
        code: The WebSocket close code.
        reason: The server's words; empty where it gave none.
    """

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"closed by the server with {code}" + (f": {reason}" if reason else ""))
        self.code = code
        self.reason = reason


class UnauthorizedError(SessionClosedError):
    """The token is missing, not good, or has ended (4401).

    Session and texts are kept: set `ReconnectingClient.token` and iterate `events` again.
    """


class OpeningRefusedError(VoiceAgentError):
    """The server does not open the session that was asked for, such as one to `continue`.

    Attributes:
        code: The server's error code.
        content: The server's sentence for the user.
    """

    def __init__(self, code: str, content: str) -> None:
        super().__init__(f"{code}: {content}")
        self.code = code
        self.content = content


class TextError(VoiceAgentError):
    """A text has no receipt or no answer.

    Attributes:
        code: The server's error code, or one of this package: `refused_on_wire` (the server could not read
            it), `session_lost`, `ending_lost`, `turn_failed`.
        content: The server's sentence for the user; empty for this package's own codes.
        retryable: Whether the same may succeed later.
    """

    def __init__(self, code: str, content: str = "", *, retryable: bool = False) -> None:
        super().__init__(content or code)
        self.code = code
        self.content = content
        self.retryable = retryable
