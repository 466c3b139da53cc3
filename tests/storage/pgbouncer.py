"""A real PgBouncer before a real PostgreSQL, gone afterwards."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from tests.storage.postgres import PostgresServer

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
_PATIENCE_S = 20


def missing() -> str:
    """Why there can be none here; empty if there can. Where CI is set there must be one."""
    if PROGRAM is None:
        assert not os.environ.get("CI"), "PgBouncer is missing: tests/install_tools.sh"
        return "PgBouncer is not installed"
    return ""


class PgBouncer:
    """One pooler, of the mode `transaction`, `session` or `statement`.

    Args:
        postgres: The server behind it.
        settings: More of `pgbouncer.ini`, or others than these.
    """

    def __init__(self, postgres: PostgresServer, mode: str, **settings: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pgbouncer-"))
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        lines = {
            "listen_addr": "127.0.0.1",
            "listen_port": str(self.port),
            "unix_socket_dir": "",
            "auth_type": "any",
            "pool_mode": mode,
            "admin_users": "postgres",
            **settings,
        }
        behind = f"host=127.0.0.1 port={postgres.port}"
        if lines["auth_type"] == "any":
            behind += " user=postgres"
        own = "".join(f"{name} = {value}\n" for name, value in lines.items())
        (self.folder / "users").write_text('"ana" "right"\n"postgres" ""\n')
        self.ini = self.folder / "pgbouncer.ini"
        self.ini.write_text(f"[databases]\n* = {behind}\n[pgbouncer]\n{own}")
        if os.geteuid() == 0:
            for path in (self.folder, *self.folder.iterdir()):
                shutil.chown(path, "postgres")

    def start(self) -> None:
        assert PROGRAM is not None
        as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*as_user, PROGRAM, str(self.ini)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        until = time.monotonic() + _PATIENCE_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                assert self._process.poll() is None and time.monotonic() < until, self.log
                time.sleep(0.02)

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def stop(self) -> None:
        """At once, as a crash would: clients and servers lose their connections."""
        if self._process is not None:
            # `runuser` passes a SIGTERM on, and two of them are PgBouncer's "immediately".
            self._process.terminate()
            self._process.wait(_PATIENCE_S)
            self._process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    def address(self, behind: str) -> str:
        """The address of a PostgreSQL database through it."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{behind.rpartition('/')[2]}"
