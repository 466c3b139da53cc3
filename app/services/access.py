"""Who may do what: the tokens of `API_TOKENS` and of an identity provider, and what they open.

Without tokens the server is open to whoever reaches it; what changes or erases a talk is then kept to this
machine by the router.
"""

import hashlib
import hmac
import logging
from collections.abc import Callable

from app.clock import Clock
from app.errors import Unauthorized
from app.services.jwt_tokens import JwtTokens
from app.services.principal import Principal
from app.services.tickets import Tickets
from config.settings import Settings

logger = logging.getLogger(__name__)

Recheck = Callable[[], None]
"""Raises `Unauthorized` once what a connection came with is not good any more."""


class Access:
    """Knows the tokens; those of `API_TOKENS` as hashes.

    Attributes:
        is_exposed: No token is asked for, and more than this machine reaches the server.

    Raises:
        SettingsError: The identity provider's keys cannot be used.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._known = [
            (_hash(token.token.get_secret_value()), Principal(token.user_id, token.role))
            for token in settings.api_tokens
        ]
        has_provider = settings.jwt_key is not None or settings.jwt_jwks_file is not None
        self._jwt = JwtTokens(settings, clock) if has_provider else None
        self.tickets = Tickets(clock, settings.ticket_lifetime_s)
        self.is_exposed = False

    @property
    def is_open(self) -> bool:
        """Whether no token is asked for."""
        return not self._known and self._jwt is None

    def note_exposure(self) -> None:
        """The server can be reached from beyond this machine: without tokens, operators should know."""
        if self.is_open and not self.is_exposed:
            self.is_exposed = True
            logger.warning("open_to_the_network", extra={"advice": "set API_TOKENS or JWT_KEY"})

    def identify(self, token: str | None) -> Principal | None:
        """Whose token it is; None where none is asked for.

        Compares with all tokens, each in constant time, so that the time tells nothing (CWE-208).

        Raises:
            Unauthorized: A token is asked for, and this is none.
        """
        if self.is_open:
            return None
        given = _hash(token or "")
        found: Principal | None = None
        for known, principal in self._known:
            if hmac.compare_digest(known, given):
                found = principal
        if found is None and self._jwt is not None and token:
            found = self._jwt.identify(token)
        if found is None or not token:
            raise Unauthorized
        return found

    def admit(self, token: str | None) -> tuple[Principal | None, Recheck]:
        """Whose connection it is, by a token or a ticket (which is spent), and how to ask again later.

        Raises:
            Unauthorized: A token is asked for, and this is none.
        """
        ticket = self.tickets.redeem(token) if token else None
        kept = ticket.token if ticket is not None else token
        principal = self.identify(kept)

        def recheck() -> None:
            if self.identify(kept) != principal:
                raise Unauthorized  # the same token, and other rights: it begins anew

        return principal, recheck


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
