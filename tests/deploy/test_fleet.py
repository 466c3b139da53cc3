"""The files of `deploy/` for several processes: balancers before real ones, manifests by their schemas."""

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.settings import Settings
from tests.deploy.balancers import balancer
from tests.deploy.proxies import DEPLOY, PATIENCE_S, free_port, program
from tests.fleet.conftest import fleet
from tests.support.answers import Text
from tests.support.azure_standin import AzureStandin
from tests.support.process import ServerProcess
from tests.support.resuming_client import resuming_client

MANIFESTS: list[dict[str, Any]] = list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text("utf-8")))
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose-fleet.yaml").read_text("utf-8"))


def of_kind(kind: str) -> dict[str, Any]:
    (found,) = [manifest for manifest in MANIFESTS if manifest["kind"] == kind]
    return found


# Balancers


@pytest.mark.e2e
@pytest.mark.timeout(240)
@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "stopped"])
async def test_a_talk_goes_on_through_haproxy_when_its_process_ends(
    tmp_path: Path, postgres_address: str, stop: signal.Signals
):
    async with AzureStandin() as model, fleet(tmp_path, postgres_address, model) as processes:
        model.reply = lambda request: Text(f"eco de {request.last_text}")
        async with (
            balancer("haproxy", tmp_path, [process.port for process in processes]) as port,
            resuming_client(f"ws://127.0.0.1:{port}/ws", heartbeat_s=5, back_off_s=0.1) as client,
        ):
            await client.until(lambda: bool(client.session_id), PATIENCE_S)
            await client.says("uno", "a")
            await client.until(lambda: len(client.heard("response_complete")) == 1, PATIENCE_S)

            owner = await owner_of(processes, client.session_id)
            owner.signals(stop)
            await client.until(lambda: client.resumes == 1 or bool(client.wrong), PATIENCE_S)
            await client.says("dos", "b")
            await client.until(
                lambda: len(client.heard("response_complete")) == 2 or bool(client.wrong), PATIENCE_S
            )

            assert client.wrong == []
            assert [m["text"] for m in client.heard("response_complete")] == ["eco de uno", "eco de dos"]


async def owner_of(processes: list[ServerProcess], session_id: str) -> ServerProcess:
    """The process whose log says that the session began there."""
    for process in processes:
        if any("session_created" in line and session_id in line for line in process.log):
            return process
    raise AssertionError("nobody has it")


def test_nginx_takes_its_file(tmp_path: Path):
    nginx = program("nginx")
    site = (DEPLOY / "nginx.conf").read_text("utf-8")
    assert site.count("proxy_pass http://127.0.0.1:8000;") == 1
    (tmp_path / "site.conf").write_text(
        site.replace("http://127.0.0.1:8000;", "http://voice_agents;").replace(
            "listen 80;", f"listen 127.0.0.1:{free_port()};"
        )
    )
    shutil.copy(DEPLOY / "nginx-fleet.conf", tmp_path)
    main = tmp_path / "main"
    main.write_text(
        f"pid {tmp_path}/pid; error_log stderr; events {{}}"
        f" http {{ access_log off; include {tmp_path}/*.conf; }}"
    )

    assert os.spawnl(os.P_WAIT, nginx, nginx, "-t", "-q", "-c", str(main), "-p", str(tmp_path)) == 0


# Docker


def test_compose_stops_with_time_and_names_settings():
    agent = COMPOSE["services"]["agent"]

    assert agent["stop_grace_period"] == "45s"
    assert agent["deploy"]["replicas"] == 3
    assert agent["deploy"]["update_config"]["order"] == "start-first"
    assert {name.lower() for name in agent["environment"]} <= set(Settings.model_fields)
    assert "FLEET_ADDRESS=http://$$(hostname):9000" in agent["command"][-1]
    for config in COMPOSE["configs"].values():
        assert (DEPLOY / config["file"]).exists()


# Kubernetes


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda manifest: manifest["kind"])
def test_manifest_is_what_the_api_of_kubernetes_takes(manifest: dict[str, Any]):
    validate = pytest.importorskip("kubernetes_validate")

    validate.validate(manifest, validate.latest_version(), strict=True)


def test_a_manifest_with_a_wrong_field_is_found():
    validate = pytest.importorskip("kubernetes_validate")
    spoilt = {**of_kind("PodDisruptionBudget"), "spec": {"maxUnavailable": 1, "selektor": {}}}

    with pytest.raises(validate.ValidationError):
        validate.validate(spoilt, validate.latest_version(), strict=True)


def test_pods_are_given_the_time_that_a_stop_may_take():
    pod = of_kind("Deployment")["spec"]["template"]["spec"]
    (agent,) = pod["containers"]
    pause_s = int(agent["lifecycle"]["preStop"]["exec"]["command"][1])
    needs_s = pause_s + Settings.model_fields["drain_grace_s"].default + 10

    assert pod["terminationGracePeriodSeconds"] >= needs_s
    assert of_kind("Deployment")["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


def test_pods_are_given_settings_and_asked_for_routes_that_there_are():
    (agent,) = of_kind("Deployment")["spec"]["template"]["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in agent["ports"]}
    address = next(entry["value"] for entry in agent["env"] if entry["name"] == "FLEET_ADDRESS")

    assert {entry["name"].lower() for entry in agent["env"]} - {"pod_ip"} <= set(Settings.model_fields)
    assert address == f"http://$(POD_IP):{ports['fleet']}"
    assert agent["readinessProbe"]["httpGet"]["path"] == "/agent/ready"
    assert agent["livenessProbe"]["httpGet"]["path"] == "/agent/health"


def test_all_manifests_mean_the_same_pods():
    labels = of_kind("Deployment")["spec"]["template"]["metadata"]["labels"]

    assert of_kind("Service")["spec"]["selector"] == labels
    assert of_kind("PodDisruptionBudget")["spec"]["selector"]["matchLabels"] == labels
    assert of_kind("NetworkPolicy")["spec"]["podSelector"]["matchLabels"] == labels
    assert of_kind("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]["name"] == "voice-agent"
