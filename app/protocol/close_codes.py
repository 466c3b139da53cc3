"""Why the server closes a connection: the codes, and whether the client may come back by itself."""

from enum import IntEnum


class CloseCode(IntEnum):
    """WebSocket close codes that this server sends (RFC 6455 7.4; 44xx as graphql-transport-ws has them)."""

    NORMAL = 1000
    GOING_AWAY = 1001
    POLICY = 1008
    """The client keeps breaking a limit. It must not come back by itself."""
    INTERNAL = 1011
    """A fault of ours. Coming back helps."""
    RESTART = 1012
    TRY_LATER = 1013
    """No room, or the client reads too slowly. Coming back later helps."""
    UNAUTHORIZED = 4401
    """The token is missing or not good. It must not come back by itself."""
    REPLACED = 4409
    """A newer connection has taken the session over. It must not come back by itself."""
    ENDED = 4410
    """The session was ended or erased. It must not come back by itself."""
    NO_FIRST_MESSAGE = 4408
    """Nothing was said after connecting. It must not come back by itself."""
