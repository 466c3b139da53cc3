"""A PostgreSQL address, read as libpq reads it: what hosts of databases hand out must work as it is.

Its values may be secrets, so no error shows one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from app.storage.postgres_parameters import Parameters, parameters_of, port_number
from app.storage.service_file import service_parameters

_QUOTED = "; in a user's name or password, / : @ ? # % are written as %2F %3A %40 %3F %23 %25"
_NO_HOST = frozenset(" \t\r\n@\"'<>\\^`{|}#?")


_SECRETS = ("password", "sslpassword")


@dataclass(frozen=True, slots=True)
class PostgresAddress:
    """A database of a server.

    Attributes:
        hosts: Names, addresses, or folders of Unix sockets; none means those that PostgreSQL's programs try.
        ports: One for each host.
        user, password, database: None: what PostgreSQL's own programs take (`PGUSER`, `PGPASSWORD`, ...).
        parameters: What else the address says.
    """

    hosts: tuple[str, ...]
    ports: tuple[int, ...]
    user: str | None
    password: str | None = field(repr=False)
    database: str | None
    parameters: Parameters

    @property
    def left_out(self) -> tuple[str, ...]:
        """Parameters that change nothing here."""
        return self.parameters.left_out

    def without_secrets(self, text: str) -> str:
        """Return the text in one line and without the password, should somebody's error message show it."""
        line = " ".join(text.split())
        secrets = (self.password, self.parameters.tls.get("sslpassword"))
        for secret in filter(None, secrets):
            line = line.replace(secret, "***")
        return line


def postgres_address(rest: str) -> PostgresAddress:
    """Return the database that is meant by what stands behind `postgresql://`.

    Raises:
        ValueError: It cannot be read, or can never work.
    """
    authority, path, query = _parts(rest)
    credentials, has_credentials, hosts = authority.rpartition("@")
    # A password that is cut short by a character of its own must not be taken for a host, and shown as one.
    if "@" in path or (not has_credentials and "@" in query and "user=" not in query):
        raise ValueError("cannot be read" + _QUOTED)
    given = dict(_hosts_and_ports(hosts))
    user, _, password = credentials.partition(":")
    given |= {"user": _decoded(user), "password": _decoded(password), "dbname": _decoded(path)}
    given = {name: value for name, value in given.items() if value}
    behind_secret = _names_behind_secret(query)
    given |= _query(query)
    if service := given.pop("service", ""):
        given = service_parameters(service, given.pop("servicefile", "")) | given
    return _address(given, behind_secret)


def _address(given: dict[str, str], behind_secret: frozenset[str]) -> PostgresAddress:
    """Return the address that named parameters make."""
    host = given.pop("host", "")
    address = given.pop("hostaddr", "")
    if address and given.get("sslmode") == "verify-full":
        raise ValueError(
            "has the parameter hostaddr, with which verify-full cannot check a name: leave it out"
        )
    hosts, ports = _addressed((address or host).split(","), given.pop("port", "").split(","))
    return PostgresAddress(
        hosts,
        ports,
        given.pop("user", None),
        given.pop("password", None),
        given.pop("dbname", None) or given.pop("database", None),
        parameters_of(given, has_several_hosts=len(hosts) > 1, behind_secret=behind_secret),
    )


def _parts(rest: str) -> tuple[str, str, str]:
    """Authority, path and query. A `?` in a password that is not encoded belongs to the password."""
    authority, slash, path = rest.partition("/")
    asked_at = authority.find("?")
    if not re.match(r"[^:@]*\?\w+=", authority):
        asked_at = authority.find("?", authority.find("@") + 1)
    if asked_at >= 0:
        return authority[:asked_at], "", authority[asked_at + 1 :] + slash + path
    path, _, query = path.partition("?")
    return authority, path, query


def _hosts_and_ports(hosts: str) -> Iterator[tuple[str, str]]:
    """`host` and `port` as parameters, each a list with commas."""
    names: list[str] = []
    ports: list[str] = []
    for each in hosts.split(","):
        if each.startswith("["):
            name, bracket, port = each[1:].partition("]")
            is_readable = bool(bracket) and (not port or port.startswith(":"))
            port = port[1:]
        else:
            name, _, port = each.partition(":")
            is_readable = ":" not in port
        if not is_readable or _NO_HOST & set(each):
            raise ValueError("has a host that cannot be read" + _QUOTED)
        names.append(_decoded(name))
        ports.append(port)
        if port:
            _port(port)
    yield "host", ",".join(names) if any(names) else ""
    yield "port", ",".join(ports) if any(ports) else ""


def _addressed(hosts: list[str], ports: list[str]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Hosts with their ports. One port is for all of them; a host of its own query may bring one."""
    split = [_with_port(host) for host in hosts]
    if len(ports) == 1:
        ports = ports * len(hosts)
    if len(ports) != len(hosts):
        raise ValueError("has another number of ports than of hosts")
    numbers = tuple(_port(own or port) for (_, own), port in zip(split, ports, strict=True))
    names = tuple(name for name, _ in split)
    if not any(names):
        return (), numbers[:1]
    return tuple(name or "localhost" for name in names), numbers


def _with_port(host: str) -> tuple[str, str]:
    name, colon, port = host.rpartition(":")
    if colon and port.isdecimal() and name and ":" not in name and not name.startswith("/"):
        return name, port
    return host, ""


def _port(text: str) -> int:
    """Return a port; 0 means the usual one, or `PGPORT`."""
    return 0 if not text else port_number(text, _QUOTED)


def _query(query: str) -> dict[str, str]:
    """Return the parameters, the last of each name; hosts that stand one by one are a list."""
    found: dict[str, str] = {}
    for part in filter(None, query.split("&")):
        name, equals, value = part.partition("=")
        if not equals or not name:
            raise ValueError("has a parameter without a value" + _QUOTED)
        name = _decoded(name).strip()
        value = _decoded(value.replace("+", " ") if name == "options" else value)
        if not value:
            continue
        if name == "host" and "host" in found:
            value = f"{found['host']},{value}"
        found[name] = value
    return found


def _names_behind_secret(query: str) -> frozenset[str]:
    """Names that may be the rest of a password: an `&` in it that is not encoded ends the parameter."""
    names = [_decoded(part.partition("=")[0]).strip().lower() for part in query.split("&")]
    secret_at = next((at for at, name in enumerate(names) if name in _SECRETS), len(names))
    return frozenset(names[secret_at + 1 :])


def _decoded(text: str) -> str:
    try:
        decoded = unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise ValueError("has %-encoded characters that are no UTF-8") from None
    if "\0" in decoded:
        raise ValueError("has a character that cannot be sent: %00")
    return decoded
