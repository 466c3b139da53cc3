"""Opens connections to PostgreSQL, directly or through a pooler.

A pooler that lends a server connection for each transaction (PgBouncer in its mode `transaction`, and those
that are made like it) keeps nothing between two transactions: no named statement, no session setting, no
lock. Behind a pooler statements have no names and are parsed where they run, and what is to be set is set in
each transaction.
"""

import logging
import re
import secrets
import ssl
from collections.abc import Awaitable, Callable, Mapping
from itertools import count
from typing import Any, cast
from urllib.parse import urlencode

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
from asyncpg.exceptions import InterfaceError, PostgresError  # pyright: ignore[reportMissingTypeStubs]
from sqlalchemy import Connection, event, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import await_only

from app.storage.postgres_address import PostgresAddress

logger = logging.getLogger(__name__)

_Opened = Callable[[], Awaitable[Any]]

_connect = cast("Callable[..., Awaitable[Any]]", asyncpg.connect)  # pyright: ignore[reportUnknownMemberType]

UNTRANSLATED = (PostgresError, InterfaceError)
"""The driver's own exceptions, which SQLAlchemy does not translate where there is no connection yet."""

CONNECT_TIMEOUT_S = 5
COMMAND_TIMEOUT_S = 10
"""A server that does not answer within it has gone: the connection is given up for a new one."""

_NOT_SUPPORTED = re.compile(r"unsupported startup parameter( in options)?: (\S+)")

_WITHOUT_NAMES: Mapping[str, Any] = {
    "prepared_statement_cache_size": 0,
    "prepared_statement_name_func": lambda: "",
}

_OWN = secrets.token_hex(8)
_numbers = count(1)

_WITH_NAMES: Mapping[str, Any] = {
    # Nobody else has these: not even by mistake is another's statement run.
    "prepared_statement_name_func": lambda: f"voice_agent_{_OWN}_{next(_numbers)}",
}

_SET = text("SELECT set_config(:name, :value, true)")


class Connector:
    """Makes engines whose connections lead to one address.

    Args:
        address: Where the database is.
    """

    def __init__(self, address: PostgresAddress) -> None:
        self._address = address
        self._arguments = _arguments(address)
        self._startup = {"application_name": address.parameters.application_name}
        if address.parameters.startup_options:
            self._startup["options"] = address.parameters.startup_options

    def engine(self, *, command_timeout_s: float | None = COMMAND_TIMEOUT_S, **pool: Any) -> AsyncEngine:
        """Return an engine; it connects when it is first asked. `pool` goes to SQLAlchemy."""
        engine = create_async_engine("postgresql+asyncpg://", **pool)

        def connect(dialect: Any, record: Any, arguments: Any, options: dict[str, Any]) -> Any:
            opened, is_lent = await_only(self._connection(command_timeout_s))
            names = _WITHOUT_NAMES if is_lent else _WITH_NAMES
            return dialect.connect(async_creator_fn=opened, **names, **options)

        event.listen(engine.sync_engine, "do_connect", connect)
        if self._address.parameters.settings:
            event.listen(engine.sync_engine, "begin", self._set)
        return engine

    async def _connection(self, command_timeout_s: float | None) -> tuple[_Opened, bool]:
        """Return what gives the open connection, and whether a pooler lends it."""
        while True:
            try:
                opened = await _connect(
                    **self._arguments, command_timeout=command_timeout_s, server_settings=dict(self._startup)
                )
                break
            except PostgresError as exc:
                self._leave_out_or_raise(exc)
        try:
            # A pooler tells its own number at the beginning, for a connection that is its client's.
            is_lent = await opened.fetchval("SELECT pg_backend_pid()") != opened.get_server_pid()
        except BaseException:
            opened.terminate()
            raise

        async def give() -> Any:
            return opened

        return give, is_lent

    def _leave_out_or_raise(self, exc: Exception) -> None:
        """A pooler refuses parameters that it does not know: those that can be left out are."""
        match = _NOT_SUPPORTED.search(str(exc))
        name = "" if match is None else "options" if match[1] else match[2]
        if self._startup.pop(name, None) is None:
            raise exc
        logger.warning("database_parameter_refused", extra={"parameter": name})

    def _set(self, connection: Connection) -> None:
        # In each transaction: a setting of the session stays with a server connection that another may get.
        for name, value in self._address.parameters.settings.items():
            connection.execute(_SET, {"name": name, "value": value})


def _arguments(address: PostgresAddress) -> Mapping[str, Any]:
    """Return what the driver is told of an address."""
    parameters = address.parameters
    arguments: dict[str, Any] = {
        "host": list(address.hosts) or None,
        "port": _ports(address),
        "user": address.user,
        "password": address.password,
        "database": address.database,
        "timeout": parameters.connect_timeout_s or CONNECT_TIMEOUT_S,
        "target_session_attrs": parameters.target_session_attrs,
        "statement_cache_size": 0,
        **parameters.drivers_own,
    }
    if parameters.tls.get("sslrootcert") == "system":
        arguments["ssl"] = _system_trust(parameters.tls)
    elif parameters.tls:
        # The driver takes certificates from an address alone.
        arguments["dsn"] = f"postgresql://?{urlencode(parameters.tls)}"
    return arguments


def _ports(address: PostgresAddress) -> list[int] | int | None:
    """Ports for the driver; one that is not written is its usual one."""
    if not any(address.ports):
        return None
    if not address.hosts:
        return address.ports[0]
    return [port or 5432 for port in address.ports]


def _system_trust(tls: Mapping[str, str]) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if "sslcert" in tls:
        context.load_cert_chain(tls["sslcert"], tls.get("sslkey"), lambda: tls.get("sslpassword", ""))
    return context
