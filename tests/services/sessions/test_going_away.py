"""A process that stops tells its clients: at once where it is alone, spread where others take them."""

import asyncio
from typing import Any, cast

import pytest

from app.protocol.events import GoingAway
from app.services.sessions.going_away import OVERLAP_S, SESSIONS_PER_S, SHORTEST_SPREAD_S, tell_all
from app.services.sessions.live_session import LiveSession
from app.session.pump import Attachment
from tests.support.live import Wire
from tests.support.virtual_time import virtual


class Client:
    """A session and its connection, as far as a farewell looks at them."""

    def __init__(self, *, is_there: bool = True) -> None:
        self.told: list[tuple[float, GoingAway]] = []
        self.link = Attachment(Wire()) if is_there else None
        self.session = self.pump = self

    def emit(self, event: Any) -> None:
        self.told.append((asyncio.get_running_loop().time(), event))


def sessions(clients: list[Client]) -> list[LiveSession]:
    return cast("list[LiveSession]", clients)


@virtual
async def test_alone_all_are_told_at_once_and_nobody_is_waited_for():
    clients = [Client() for _ in range(3)]
    began = asyncio.get_running_loop().time()

    await tell_all(sessions(clients), 10.0, overlap=False)

    assert asyncio.get_running_loop().time() == began
    for client in clients:
        [(_, told)] = client.told
        assert (told.deadline_s, told.overlap) == (10.0, False)
        assert 0.5 <= told.reconnect_after_s <= 5


@pytest.mark.parametrize(("count", "spread_s"), [(1, 2.0), (4, 2.0), (800, 4.0)])
@virtual
async def test_with_others_beside_it_the_notices_are_spread(count: int, spread_s: float):
    assert spread_s == max(SHORTEST_SPREAD_S, count / SESSIONS_PER_S)
    clients = [Client() for _ in range(count)]
    began = asyncio.get_running_loop().time()

    await tell_all(sessions(clients), 30.0, overlap=True)

    at_s = [client.told[0][0] - began for client in clients]
    assert at_s == pytest.approx([spread_s * place / count for place in range(count)])
    assert asyncio.get_running_loop().time() - began == pytest.approx(at_s[-1] + OVERLAP_S)
    for client, told_at in zip(clients, at_s, strict=True):
        [(_, told)] = client.told
        assert told.overlap
        assert 0.1 <= told.reconnect_after_s <= max(0.5, count / SESSIONS_PER_S)
        assert told.deadline_s == pytest.approx(30 - told_at, abs=0.051)


@virtual
async def test_who_has_come_elsewhere_is_not_waited_for_and_who_is_away_is_told_nothing():
    comes, is_away = Client(), Client(is_there=False)
    telling = asyncio.create_task(tell_all(sessions([comes, is_away]), 30.0, overlap=True))
    await asyncio.sleep(0.1)
    assert comes.link is not None
    comes.link.gone.set()
    await asyncio.sleep(1)

    assert telling.done()
    assert is_away.told == []


@virtual
async def test_nobody_has_to_be_told():
    await tell_all([], 30.0, overlap=True)
    await tell_all([], 30.0, overlap=False)
