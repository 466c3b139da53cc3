"""Tickets are good once, for their user, for a short time."""

import asyncio

from app.services.auth import tickets as module
from app.services.auth.principal import Principal
from app.services.auth.tickets import MAX_TICKETS_OF_ONE, Tickets
from tests.support.virtual_time import VirtualClock, virtual

ANA = Principal("ana", "user")


@virtual
async def test_a_ticket_is_good_once() -> None:
    tickets = Tickets(VirtualClock(), 30)
    ticket = tickets.issue(ANA, "token")

    found = tickets.redeem(ticket)
    assert found is not None
    assert (found.principal, found.token) == (ANA, "token")
    assert tickets.redeem(ticket) is None
    assert tickets.redeem("ticket.") is None


@virtual
async def test_a_ticket_is_good_for_its_time() -> None:
    tickets = Tickets(VirtualClock(), 30)
    early, late = tickets.issue(ANA, "t"), tickets.issue(ANA, "t")

    await asyncio.sleep(29)
    assert tickets.redeem(early) is not None
    await asyncio.sleep(2)
    assert tickets.redeem(late) is None


@virtual
async def test_a_user_has_a_bounded_number_and_takes_no_other_users() -> None:
    tickets = Tickets(VirtualClock(), 30)
    of_luis = tickets.issue(Principal("luis", "user"), "t")
    of_ana = [tickets.issue(ANA, "t") for _ in range(MAX_TICKETS_OF_ONE + 5)]

    assert len(tickets) == MAX_TICKETS_OF_ONE + 1
    assert tickets.redeem(of_luis) is not None
    assert tickets.redeem(of_ana[4]) is None
    assert tickets.redeem(of_ana[5]) is not None


@virtual
async def test_what_has_lapsed_is_forgotten() -> None:
    tickets = Tickets(VirtualClock(), 30)
    for number in range(100):
        tickets.issue(Principal(f"user {number}", "user"), "t")
    await asyncio.sleep(31)
    tickets.issue(ANA, "t")

    assert len(tickets) == 1
    assert module.MAX_TICKETS >= 100
