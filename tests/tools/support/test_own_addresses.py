"""This machine's own addresses, public ones too, are not what requests may go to."""

import shutil
import socket
import subprocess
import sys
from ipaddress import ip_address
from pathlib import Path

import pytest

from app.tools.support.destination_guard import DestinationGuard, Forbidden
from app.tools.support.name_lookup import LookupFailed
from app.tools.support.own_addresses import NAME_KEPT_S, SystemOwnAddresses, is_on_an_interface
from app.tools.support.web_address import parse_web_address
from tests.tools.support.stand_in import ScriptedResolver

ROOT = Path(__file__).parents[3]
PUBLIC = "93.184.215.14"


def outward_address() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("8.8.8.8", 9))
        except OSError:
            pytest.skip("this machine has no way out")
        return probe.getsockname()[0]


@pytest.mark.parametrize("address", ["127.0.0.1", "127.1.2.3", "::1"])
def test_loopback_is_here(address: str):
    assert is_on_an_interface(ip_address(address))


def test_outward_address_is_here():
    assert is_on_an_interface(ip_address(outward_address()))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "240.0.0.1"])
def test_others_are_not(address: str):
    assert not is_on_an_interface(ip_address(address))


class Machine:
    """A machine whose name has addresses, and a clock."""

    def __init__(self, *answers: list[str]) -> None:
        self.resolver = ScriptedResolver({"box": list(answers)} if answers else {})
        self.now = 0.0
        self.is_own = SystemOwnAddresses(self.resolver, lambda: "box", lambda: self.now)


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        (PUBLIC, PUBLIC),
        (f"::ffff:{PUBLIC}", PUBLIC),
        ("64:ff9b::5db8:d70e", PUBLIC),
        (PUBLIC, f"::ffff:{PUBLIC}"),
        ("2606:4700::1", "2606:4700:0:0::1"),
        ("2606:4700::1", "2606:4700::1%eth0"),
    ],
)
async def test_what_the_machines_name_stands_for_is_here(asked: str, named: str):
    machine = Machine(["10.0.0.1", named])

    assert await machine.is_own(ip_address(asked))
    assert not await machine.is_own(ip_address("8.8.8.8"))


async def test_the_name_is_looked_up_anew_after_a_while():
    machine = Machine(["8.8.4.4"], [PUBLIC])

    assert not await machine.is_own(ip_address(PUBLIC))
    machine.now += NAME_KEPT_S / 2
    assert not await machine.is_own(ip_address(PUBLIC))
    assert len(machine.resolver.asked) == 1
    machine.now += NAME_KEPT_S
    assert await machine.is_own(ip_address(PUBLIC))


async def test_name_without_an_address_forbids_nothing():
    async def silent(host: str) -> list[str]:
        raise LookupFailed(is_final=False)

    assert not await Machine().is_own(ip_address(PUBLIC))
    assert not await SystemOwnAddresses(silent)(ip_address(PUBLIC))


@pytest.mark.parametrize("url", [f"http://{PUBLIC}/", "http://a.example/", f"http://{PUBLIC}:8443/"])
async def test_own_public_address_is_forbidden_unless_the_operator_names_it(url: str):
    machine = Machine([PUBLIC])
    resolver = ScriptedResolver({"a.example": [["8.8.8.8", PUBLIC]]})

    with pytest.raises(Forbidden, match="own address"):
        await DestinationGuard(resolver, machine.is_own).addresses_of(parse_web_address(url))
    host = parse_web_address(url).host
    assert await DestinationGuard(resolver, machine.is_own, (host,)).addresses_of(parse_web_address(url))


IN_A_NETWORK_OF_ITS_OWN = f"""
import subprocess
from ipaddress import ip_address
from app.tools.support.own_addresses import is_on_an_interface

def add(address):
    subprocess.run(["ip", "addr", "add", address, "dev", "lo"], check=True)

seen = [is_on_an_interface(ip_address("{PUBLIC}"))]
add("{PUBLIC}/32")
subprocess.run(["ip", "route", "add", "local", "1.2.3.0/24", "dev", "lo"], check=True)
add("2606:4700::1/128")
# Nobody can use an IPv6 address before the system has made sure, a moment later, that it is free.
while subprocess.run(["ip", "-6", "addr", "show", "dev", "lo", "tentative"], capture_output=True).stdout:
    pass
seen += [is_on_an_interface(ip_address(text)) for text in ("{PUBLIC}", "2606:4700::1", "1.2.3.4", "8.8.8.8")]
print(seen)
"""


@pytest.mark.skipif(not (shutil.which("unshare") and shutil.which("ip")), reason="needs unshare and ip")
def test_public_address_that_is_added_later_is_here_at_once():
    inside = f'ip link set lo up && exec {sys.executable} -c "$0"'
    command = ["unshare", "-rn", "sh", "-c", inside, IN_A_NETWORK_OF_ITS_OWN]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode and "unshare" in done.stderr:
        pytest.skip("this machine allows no networks of one's own")

    assert done.stdout.strip() == "[False, True, True, True, False]", done.stderr
