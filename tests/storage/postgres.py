"""A real PostgreSQL for the tests: a cluster of its own on loopback, gone afterwards."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from itertools import count
from pathlib import Path

_BIN = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
_names = count(1)


def missing() -> str:
    """Why there can be no server here; empty if there can."""
    if not _BIN:
        return "PostgreSQL is not installed"
    if os.geteuid() == 0 and not (shutil.which("runuser") and _has_user("postgres")):
        return "PostgreSQL refuses to run as root, and there is no user postgres"
    return ""


def _has_user(name: str) -> bool:
    return name in {entry.pw_name for entry in pwd.getpwall()}


class PostgresServer:
    """A cluster; stopped when it is made.

    Args:
        of: Another one that runs: this is a copy of it as it is now, as a standby that hears nothing more.
    """

    def __init__(self, of: "PostgresServer | None" = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres")
        if of is not None:
            where = ["-h", "127.0.0.1", "-p", str(of.port), "-U", "postgres"]
            self._run("pg_basebackup", *where, "-D", self._data, "-X", "fetch", "-c", "fast", "--no-sync")
            return
        self._run(
            "initdb",
            "-D",
            self._data,
            "-A",
            "trust",
            "-U",
            "postgres",
            "--no-sync",
            "-E",
            "UTF8",
            "--locale=C",
        )

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    def _run(self, program: str, *arguments: str) -> str:
        as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        command = [*as_user, str(_BIN[-1] / program), *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=30, cwd=self.folder, stdin=subprocess.DEVNULL
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def allows(self, *lines: str) -> None:
        """Lets in whom these lines of `pg_hba.conf` name, and nobody else."""
        (self.folder / "data" / "pg_hba.conf").write_text("".join(f"{line}\n" for line in lines))

    def start(self) -> None:
        # Its output goes to a file: the server would hold our pipe open.
        options = f"-p {self.port} -h 127.0.0.1 -k '' -F"
        self._run(
            "pg_ctl", "-D", self._data, "-w", "-s", "-l", str(self.folder / "log"), "-o", options, "start"
        )

    def stop(self, mode: str = "fast") -> None:
        self._run("pg_ctl", "-D", self._data, "-m", mode, "-s", "-w", "stop")

    def remove(self) -> None:
        if (self.folder / "data" / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self.folder)

    def sql(self, statement: str, database: str = "postgres") -> str:
        options = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-d", database, "-Atqc"]
        return self._run("psql", *options, statement).strip()

    def new_database(self) -> str:
        """The `DATABASE_URL` of an empty one."""
        name = f"talks_{next(_names)}"
        self.sql(f"CREATE DATABASE {name}")
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def hang_up(self, address: str) -> None:
        """Ends all connections to a database from the server's side."""
        name = address.rpartition("/")[2]
        self.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
