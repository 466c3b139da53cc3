"""What Prometheus reads: valid, bounded, and about this server alone."""

import asyncio
import re
import shutil
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import httpx
import pytest
from prometheus_client import REGISTRY
from prometheus_client.core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from app.errors import LlmCut
from app.release import VERSION
from app.speech.base import VoiceEngines
from tests.support.scripted import Fails, Pause, Says, ScriptedModel, calls, says
from tests.support.server import PATIENCE_S, Server, client_of, running_server
from tests.support.talk import Workshop
from tests.support.v2_client import v2_client

ROOT = Path(__file__).parents[2]


async def exposed(server: Server) -> str:
    answer = await server.get("/metrics")
    assert answer.status_code == 200
    return answer.text


def value(text: str, name: str, **labels: str) -> float:
    """One sample."""
    (found,) = (
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == f"voice_agent_{name}" and sample.labels == labels
    )
    return found


def own(text: str) -> Iterator[Metric]:
    return (
        family for family in text_string_to_metric_families(text) if family.name.startswith("voice_agent")
    )


def name_of(family: Metric) -> str:
    return family.name.removeprefix("voice_agent_") + ("_total" if family.type == "counter" else "")


async def test_server_without_a_talk_shows_all_its_parts_at_rest() -> None:
    async with running_server(provider=ScriptedModel([])) as server:
        text = await exposed(server)

    assert value(text, "sessions", state="idle") == 0
    assert value(text, "sessions_max") == 10_000
    assert value(text, "model_info", provider="demo", model="scripted") == 1
    assert value(text, "node_info", node=server.service.session_host.directory.owner, version=VERSION) == 1
    assert value(text, "fleet_nodes", state="serving") == 0
    assert value(text, "storage_status", status="off") == 1
    assert value(text, "storage_status", status="ok") == 0
    assert value(text, "voice_status", status="off") == 1
    assert value(text, "turns_total", source="user", ending="stop") == 0
    assert value(text, "turn_stage_seconds_count", stage="total") == 0
    assert value(text, "loop_stalls_total") == 0
    assert "process_open_fds" in text


async def test_talks_are_counted_while_they_go_on() -> None:
    model = ScriptedModel(
        [calls(("look", {}), ("invented", {})), says("Ya."), [Fails(LlmCut())], [Says("a"), Pause(60)]]
    )
    async with running_server(provider=model, tools=[Workshop().tool("look")]) as server:
        async with client_of(server) as client, v2_client(server) as other:
            await client.opens()
            await client.says("mira")
            await client.hears("response_complete")
            await client.says("otra")
            await client.hears("error")
            await client.says("habla")
            await client.hears("response_chunk", "a")
            await other.starts()
            await other.drops()
            async with asyncio.timeout(PATIENCE_S):
                while value(text := await exposed(server), "sessions_away") == 0:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)

    assert value(text, "sessions", state="speaking") == 1
    assert value(text, "turns_total", source="user", ending="stop") == 1
    assert value(text, "turns_total", source="user", ending="failed") == 1
    assert value(text, "errors_total", code="llm_cut") == 1
    assert value(text, "tools_total", tool="look", ending="done") == 1
    assert value(text, "tools_total", tool="other", ending="failed") == 1
    assert value(text, "model_calls_total", outcome="ok") == 2
    assert value(text, "turn_stage_seconds_bucket", stage="total", le="+Inf") == 1
    assert value(text, "sessions", state="idle") == value(text, "sessions_away") == 1


async def test_retries_and_lost_workers_are_read_from_where_they_are_known() -> None:
    class Retrying(ScriptedModel):
        retries: ClassVar[dict[str, int]] = {"llm_unavailable": 3}

    engines = VoiceEngines(losses=(lambda: 2, lambda: 1), answers_begun={"kokoro": 4, "espeak": 0})
    async with running_server(provider=Retrying([]), engines=engines) as server:
        text = await exposed(server)

    assert value(text, "model_retries_total", code="llm_unavailable") == 3
    assert value(text, "voice_workers_lost_total") == 3
    assert value(text, "voice_answers_total", voice="kokoro") == 4
    assert value(text, "voice_answers_total", voice="espeak") == 0


@pytest.mark.parametrize("talks", [False, True])
async def test_promtool_finds_nothing_to_mend(talks: bool) -> None:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is missing: it comes with Debian's package prometheus")
    async with running_server(provider=ScriptedModel([says("Hola")] if talks else [])) as server:
        async with client_of(server) as client:
            if talks:
                await client.opens()
                await client.says("hola")
                await client.hears("response_complete")
            text = await exposed(server)

    promtool = await asyncio.create_subprocess_exec(
        found, "check", "metrics", stdin=PIPE, stdout=PIPE, stderr=STDOUT
    )
    said, _ = await promtool.communicate(text.encode())
    assert (promtool.returncode, said) == (0, b"")


async def test_reader_that_asks_for_openmetrics_gets_it() -> None:
    async with running_server(provider=ScriptedModel([])) as server:
        async with httpx.AsyncClient(verify=False, trust_env=False) as client:
            asked = {"accept": "application/openmetrics-text; version=1.0.0"}
            answer = await client.get(f"http://127.0.0.1:{server.port}/metrics", headers=asked)

    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert {family.name for family in read_openmetrics(answer.text)} >= {"voice_agent_turns"}


async def test_metrics_of_two_servers_are_their_own_and_nothing_is_put_into_the_common_registry() -> None:
    async with running_server(provider=ScriptedModel([says("Hola")])) as one:
        async with running_server(provider=ScriptedModel([])) as other, client_of(one) as client:
            await client.opens()
            await client.says("hola")
            await client.hears("response_complete")
            texts = await exposed(one), await exposed(other)

    assert [value(text, "turns_total", source="user", ending="stop") for text in texts] == [1, 0]
    assert not any(family.name.startswith("voice_agent") for family in REGISTRY.collect())


async def test_monitoring_page_lists_each_metric_with_its_labels() -> None:
    page = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    table = page.partition("\n## Metrics\n")[2].partition("\n## ")[0]
    listed = {
        name: set(re.findall(r"`(\w+)`", labels))
        for name, labels in re.findall(r"^\| `voice_agent_(\w+)` \| (.*?) ?\|", table, re.MULTILINE)
    }
    async with running_server(provider=ScriptedModel([]), tools=[]) as server:
        text = await exposed(server)

    families = {name_of(family): family for family in own(text)}
    shown = {
        name: {label for sample in family.samples for label in sample.labels} - {"le"}
        for name, family in families.items()
        if family.samples  # what has not happened yet shows no labels
    }
    assert set(listed) == set(families)
    assert {name: listed[name] for name in shown} == shown
