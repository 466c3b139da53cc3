"""HTTPS for a phone, as docs/deploy.md says it: a certificate of one's own, nginx, and a real Chromium."""

import asyncio
import re
import ssl
from pathlib import Path

import pytest

from tests.deploy.proxies import DEPLOY, ROOT, free_port, program
from tests.support.browser import ANSWER_LIMIT_MS, HandshakeInfo, launched
from tests.support.scripted import ScriptedModel, says
from tests.support.server import running_server

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.timeout(120)]

DOCS = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")


def documented(language: str) -> str:
    """The sample of the section, in that language."""
    section = DOCS.partition("### HTTPS for a phone")[2].partition("\n## ")[0]
    found = re.search(rf"```{language}\n(.*?)```", section, re.DOTALL)
    assert found is not None
    return found[1]


async def until_open(port: int) -> None:
    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    async with asyncio.timeout(30):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust)
            except OSError:
                await asyncio.sleep(0.02)  # another process gives no event
                continue
            writer.close()
            return


async def test_page_by_the_documented_certificate_is_secure_and_talks(tmp_path: Path) -> None:
    nginx, port = program("nginx"), free_port()
    command = documented("bash").replace("192.168.1.20", "127.0.0.1").replace("/etc/nginx", str(tmp_path))
    made = await asyncio.create_subprocess_exec("sh", "-c", command, stderr=asyncio.subprocess.DEVNULL)
    assert await made.wait() == 0
    lines = documented("nginx").replace("/etc/nginx", str(tmp_path))
    lines = lines.replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl")

    async with running_server(provider=ScriptedModel([says("Hola.")])) as server:
        site = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
        site = site.replace("listen 80;", lines).replace("127.0.0.1:8000", f"127.0.0.1:{server.port}")
        paths = "".join(
            f"{kind}_temp_path {tmp_path}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (tmp_path / "nginx.conf").write_text(
            f"daemon off;\npid {tmp_path}/pid;\nerror_log stderr warn;\nevents {{}}\n"
            f"http {{\naccess_log off;\n{paths}{site}\n}}\n"
        )
        arguments = ("-p", str(tmp_path), "-e", "stderr", "-c", str(tmp_path / "nginx.conf"))
        proxy = await asyncio.create_subprocess_exec(nginx, *arguments)
        try:
            await until_open(port)
            async with launched() as browser:
                context = await browser.new_context(locale="es-ES", ignore_https_errors=True)
                visitor = HandshakeInfo(await context.new_page())
                await visitor.page.goto(f"https://127.0.0.1:{port}/", timeout=ANSWER_LIMIT_MS)
                await visitor.is_told("En línea")
                await visitor.says("hola")
                await visitor.reads(visitor.answers, "Hola.")
                assert await visitor.run("() => isSecureContext && 'mediaDevices' in navigator")
                await context.close()
        finally:
            proxy.terminate()
            await proxy.wait()
