"""The port for the other processes lets in whoever knows the secret, once, for this life, and nobody else."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from app.clock import SystemClock
from app.fleet.caller import Caller
from app.fleet.signing import Refused, Signed, Signer

OWN, OLD, OTHERS = (secrets.token_hex(16) for _ in range(3))
REQUEST = Signed("GET", "/fleet/link", "life-1", b"caller")


class SetClock(SystemClock):
    """The wall clock of a machine that differs by so many seconds."""

    def __init__(self, off_s: float = 0) -> None:
        super().__init__()
        self.off = timedelta(seconds=off_s)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.off


def signer(*own: str, off_s: float = 0) -> Signer:
    return Signer(own or (OWN,), SetClock(off_s))


def test_what_is_signed_by_a_common_secret_is_taken_once():
    mine, header = signer(), signer().sign(REQUEST)

    mine.check(REQUEST, header)
    with pytest.raises(Refused, match="before"):
        mine.check(REQUEST, header)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [((OWN,), (OWN, OLD)), ((OLD,), (OWN, OLD)), ((OWN, OLD), (OWN,))],
    ids=["the new one", "the old one", "the first one signs"],
)
def test_two_secrets_are_good_while_one_replaces_the_other(theirs: tuple[str, ...], ours: tuple[str, ...]):
    signer(*ours).check(REQUEST, signer(*theirs).sign(REQUEST))


def spoilt(change: Callable[[list[str]], list[str]]) -> str:
    return " ".join(change(signer().sign(REQUEST).split(" ")))


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "v1",
        "x" * 10_000,
        "v1 1 2 3 4",
        "v1 ١٢٣ n s",
        "v1 -5 n s",
        "v1 " + "9" * 400 + " n s",
        signer(OTHERS).sign(REQUEST),
        spoilt(lambda parts: ["v2", *parts[1:]]),
        spoilt(lambda parts: [parts[0], str(int(parts[1]) + 1), *parts[2:]]),
        spoilt(lambda parts: [*parts[:2], "0" * 24, parts[3]]),
        spoilt(lambda parts: [*parts[:3], parts[3][:-1]]),
        spoilt(lambda parts: [*parts[:3], "é" + parts[3][1:]]),
    ],
)
def test_anything_else_is_refused(header: str | None):
    with pytest.raises(Refused):
        signer().check(REQUEST, header)


@pytest.mark.parametrize(
    "other",
    [
        Signed("POST", "/fleet/link", "life-1", b"caller"),
        Signed("GET", "/fleet/probe", "life-1", b"caller"),
        Signed("GET", "/fleet/link", "life-2", b"caller"),
        Signed("GET", "/fleet/link", "life-1", b"another"),
    ],
    ids=["method", "path", "life", "content"],
)
def test_a_signature_is_good_for_what_was_signed_alone(other: Signed):
    with pytest.raises(Refused):
        signer().check(other, signer().sign(REQUEST))


@pytest.mark.parametrize(("off_s", "is_taken"), [(-25, True), (25, True), (-40, False), (40, False)])
def test_clocks_may_differ_by_half_a_minute(off_s: float, is_taken: bool):
    header = signer(off_s=off_s).sign(REQUEST)
    if is_taken:
        signer().check(REQUEST, header)
    else:
        with pytest.raises(Refused, match="too old"):
            signer().check(REQUEST, header)


def test_a_long_token_takes_several_lines():
    caller = Caller("voice-agent.v2", token="t" * 30_000)
    lines = caller.headers()

    assert len(lines) > 1 and all(name == "fleet-caller" and len(line) <= 7000 for name, line in lines)
    assert Caller.of("".join(line for _, line in lines)) == caller


def test_a_caller_comes_through_as_it_was():
    caller = Caller("voice-agent.v2", "203.0.113.7", "ñandú", is_local=True)
    assert Caller.of(caller.header()) == caller


@pytest.mark.parametrize(
    "header",
    [
        "",
        "%%%",
        "bnVsbA==",
        "W10=",
        "eyJ3aXJlIjogMX0=",
        "eyJ3aXJlIjogInYyIiwgImlzX2xvY2FsIjogMX0=",
        "A" * 70_000,
    ],
)
def test_what_is_no_caller_is_refused(header: str):
    with pytest.raises(ValueError, match=r"too long|base64|form"):
        Caller.of(header)
