"""What the parameters of a PostgreSQL address mean here: read, left out, or refused.

Those of libpq are read where they decide whom we talk to and how safely. What concerns others' pools and
caches, or the network's fine tuning, is left out. What would be another database, or less safety than was
asked for, is refused: then the server must not start.
"""

import difflib
import re
import ssl
from dataclasses import dataclass, field

APPLICATION_NAME = "voice-agent"

_TLS_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
_TLS = (
    "sslmode",
    "sslnegotiation",
    *_TLS_FILES,
    "sslpassword",
    "ssl_min_protocol_version",
    "ssl_max_protocol_version",
)
_DRIVERS_OWN = ("passfile", "krbsrvname", "gsslib")
_READ = (
    *_TLS,
    *_DRIVERS_OWN,
    "ssl",
    "requiressl",
    "application_name",
    "fallback_application_name",
    "connect_timeout",
    "options",
    "search_path",
    "schema",
    "target_session_attrs",
)

_HARMLESS = frozenset(
    # libpq's
    """channel_binding client_encoding keepalives keepalives_idle keepalives_interval keepalives_count
    tcp_user_timeout load_balance_hosts gssencmode gssdelegation sslcompression sslsni sslcertmode
    sslkeylogfile min_protocol_version max_protocol_version replication require_auth authtype tty
    tcp_keepalives_idle tcp_keepalives_interval tcp_keepalives_count servicefile hostaddr
    """
    # of other clients, their windows and their pools
    """statuscolor enviroment useprivatekey safemodelevel advancedsafemodelevel driverversion lazyload
    pgbouncer connection_limit pool_timeout socket_timeout single_use_connections sslaccept sslidentity
    statement_cache_size prepared_statement_cache_size prepared_statement_name_func prepared_statements
    preparethreshold preparedstatementcachequeries binary_parameters default_query_exec_mode
    statement_cache_capacity description_cache_capacity pool pool_size pool_mode pool_recycle pool_pre_ping
    pool_max_conns pool_min_conns max_overflow max_conns min_conns command_timeout async_fallback supa
    workaround
    tcpkeepalive logintimeout sockettimeout rewritebatchedinserts loadbalancehosts conn_max_age
    conn_max_lifetime pool_max_conn_lifetime pool_max_conn_idle_time encoding timezone uselibpqcompat
    """.split()
)
"""Left out, whatever they say (but see `_NEVER`)."""

_ALIASES = {
    "currentschema": "search_path",
    "applicationname": "application_name",
    "connecttimeout": "connect_timeout",
    "timeout": "connect_timeout",
    "targetservertype": "target_session_attrs",
}

_NEVER = {
    "gssencmode": ("require", "connections cannot be encrypted by GSSAPI"),
    "replication": (None, "a replication connection has no tables"),
    "require_auth": (None, "the kind of sign-in cannot be chosen"),
    "requirepeer": (None, "the server's user cannot be checked"),
    "sslcrldir": (None, "revoked certificates are read from one file, sslcrl"),
    "scram_client_key": (None, "it stands for a password that the driver needs"),
    "scram_server_key": (None, "it stands for a password that the driver needs"),
    "oauth_issuer": (None, "there is no sign-in by OAuth"),
    "oauth_client_id": (None, "there is no sign-in by OAuth"),
    "service": (None, "a service cannot name another one"),
    "tlsmode": (None, "it is TablePlus's own; what it means is said by sslmode"),
}
"""Refused with this value, or with each that does not switch it off."""

_UNNAMED = "one behind the password (an & in a password is written %26)"

_OFF = frozenset(("0", "false", "off", "no", "none", "disable"))

_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_MODE_ALIASES = {
    **dict.fromkeys(("true", "1", "on", "yes", "no-verify", "required"), "require"),
    **dict.fromkeys(("false", "0", "off", "no", "disabled"), "disable"),
    "preferred": "prefer",
}
_ANY_SERVER = ("any", "prefer-standby", "preferprimary")
_WRITING_SERVER = ("read-write", "primary", "master")
_TLS_VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")

_SETTING = re.compile(r"([A-Za-z_][\w.-]*)=(.*)", re.DOTALL)
_WORD = re.compile(r"(?:\\.|[^\s\\])+", re.DOTALL)

_LONGEST_CONNECT_S = 60.0


@dataclass(frozen=True, slots=True)
class Parameters:
    """What an address says beside host, user, password and database.

    Attributes:
        tls: `sslmode` and those beside it, by libpq's names.
        drivers_own: Arguments of the driver.
        connect_timeout_s: None: as usual.
        settings: Settings of the session, such as `search_path`.
        startup_options: What of `options` the server must hear when the connection begins.
        target_session_attrs: Which of several servers is wanted.
        left_out: Parameters that change nothing here.
        unknown: Those that nobody knows, left out too. What may be the rest of a password has no name here.
    """

    tls: dict[str, str] = field(default_factory=dict[str, str], repr=False)
    drivers_own: dict[str, str] = field(default_factory=dict[str, str])
    application_name: str = APPLICATION_NAME
    connect_timeout_s: float | None = None
    settings: dict[str, str] = field(default_factory=dict[str, str])
    startup_options: str = ""
    target_session_attrs: str | None = None
    left_out: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def parameters_of(
    given: dict[str, str], *, has_several_hosts: bool, behind_secret: frozenset[str] = frozenset()
) -> Parameters:
    """Return what the parameters mean; names may come in capitals.

    Args:
        given: Names and values.
        has_several_hosts: Whether there is a choice of servers.
        behind_secret: Names, in lower case, that stand behind a password and may be a part of it.

    Raises:
        ValueError: One has a wrong form, or cannot be left out.
    """
    named = {_ALIASES.get(name.lower(), name.lower()): value for name, value in given.items()}
    for name, (value, why) in _NEVER.items():
        asked = named.get(name, "off").lower()
        if asked == value or (value is None and asked not in _OFF):
            raise ValueError(f"has the parameter {name}, and {why}: leave it out")
    left_out = [name for name in named if name in _HARMLESS]
    unknown = [name for name in named if name not in _READ and name not in _HARMLESS and name not in _NEVER]
    for name in unknown:
        _refuse_if_meant_otherwise(name, is_secret=name in behind_secret)
    settings, startup_options = _options(named.get("options", ""))
    if "schema" in named:
        # One name, as it is; a list of them is `search_path`.
        settings["search_path"] = '"' + named["schema"].replace('"', '""') + '"'
    if "search_path" in named:
        settings["search_path"] = named["search_path"]
    fallback = named.get("fallback_application_name", APPLICATION_NAME)
    return Parameters(
        tls=_tls(named),
        drivers_own={name: named[name] for name in _DRIVERS_OWN if name in named},
        application_name=named.get("application_name", fallback),
        connect_timeout_s=_connect_timeout_s(named.get("connect_timeout")),
        settings=settings,
        startup_options=startup_options,
        target_session_attrs=_target(named.get("target_session_attrs", "any"), has_several_hosts),
        left_out=tuple(sorted(left_out)),
        unknown=tuple(sorted({_UNNAMED if name in behind_secret else name for name in unknown})),
    )


def port_number(text: str, hint: str = "") -> int:
    """Return a port.

    Raises:
        ValueError: It is none.
    """
    if not (text.isascii() and text.isdecimal() and 0 < int(text[:6]) < 65_536):
        raise ValueError("has a port that is no number from 1 to 65535" + hint)
    return int(text)


def _refuse_if_meant_otherwise(name: str, *, is_secret: bool) -> None:
    """Stop at a slip in a name: what was meant cannot be left out. What may be secret is not shown."""
    shown = name if re.fullmatch(r"[a-z][a-z0-9_.-]{0,40}", name) else ""
    near = difflib.get_close_matches(name.replace("-", "_"), [*_READ, "host", "user", "password"], 1, 0.8)
    if is_secret and (near or name.startswith(("ssl", "tls"))):
        raise ValueError(f"has an unknown parameter: {_UNNAMED}")
    if not is_secret and (not shown or near or name.startswith(("ssl", "tls"))):
        meant = f": is {near[0]} meant?" if near else ""
        raise ValueError(f"has the unknown parameter {shown}{meant}" if shown else "has an unknown parameter")


def _connect_timeout_s(text: str | None) -> float | None:
    """Seconds; 0 and less mean as long as it takes, which ends here too."""
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = float("nan")
    if seconds != seconds:
        raise ValueError("has a connect_timeout that is no number of seconds")
    return min(max(seconds, 2.0), _LONGEST_CONNECT_S) if seconds > 0 else _LONGEST_CONNECT_S


def _target(text: str, has_several_hosts: bool) -> str | None:
    """Return which server is wanted. We write: of several, one that can be written to."""
    wanted = text.lower().replace("_", "-")
    if wanted in _ANY_SERVER:
        return "read-write" if has_several_hosts else None
    if wanted in _WRITING_SERVER:
        return "read-write" if wanted != "primary" else "primary"
    if wanted in ("read-only", "standby", "secondary", "slave"):
        raise ValueError("has a target_session_attrs that asks for a server that cannot be written to")
    raise ValueError("has a target_session_attrs that must be any, read-write, primary or prefer-standby")


def _tls(named: dict[str, str]) -> dict[str, str]:
    tls = {name: named[name] for name in _TLS if name in named}
    asked = tls.get("sslmode") or named.get("ssl")
    if named.get("requiressl") == "1":
        asked = asked or "require"
    if asked is not None:
        tls["sslmode"] = _mode(asked)
    if tls.get("sslrootcert") == "system":
        if tls.setdefault("sslmode", "verify-full") != "verify-full":
            raise ValueError("has sslrootcert=system, which goes with sslmode=verify-full alone")
    for name in ("ssl_min_protocol_version", "ssl_max_protocol_version"):
        if tls.get(name, "TLSv1.2") not in _TLS_VERSIONS:
            raise ValueError(f"has a {name} that must be one of: {', '.join(_TLS_VERSIONS)}")
    negotiation = tls.get("sslnegotiation", "postgres")
    if negotiation not in ("postgres", "direct"):
        raise ValueError("has a sslnegotiation that must be postgres or direct")
    if negotiation == "direct" and tls.get("sslmode") not in _MODES[3:]:
        raise ValueError("has sslnegotiation=direct, which goes with sslmode=require or stricter alone")
    _try_files(tls)
    return tls


def _mode(text: str) -> str:
    mode = text.lower().replace("_", "-")
    mode = _MODE_ALIASES.get(mode, mode)
    if mode not in _MODES:
        raise ValueError(f"has an sslmode that must be one of: {', '.join(_MODES)}")
    return mode


def _try_files(tls: dict[str, str]) -> None:
    """Load certificates and keys once: without them no connection can ever be made."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for name in ("sslrootcert", "sslcrl"):
        path = tls.get(name, "system")
        if path != "system":
            try:
                context.load_verify_locations(cafile=path)
            except (OSError, ValueError):
                raise ValueError(f"has a {name} that cannot be read as certificates") from None
    certificate = tls.get("sslcert")
    if certificate:
        try:
            context.load_cert_chain(certificate, tls.get("sslkey"), lambda: tls.get("sslpassword", ""))
        except (OSError, ValueError):
            raise ValueError("has a sslcert and sslkey that cannot be read") from None


def _options(text: str) -> tuple[dict[str, str], str]:
    """Settings of the session (`-c name=value`, `--name=value`), and the words that are something else."""
    settings: dict[str, str] = {}
    others: list[str] = []
    words = iter(_WORD.findall(text))
    for word in words:
        if word == "-c":
            setting = next(words, "")
        elif word.startswith("-c"):
            setting = word[2:]
        elif word.startswith("--") and not word.startswith("--cluster="):
            setting = word[2:]
        else:
            others.append(word)
            continue
        match = _SETTING.fullmatch(re.sub(r"\\(.)", r"\1", setting, flags=re.DOTALL))
        if match is None:
            raise ValueError("has options that cannot be read: -c name=value is wanted")
        settings[match[1].replace("-", "_")] = match[2]
    return settings, " ".join(others)
