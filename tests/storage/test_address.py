"""`DATABASE_URL` in the forms that people write, and that hosts of databases hand out."""

from pathlib import Path
from typing import Any

import pytest

from app.storage.address import database_address
from app.storage.postgres_address import PostgresAddress
from app.storage.sqlite_address import SqliteAddress


def postgres(written: str) -> PostgresAddress:
    address = database_address(written)
    assert isinstance(address, PostgresAddress)
    return address


@pytest.mark.parametrize("written", ["", "none", " NONE "])
def test_no_database_is_a_choice(written: str):
    assert database_address(written) is None


@pytest.mark.parametrize(
    ("written", "file"),
    [
        ("sqlite:///data/x.db", "data/x.db"),
        ("sqlite+aiosqlite:///data/x.db", "data/x.db"),
        ("SQLite:////var/lib/x.db", "/var/lib/x.db"),
        ("sqlite:////tmp/a b#c.db", "/tmp/a b#c.db"),
        ("sqlite:///./x.db", "x.db"),
        ("sqlite:///../x.db", "../x.db"),
        ("sqlite:///file:data/x.db?uri=true", "data/x.db"),
        ("sqlite:///file:///var/x%20y.db?uri=true&mode=rwc", "/var/x y.db"),
        ("sqlite:///x.db?timeout=5&check_same_thread=false&cache=shared&foo=bar", "x.db"),
        ("sqlite:///~/x.db", str(Path.home() / "x.db")),
    ],
)
def test_sqlite_file_is_known_by_its_path(written: str, file: str):
    address = database_address(written)

    assert isinstance(address, SqliteAddress)
    assert address.path == Path(file)
    assert address.existing_file.query["mode"] == "rw"


P = "postgresql://ana:secret@db.example/talks"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("postgres://u:p@h/d", {"hosts": ("h",), "user": "u", "password": "p", "database": "d"}),
        ("POSTGRESQL+asyncpg://u:p@h:5433/d", {"hosts": ("h",), "ports": (5433,)}),
        ("postgresql://", {"hosts": (), "user": None, "password": None, "database": None}),
        ("postgresql:///d", {"hosts": (), "database": "d"}),
        ("postgresql://u@h", {"hosts": ("h",), "user": "u", "database": None}),
        ("postgresql://u:@h/d", {"user": "u", "password": None}),
        ("postgresql://u:p%40%2F%3A%3F%23%25s@h/d", {"password": "p@/:?#%s", "hosts": ("h",)}),
        # As people write them all the same.
        ("postgresql://u:p@ss@h/d", {"password": "p@ss", "hosts": ("h",)}),
        ("postgresql://u:p#s:s?s%s@h/d", {"password": "p#s:s?s%s", "hosts": ("h",)}),
        ("postgresql://u:p+s@h/d?password=q%2Br", {"password": "q+r"}),
        ("postgresql://us%40er:p@h/my%20db", {"user": "us@er", "database": "my db"}),
        ("postgresql://u@[::1]:5433/d", {"hosts": ("::1",), "ports": (5433,)}),
        ("postgresql://u@[fe80::1%25eth0]/d", {"hosts": ("fe80::1%eth0",), "ports": (0,)}),
        ("postgresql://u@%2Fvar%2Frun%2Fpostgresql/d", {"hosts": ("/var/run/postgresql",)}),
        ("postgresql:///d?host=/cloudsql/a:b:c&user=u", {"hosts": ("/cloudsql/a:b:c",), "user": "u"}),
        ("postgresql://u@/d?host=h&port=5433", {"hosts": ("h",), "ports": (5433,)}),
        ("postgresql://u@h1:1,h2:2,h3/d", {"hosts": ("h1", "h2", "h3"), "ports": (1, 2, 0)}),
        ("postgresql://u@/d?host=h1:1&host=h2:2", {"hosts": ("h1", "h2"), "ports": (1, 2)}),
        (
            "postgresql://u@h/d?host=other&dbname=e&user=v",
            {"hosts": ("other",), "database": "e", "user": "v"},
        ),
        ("postgresql://h?user=a@b&password=p@q", {"hosts": ("h",), "user": "a@b", "password": "p@q"}),
    ],
)
def test_postgresql_is_read_as_libpq_reads_it(written: str, expected: dict[str, Any]):
    address = postgres(written)

    assert {name: getattr(address, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("sslmode=require&channel_binding=require", {"tls": {"sslmode": "require"}}),
        *((f"sslmode={m}", {"tls": {"sslmode": m}}) for m in ("disable", "allow", "prefer", "require")),
        ("sslmode=VERIFY_FULL", {"tls": {"sslmode": "verify-full"}}),
        ("ssl=true", {"tls": {"sslmode": "require"}}),
        ("ssl=disable", {"tls": {"sslmode": "disable"}}),
        ("sslmode=no-verify", {"tls": {"sslmode": "require"}}),
        ("sslrootcert=system", {"tls": {"sslrootcert": "system", "sslmode": "verify-full"}}),
        ("connect_timeout=10", {"connect_timeout_s": 10}),
        ("connect_timeout=1", {"connect_timeout_s": 2}),
        ("connect_timeout=0", {"connect_timeout_s": 60}),
        ("application_name=mine", {"application_name": "mine"}),
        ("fallback_application_name=mine", {"application_name": "mine"}),
        ("options=-c%20search_path%3Da%2Cb", {"settings": {"search_path": "a,b"}, "startup_options": ""}),
        (
            "options=-csearch_path=a\\ b+--work-mem=4MB",
            {"settings": {"search_path": "a b", "work_mem": "4MB"}},
        ),
        ("options=endpoint%3Dep-x", {"settings": {}, "startup_options": "endpoint=ep-x"}),
        ("options=--cluster%3Dx-1", {"startup_options": "--cluster=x-1"}),
        ("schema=My%20App", {"settings": {"search_path": '"My App"'}}),
        ("currentSchema=a,b", {"settings": {"search_path": "a,b"}}),
        ("target_session_attrs=any", {"target_session_attrs": None}),
        ("target_session_attrs=read-write", {"target_session_attrs": "read-write"}),
        ("host=h1,h2", {"target_session_attrs": "read-write"}),
        ("gssencmode=disable&gssencmode=prefer", {"left_out": ("gssencmode",)}),
        ("pgbouncer=true&connection_limit=1", {"left_out": ("connection_limit", "pgbouncer")}),
        ("keepalives=1&keepalives_idle=30", {"left_out": ("keepalives", "keepalives_idle"), "unknown": ()}),
        ("replication=off&foo=bar&&", {"left_out": ("replication",), "unknown": ("foo",)}),
        ("statusColor=686B6F&tLSMode=0&usePrivateKey=false&lazyload=false", {"unknown": ()}),
        ("passfile=/a/b", {"drivers_own": {"passfile": "/a/b"}}),
    ],
)
def test_parameters_of_libpq_are_read_or_left_out(query: str, expected: dict[str, Any]):
    parameters = postgres(f"{P}?{query}").parameters

    assert {name: getattr(parameters, name) for name in expected} == expected


@pytest.mark.parametrize(
    "written",
    [
        "mysql://u:secret@h/d",
        "secret",
        "jdbc:postgresql://h/d?password=secret",
        "postgresql+psycopg2://u:secret@h/d",
        "postgresql:/u:secret@h/d",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///file::memory:?cache=shared",
        "sqlite:///file:secret?mode=memory&uri=true",
        "sqlite://data/secret.db",
        "sqlite:data/secret.db",
        "sqlite:///C:\\secret\\x.db",
        "sqlite:///C:/secret/x.db",
        "sqlite:///data/",
        "sqlite:///x.db?mode=ro",
        "sqlite:///x.db?immutable=1",
        "sqlite:///x.db?key=secret",
        "postgresql://u:p@h:secret/d",
        "postgresql://u:secret/more@h/d",
        "postgresql://u:123/secret@h/d",
        "postgresql://u:a@b/secret@h/d",
        "postgresql://u:p@h:0/secret",
        "postgresql://u:p@h:99999/secret",
        "postgresql://u:p@[::1/secret",
        "postgresql://u:p@h secret/d",
        "postgresql://u:%FFsecret@h/d",
        "postgresql://u:%00secret@h/d",
        "postgresql://u@h1,h2,h3/d?port=1,2",
        f"{P}?secret",
        f"{P}?sslmode=secret",
        f"{P}?sslmod=require",
        f"{P}?tLSMode=2",
        "postgresql:///d?password=hun&sslsecret=x",
        "postgresql:///d?PassWord=hun&secret=x",
        "postgresql:///d?password=hun&pasword-secret=x&hosts=x",
        f"{P}?ssl_ca=secret",
        f"{P}?sslrootcert=/no/secret.pem",
        f"{P}?sslmode=require&sslrootcert=system",
        f"{P}?sslcert=/no/secret.pem",
        f"{P}?sslnegotiation=direct",
        f"{P}?ssl_min_protocol_version=secret",
        f"{P}?connect_timeout=secret",
        f"{P}?options=-c%20secret",
        f"{P}?target_session_attrs=standby",
        f"{P}?target_session_attrs=secret",
        f"{P}?gssencmode=require",
        f"{P}?replication=database",
        f"{P}?require_auth=scram-sha-256",
        f"{P}?requirepeer=secret",
        f"{P}?service=secret",
        f"{P}?hostaddr=127.0.0.1&sslmode=verify-full",
    ],
)
def test_other_addresses_are_refused_without_showing_them(written: str):
    with pytest.raises(ValueError) as caught:
        database_address(written)

    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_service_is_looked_up(tmp_path: Path):
    file = tmp_path / "services.conf"
    file.write_text("[talks]\nhost=h\nport=5433\nuser=u\nsslmode=require\n# a comment\n")

    address = postgres(f"postgresql://v@/d?service=talks&servicefile={file}")

    assert (address.hosts, address.ports, address.user) == (("h",), (5433,), "v")
    assert address.parameters.tls == {"sslmode": "require"}


@pytest.mark.parametrize(
    ("query", "unknown"),
    [
        ("password=hun&ter2=x", 1),
        ("password=hun&ter2=x&ter3=y", 1),
        ("%70assword=hun&ter2=x", 1),
        ("foo=1&password=hun&ter2=x", 2),
        ("sslpassword=hun&TER2=x", 1),
        ("password=hun&ter2!!ter2=x", 1),
    ],
)
def test_part_of_a_password_is_no_parameters_name(query: str, unknown: int):
    parameters = postgres(f"postgresql:///d?{query}").parameters

    assert len(parameters.unknown) == unknown
    assert "ter" not in "".join(parameters.unknown).lower().replace("parameter", "")
    assert ("foo" in parameters.unknown) is ("foo" in query)
    assert "%26" in "".join(parameters.unknown), "and what to do is said"


def test_password_is_not_shown():
    assert "secret" not in repr(postgres(P))
    assert postgres(P).without_secrets("no\nsecret here") == "no *** here"
