"""What an address did is remembered for a while; this machine and proxies pay for nothing."""

import asyncio
import logging

import pytest

from app.services.auth.addresses import Networks
from app.services.limits.address_conduct import MEMORY_S, Conducts
from app.services.limits.complaints import CONDUCT, Complaints, passes
from tests.support.virtual_time import VirtualClock, virtual


def conducts() -> Conducts:
    return Conducts(VirtualClock(), Networks(["10.0.0.0/8"]))


@virtual
async def test_each_time_it_is_borne_for_less_and_then_it_is_shut_out() -> None:
    known = conducts()
    bursts = []
    for _ in range(3):
        bursts.append(known.of("203.0.113.7").burst(100, 20))
        assert not known.of("203.0.113.7").is_shut_out
        known.of("203.0.113.7").strike()

    assert bursts == [100, 50, 25]
    assert known.of("203.0.113.7").is_shut_out
    await asyncio.sleep(MEMORY_S)
    assert not known.of("203.0.113.7").is_shut_out
    assert known.of("203.0.113.7").burst(100, 20) == 100


@pytest.mark.parametrize(
    ("address", "same", "is_shut_out"),
    [
        ("203.0.113.7", "::ffff:203.0.113.7", True),
        ("2001:db8::1", "2001:db8::2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("203.0.113.7", "203.0.113.8", False),
        ("127.0.0.1", "127.0.0.1", False),
        ("::1", "::1", False),
        ("10.1.2.3", "10.1.2.3", False),
        ("", "", False),
    ],
)
def test_whose_memory_it_is(address: str, same: str, is_shut_out: bool) -> None:
    @virtual
    async def test() -> None:
        known = conducts()
        for _ in range(3):
            known.of(address).strike()

        assert known.of(same).is_shut_out == is_shut_out

    test()


@virtual
async def test_old_addresses_are_forgotten() -> None:
    known = conducts()
    for number in range(100):
        known.of(f"203.0.113.{number}")
    await asyncio.sleep(MEMORY_S + 1)
    known.of("198.51.100.1")

    assert len(known) == 1


@virtual
async def test_a_loud_address_has_few_lines_and_they_say_how_many_are_missing() -> None:
    known = conducts()
    conduct = known.of("127.0.0.1")
    conduct.strike(5)
    token = CONDUCT.set(conduct)
    written, missing = 0, 0
    for second in range(60):
        for _ in range(100):
            level = logging.WARNING if second % 2 else logging.INFO
            record = logging.LogRecord("x", level, "", 0, "x", None, None)
            conduct.note()
            if passes(record):
                written += 1
                missing += getattr(record, "left_out", 0)
        assert passes(logging.LogRecord("x", logging.ERROR, "", 0, "x", None, None))
        await asyncio.sleep(1)
    CONDUCT.reset(token)

    assert 10 < written <= 60
    assert written + missing > 5000


@virtual
async def test_a_connection_has_one_line_a_second(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    complaints = Complaints(VirtualClock(), conducts().of(""), logging.getLogger("x"))
    for _ in range(30):
        complaints.tell(logging.INFO, "bad_message")
        await asyncio.sleep(0.1)
    complaints.close()

    lines = [(record.message, getattr(record, "more", 0)) for record in caplog.records]
    assert lines[0] == ("bad_message", 0)
    assert 3 <= len(lines) <= 4
    assert sum(more + 1 for _, more in lines) == 30


ACCEPTED = '%s - "WebSocket %s" [accepted]'


def line(name: str, message: str, status: int | None = None) -> logging.LogRecord:
    record = logging.LogRecord(name, logging.INFO, "", 1, message, (), None)
    if status is not None:
        record.status = status
    return record


@pytest.mark.parametrize(("message", "status"), [(ACCEPTED, None), ("handshake", 101)])
@virtual
async def test_connections_of_this_machine_have_a_dozen_lines_at_once_and_then_one_in_three_seconds(
    message: str, status: int | None
) -> None:
    token = CONDUCT.set(conducts().of("127.0.0.1"))
    written = [passes(line("uvicorn.error", message, status)) for _ in range(50)]
    others = [passes(line("app.services", "session_opened")) for _ in range(50)]
    await asyncio.sleep(2.9)
    early = passes(line("uvicorn.error", message, status))
    await asyncio.sleep(0.2)
    late = line("uvicorn.error", message, status)

    assert sum(written) == 12 and all(others) and not early
    assert passes(late) and vars(late)["left_out"] == 39
    CONDUCT.reset(token)


@pytest.mark.parametrize(
    ("address", "message"), [("203.0.113.7", ACCEPTED), ("127.0.0.1", '%s - "WebSocket %s" 403')]
)
@virtual
async def test_strangers_and_refused_connections_keep_their_lines_while_they_are_not_loud(
    address: str, message: str
) -> None:
    token = CONDUCT.set(conducts().of(address))
    assert all(passes(line("uvicorn.error", message)) for _ in range(50))
    CONDUCT.reset(token)
