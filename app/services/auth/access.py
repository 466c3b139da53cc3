"""Who may do what: the tokens of `API_TOKENS` and of an identity provider, and what they open.

Without tokens the server is open to whoever reaches it; what changes or erases a talk is then kept to this
machine by the router.
"""

import asyncio
import hashlib
import hmac
import logging
from collections.abc import Callable

from app.clock import Clock
from app.errors import Unauthorized
from app.services.auth.addresses import Networks
from app.services.auth.grants import AccessGrant
from app.services.auth.jwt_tokens import LOOK_AGAIN_S, JwtTokens
from app.services.auth.principal import Principal
from app.services.auth.tickets import Tickets
from app.services.limits.address_conduct import Conducts
from config.access_settings import AccessSettings

logger = logging.getLogger(__name__)

_LOOKED_AT_ONCE = 20
"""Leases that are looked at before others have their turn: each may have a signature to verify."""


class Access:
    """Knows the tokens; those of `API_TOKENS` as hashes.

    Attributes:
        conducts: What addresses did lately.
        is_exposed: No token is asked for, and more than this machine reaches the server.

    Raises:
        SettingsError: The identity provider's keys cannot be used.
    """

    def __init__(self, settings: AccessSettings, clock: Clock) -> None:
        self._known = [
            (_hash(token.token.get_secret_value()), Principal(token.user_id, token.role))
            for token in settings.api_tokens
        ]
        has_provider = settings.jwt_key is not None or settings.jwt_jwks_file is not None
        self._jwt = JwtTokens(settings, clock) if has_provider else None
        self.tickets = Tickets(clock, settings.ticket_lifetime_s)
        self._ticket_lifetime_s = settings.ticket_lifetime_s
        self.conducts = Conducts(clock, Networks(settings.trusted_proxies))
        self.is_exposed = False
        self._leases: set[AccessGrant] = set()

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

    def accepts(self, token: str | None) -> bool:
        """Return whether tokens are asked for, and this is a good one, or a ticket; which is not spent."""
        if self.is_open or not token:
            return False
        if self.tickets.holds(token):
            return True
        try:
            self.identify(token)
        except Unauthorized:
            return False
        return True

    def admit(self, token: str | None) -> tuple[Principal | None, AccessGrant]:
        """Whose connection it is, by a token or a ticket (which is spent), and how long it may hear.

        Raises:
            Unauthorized: A token is asked for, and this is none.
        """
        ticket = self.tickets.redeem(token) if token else None
        kept = ticket.token if ticket is not None else token
        principal = self.identify(kept)

        def check() -> None:
            if self.identify(kept) != principal:
                raise Unauthorized  # the same token, and other rights: it begins anew

        def left_s() -> float | None:
            return self._jwt.left_s(kept) if self._jwt is not None and kept else None

        return principal, AccessGrant(check, left_s, kept)

    def ticket_left_s(self, token: str | None) -> float:
        """Return for how many seconds a ticket is good that is got with this token now."""
        left_s = self._jwt.left_s(token) if self._jwt is not None and token else None
        return self._ticket_lifetime_s if left_s is None else max(0.0, min(self._ticket_lifetime_s, left_s))

    def admit_vouched(self, user_id: str) -> tuple[Principal, AccessGrant]:
        """Let in a user whom a wire has made sure of by itself, as a telephone company's call."""
        return Principal(user_id, "user"), AccessGrant(_always_good, _without_end)

    def begin(self, lease: AccessGrant, on_over: Callable[[], None]) -> None:
        """Call `on_over` in the moment in which the lease's token ends, or its key is taken out."""
        if self.is_open:
            return
        self._leases.add(lease)
        lease.start(on_over)

    def end(self, lease: AccessGrant) -> None:
        """Forget a lease: its connection has ended."""
        lease.stop()
        self._leases.discard(lease)

    async def follow_keys(self) -> None:
        """Look at the identity provider's file of keys, for as long as the server runs.

        A key that is taken out ends what its tokens opened, within a second or two, without a word of theirs.
        """
        if self._jwt is None or not self._jwt.has_file:
            return
        known = self._jwt.keys_version
        while True:
            await asyncio.sleep(LOOK_AGAIN_S)
            try:
                newest = self._jwt.look_at_file()
            except Exception:
                # Nobody else would begin this again, and the file may be mended.
                logger.exception("internal")
                continue
            if newest != known:
                known = newest
                await self._look_at_leases()

    async def _look_at_leases(self) -> None:
        for number, lease in enumerate(list(self._leases), 1):
            try:
                lease.look()
            except Exception:
                # A bug in the end of one connection: the others end all the same.
                logger.exception("internal")
            if number % _LOOKED_AT_ONCE == 0:
                await asyncio.sleep(0)


def _always_good() -> None:
    """Nothing that it came with can end."""


def _without_end() -> None:
    return None


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
