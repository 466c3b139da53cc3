"""The proxies of `deploy/`, run for real on free ports in front of a server."""

import asyncio
import os
import re
import shutil
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import pytest

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PATIENCE_S = 30

Kind = Literal["nginx", "haproxy"]
KINDS: tuple[Kind, ...] = ("nginx", "haproxy")
FILES = {"nginx": "nginx.conf", "haproxy": "haproxy.cfg"}

_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"

_AROUND_NGINX = """
{user}
daemon off;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/conf.d/*.conf;
}}
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def program(kind: Kind) -> str:
    """The proxy's program; skips the test where there is none."""
    found = shutil.which(kind, path=_PATH)
    if found is None:
        pytest.skip(f"{kind} is missing: it comes with Debian's package {kind}")
    return found


class Proxy:
    """A proxy with the configuration of `deploy/`, but for its two addresses and shorter times.

    Args:
        times: What stands for a time of the file, so that a test need not wait as long: `{"75s": "2s"}`.
        file: Another one of `deploy/` than the kind's own.
        path: Below which it has the server.
    """

    def __init__(
        self,
        kind: Kind,
        folder: Path,
        server_port: int,
        times: Mapping[str, str] | None = None,
        file: str = "",
        path: str = "",
    ) -> None:
        self.port = free_port()
        self._path = path
        self._process: asyncio.subprocess.Process | None = None
        text = (DEPLOY / (file or FILES[kind])).read_text(encoding="utf-8")
        for written, shorter in (times or {}).items():
            assert re.search(rf"\b{written}\b", text), f"{written} is not in the file"
            text = re.sub(rf"\b{written}\b", shorter, text)
        listen, here = {
            "nginx": ("listen 80;", "listen 127.0.0.1:{};"),
            "haproxy": ("bind :80", "bind 127.0.0.1:{}"),
        }[kind]
        assert text.count(listen) == 1 and text.count("127.0.0.1:8000") == 1
        text = text.replace(listen, here.format(self.port)).replace(
            "127.0.0.1:8000", f"127.0.0.1:{server_port}"
        )
        # As many as it asks for need more open files than a test may have.
        text = text.replace("maxconn 20000", "maxconn 1000")
        found = program(kind)
        if kind == "haproxy":
            (folder / "haproxy.cfg").write_text(text, encoding="utf-8")
            self._command = (found, "-f", str(folder / "haproxy.cfg"), "-db")
            self._check = (*self._command, "-c")
            return
        (folder / "conf.d").mkdir()
        (folder / "conf.d" / "voice-agent.conf").write_text(text, encoding="utf-8")
        user = "user root;" if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(_AROUND_NGINX.format(folder=folder, user=user), encoding="utf-8")
        self._command = (found, "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf"))
        self._check = (*self._command, "-t")

    @property
    def url(self) -> str:
        """The address of the WebSocket behind it."""
        return f"ws://127.0.0.1:{self.port}/ws"

    async def checks(self) -> tuple[int | None, str]:
        """What the proxy itself says of the configuration."""
        process = await asyncio.create_subprocess_exec(
            *self._check, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        said, _ = await process.communicate()
        return process.returncode, said.decode()

    async def starts(self) -> None:
        """Starts it; returns when it takes connections and has found the server."""
        self._process = await asyncio.create_subprocess_exec(*self._command)
        async with asyncio.timeout(PATIENCE_S):
            while not await self._serves():
                assert self._process.returncode is None, "the proxy does not start"
                await asyncio.sleep(0.02)

    async def _serves(self) -> bool:
        try:
            answer = await asks(
                self.port, f"GET {self._path}/agent/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
            )
        except OSError:
            return False
        return answer.startswith(b"HTTP/1.1 200")

    async def ends(self) -> None:
        """Ends it at once, with all its connections."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()


async def asks(port: int, request: bytes) -> bytes:
    """The beginning of the answer to raw bytes; what is empty was closed without one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        async with asyncio.timeout(PATIENCE_S):
            return await reader.read(65_536)
    except ConnectionError:
        return b""
    finally:
        writer.transport.abort()


@asynccontextmanager
async def proxied(
    kind: Kind,
    folder: Path,
    server_port: int,
    times: Mapping[str, str] | None = None,
    file: str = "",
    path: str = "",
) -> AsyncIterator[Proxy]:
    """A running proxy."""
    proxy = Proxy(kind, folder, server_port, times, file, path)
    await proxy.starts()
    try:
        yield proxy
    finally:
        await proxy.ends()
