"""What of a failing start can never work, however long it is waited for: then the server must not start.

All else (nobody there, too many connections, a server that starts, a full disk, a replica that may be
promoted) is waited for, and the talks go on without.
"""

import re
import ssl
from collections.abc import Callable

from asyncpg.exceptions import (  # pyright: ignore[reportMissingTypeStubs]
    ClientConfigurationError,
    InterfaceError,
)

from app.storage.errors import NeverWorks
from app.storage.failures import cause_of, sqlstate_of

_STATES = {
    "28P01": "the server refuses the password",
    "28000": "the server does not let this user in from here, or not like this",
    "3D000": "the server has no such database",
    "3F000": "the schema is not there: CREATE SCHEMA",
    "42501": "the user lacks a right: GRANT CONNECT on the database, CREATE on the schema, all on the tables",
    "42601": "the server cannot read what it is sent: look at options, or take PostgreSQL 13 or newer",
    "42704": "the server does not know a setting in options",
    "22023": "the server does not take a setting in options",
    "55P02": "a setting in options can only be set where the server is set up",
    "0A000": "the server cannot do what this server needs",
}

_POOLERS = re.compile(
    r"no such (database|user)|auth(entication)? failed|SSL required|login rejected"
    r"|not allowed in statement pooling|(tenant|user|project|endpoint).{0,20} not found"
    r"|bouncer config error|endpoint ID is not specified|unsupported startup parameter|no pg_hba\.conf entry",
    re.IGNORECASE,
)
"""A pooler says it in its own words, mostly as a protocol violation (08P01)."""

_POOLERS_STATES = ("08P01", "08003", "08006", "XX000")

_DRIVERS = re.compile(
    r"rejected SSL upgrade|unsupported (auth|SASL)|password|authentication method", re.IGNORECASE
)


def never_works(exc: BaseException, without_secrets: Callable[[str], str]) -> NeverWorks | None:
    """Return the one line for an operator; None where waiting may help.

    `without_secrets` takes a password out of the words of others.
    """
    what = _what(exc)
    if what is None:
        return None
    words = without_secrets(str(cause_of(exc)))[:300].rstrip(".") or type(cause_of(exc)).__name__
    return NeverWorks(f"DATABASE_URL: {what}: {words}.")


def _what(exc: BaseException) -> str | None:
    cause = cause_of(exc)
    state, words = sqlstate_of(exc), str(cause)
    if state:
        if state in _POOLERS_STATES:
            return "the server or its pooler refuses it" if _POOLERS.search(words) else None
        return _STATES.get(state)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return "the server's certificate is not trusted"
    if isinstance(cause, ConnectionError | InterfaceError) and _DRIVERS.search(words):
        return "the server does not take a connection like this"
    if isinstance(cause, ClientConfigurationError | TypeError | ValueError):
        return "it cannot be used"  # UnicodeError, of a host's name, is a ValueError
    return None
