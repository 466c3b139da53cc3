"""The other files of `deploy/`: they fit the server, as far as can be seen without Docker and Grafana."""

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from config.settings import Settings
from tests.deploy.proxies import DEPLOY, ROOT, free_port
from tests.support.context import settings_with
from tests.support.process import server_process
from tests.support.scripted import ScriptedModel
from tests.support.server import running_server

DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
DASHBOARD = json.loads((DEPLOY / "grafana-dashboard.json").read_text(encoding="utf-8"))


# Grafana


def expressions() -> list[str]:
    return [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


async def exposed() -> str:
    async with running_server(provider=ScriptedModel([])) as server:
        return (await server.get("/metrics")).text


async def test_dashboard_names_only_what_is_at_metrics_and_leaves_nothing_out() -> None:
    shown = {name for text in expressions() for name in re.findall(r"\b(?:voice_agent|process)_\w+", text)}
    families = list(text_string_to_metric_families(await exposed()))
    endings = {"counter": ["_total"], "histogram": ["_bucket"], "gauge": [""]}
    there = {family.name + ending for family in families for ending in endings[family.type]}

    assert shown <= there
    assert {name for name in there if name.startswith("voice_agent")} <= shown


async def test_dashboard_asks_by_labels_that_the_metrics_have() -> None:
    page = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    labels = dict(re.findall(r"^\| `(voice_agent_\w+)` \| (.*?) ?\|", page, re.MULTILINE))
    for text in expressions():
        for names, metric in re.findall(r"sum by \(([\w, ]+)\) \((?:rate\()?(voice_agent_\w+)", text):
            known = set(re.findall(r"\w+", labels.get(metric.removesuffix("_bucket"), "")))
            assert set(names.split(", ")) <= known | {"le"}, text


def test_panels_have_their_places_and_none_covers_another() -> None:
    cells = [
        (place["x"] + dx, place["y"] + dy)
        for place in (panel["gridPos"] for panel in DASHBOARD["panels"])
        for dx in range(place["w"])
        for dy in range(place["h"])
    ]

    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


# Docker


def test_image_holds_all_that_the_server_needs_and_only_that() -> None:
    copied = set(re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE, re.MULTILINE))
    names = {name for line in copied for name in line.split()}
    let_in = set(re.findall(r"^!(\S+)$", (DEPLOY / "Dockerfile.dockerignore").read_text(), re.MULTILINE))

    assert names == let_in
    assert all((ROOT / name).exists() for name in names)
    assert {
        "main.py",
        "app",
        "clients/python",
        "config",
        "static",
        "requirements.lock",
        "requirements-otel.lock",
    } <= names


def test_container_runs_as_nobody_in_particular_and_may_write_to_its_data_alone() -> None:
    agent = COMPOSE["services"]["agent"]

    assert re.search(r"^USER \d{5}$", DOCKERFILE, re.MULTILINE)
    assert DOCKERFILE.rindex("USER ") < DOCKERFILE.rindex("CMD ")
    assert agent["read_only"] is True
    assert agent["cap_drop"] == ["ALL"]
    assert agent["volumes"] == ["talks:/app/data"]
    assert all(port.startswith("127.0.0.1:") for port in agent["ports"])
    assert "API_TOKENS:?" not in str(agent["env_file"]) and ":?" in agent["environment"]["API_TOKENS"]


def test_environment_of_image_and_compose_is_made_of_settings() -> None:
    block = re.search(r"^ENV (.*?)^\w+ ", DOCKERFILE, re.DOTALL | re.MULTILINE)
    assert block is not None
    given = set(re.findall(r"\b([A-Z_]+)=", block[1])) - {
        "PATH",
        "PYTHONUNBUFFERED",
        "PYTHONDONTWRITEBYTECODE",
    }
    given |= set(COMPOSE["services"]["agent"]["environment"])

    assert {name.lower() for name in given} <= set(Settings.model_fields)


def test_stop_has_the_time_that_the_server_may_need() -> None:
    grace_s = 2 * Settings.model_fields["shutdown_grace_s"].default + 5

    assert COMPOSE["services"]["agent"]["stop_grace_period"] == f"{grace_s}s"


async def test_health_check_tells_a_server_that_works_from_one_that_does_not() -> None:
    found = re.search(r'HEALTHCHECK .*CMD \["python", "-c", "(.*)"\]', DOCKERFILE)
    assert found is not None and "127.0.0.1:8000" in found[1]

    async def status(port: int) -> int | None:
        code = found[1].replace("127.0.0.1:8000", f"127.0.0.1:{port}")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, stderr=asyncio.subprocess.DEVNULL
        )
        async with asyncio.timeout(30):
            return await process.wait()

    async with running_server(provider=ScriptedModel([])) as server:
        assert await status(server.port) == 0
    assert await status(free_port()) == 1


READ_ONLY = """
import os, sys
bind = "mount --bind . . && cd . && mount -o remount,ro,bind ."
steps = [bind, "! touch probe 2>/dev/null", 'exec "$0" main.py --port 0']
os.execvp("unshare", ["unshare", "--mount", "sh", "-c", " && ".join(steps), sys.executable])
"""


def may_unshare() -> bool:
    return os.geteuid() == 0 and bool(shutil.which("unshare")) and os.system("unshare --mount true") == 0


@pytest.mark.e2e
async def test_server_runs_in_a_folder_that_it_may_not_write_to(tmp_path: Path) -> None:
    if not may_unshare():
        pytest.skip("mounts of one's own need root")
    address = f"sqlite:///{tmp_path / 'talks.db'}"
    async with server_process(tmp_path, ("-c", READ_ONLY), database_url=address) as server:
        await server.starts()
        health = (await server.asks("GET", "/agent/health")).json()
        server.signals(signal.SIGTERM)
        assert await server.ends() == 0

    assert health["storage"]["status"] == "ok"
    assert (tmp_path / "talks.db").exists()
    assert not (ROOT / "probe").exists()


UNIT = (DEPLOY / "voice-agent.service").read_text(encoding="utf-8")


def test_unit_is_taken_by_systemd(tmp_path: Path) -> None:
    systemd = shutil.which("systemd-analyze")
    if systemd is None:
        pytest.skip("systemd-analyze is missing: it comes with systemd")
    # The one thing of it that is not here.
    unit = tmp_path / "voice-agent.service"
    unit.write_text(UNIT.replace("/opt/voice-agent/.venv/bin/python", sys.executable))

    done = subprocess.run([systemd, "verify", str(unit)], capture_output=True, text=True, timeout=60)

    assert (done.returncode, done.stderr) == (0, "")


def test_unit_knows_how_the_server_ends() -> None:
    values = dict(re.findall(r"^(\w+)=(.*)$", UNIT, re.MULTILINE))

    assert float(values["TimeoutStopSec"]) >= 2 * settings_with().shutdown_grace_s + 5
    assert values["RestartPreventExitStatus"] == "2 3"
    assert values["ReadWritePaths"] == f"{values['WorkingDirectory']}/data"
    assert values["ExecStart"].endswith(" main.py")
