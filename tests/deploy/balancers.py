"""The balancers of `deploy/` for several processes, run for real in front of a fleet."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tests.deploy.proxies import DEPLOY, PATIENCE_S, Kind, free_port, program

AGENTS = re.compile(r"127\.0\.0\.1:800[1-3]")
CONNECTIONS = 5000
"""One test is one address, and may have more connections than the files let one have."""


def at_ports(text: str, ports: Sequence[int]) -> str:
    """A file with these processes in the place of its three, one line for each."""
    lines: list[str] = []
    left = list(ports)
    for line in text.splitlines():
        if AGENTS.search(line) is None:
            lines.append(line)
        elif left:
            lines.append(AGENTS.sub(f"127.0.0.1:{left.pop(0)}", line))
    return "\n".join(lines) + "\n"


def _haproxy(folder: Path, port: int, ports: Sequence[int], most: int) -> list[str]:
    front, back = folder / "haproxy.cfg", folder / "haproxy-fleet.cfg"
    whole = (DEPLOY / "haproxy.cfg").read_text("utf-8").replace("bind :80", f"bind 127.0.0.1:{port}")
    # What a user may open here may be less than the file asks for.
    whole = whole.replace("maxconn 20000", f"maxconn {most}").replace("gt 200 }", f"gt {CONNECTIONS} }}")
    front.write_text(whole)
    back.write_text(at_ports((DEPLOY / "haproxy-fleet.cfg").read_text("utf-8"), ports))
    return [program("haproxy"), "-db", "-f", str(front), "-f", str(back)]


def _nginx(folder: Path, port: int, ports: Sequence[int]) -> list[str]:
    site = (DEPLOY / "nginx.conf").read_text("utf-8")
    for written, here in (
        ("proxy_pass http://127.0.0.1:8000;", "proxy_pass http://voice_agents;"),
        ("listen 80;", f"listen 127.0.0.1:{port};"),
        ("limit_conn voice_agent 200;", f"limit_conn voice_agent {CONNECTIONS};"),
    ):
        assert site.count(written) == 1, written
        site = site.replace(written, here)
    sites = folder / "sites"
    sites.mkdir()
    (sites / "site.conf").write_text(site)
    (sites / "fleet.conf").write_text(at_ports((DEPLOY / "nginx-fleet.conf").read_text("utf-8"), ports))
    paths = "".join(
        f"{name}_temp_path {folder}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = folder / "nginx.conf"
    main.write_text(
        f"{'user root;' if os.geteuid() == 0 else ''} daemon off; pid {folder}/nginx.pid;"
        f" error_log stderr error; events {{ worker_connections 4096; }}\n"
        f"http {{ access_log off; {paths} include {sites}/*.conf; }}\n"
    )
    return [program("nginx"), "-p", str(folder), "-e", "stderr", "-c", str(main)]


@asynccontextmanager
async def balancer(kind: Kind, folder: Path, ports: Sequence[int], most: int = 1000) -> AsyncIterator[int]:
    """A running balancer before the processes of these ports; its own port.

    Args:
        most: So many connections at once.
    """
    port = free_port()
    own = folder / f"{kind}-{port}"
    own.mkdir()
    command = _haproxy(own, port, ports, most) if kind == "haproxy" else _nginx(own, port, ports)
    process = await asyncio.create_subprocess_exec(*command, env={**os.environ, "BACKEND": "agents"})
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    break
                except OSError:
                    assert process.returncode is None, f"{kind} does not start"
                    await asyncio.sleep(0.05)
        yield port
    finally:
        if process.returncode is None:
            # nginx ends its workers at this, and would leave them at a kill.
            process.terminate()
        await process.wait()
