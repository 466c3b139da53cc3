"""The limits of all processes together: what users may use up in an hour, and sessions of one address.

Each process counts by itself, and tells the database once a second what has changed; it hears then what the
others have counted of the same users and addresses. So nothing is asked before a turn, and each process may
overrun a limit by what it takes within a second, or by a turn.
"""

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from typing import Final

from app.services.limits.rates import SessionLimits
from app.storage.errors import StoreUnavailable
from app.storage.shared import SharedDatabase
from app.storage.shared_limits import Used, count, forget_the_past, key_of, spend

logger = logging.getLogger(__name__)

_EVERY_S: Final = 1.0
_FORGET_EVERY: Final = 600
"""Rounds between two looks for what is over."""


class FleetLimits:
    """Shares this process's counts with the others.

    Args:
        limits: Of this process's sessions.
    """

    def __init__(self, limits: SessionLimits, shared: SharedDatabase) -> None:
        self._limits = limits
        self._shared = shared
        for hourly in limits.budgets.each:
            hourly.is_shared = True
        limits.crowds.is_shared = True

    async def run(self) -> None:
        """Share until cancelled."""
        rounds = 0
        while True:
            try:
                if rounds % _FORGET_EVERY == 0:
                    await self._shared.do(forget_the_past)
                await self.share()
            except StoreUnavailable as exc:
                logger.debug("limits_not_shared", extra={"cause": str(exc)})
            rounds += 1
            await asyncio.sleep(_EVERY_S)

    async def share(self) -> None:
        """Tell what has changed, and hear of the others; what fails is told the next time.

        Raises:
            StoreUnavailable: The database does not answer.
        """
        await self._share_budgets()
        await self._share_crowds()

    async def _share_budgets(self) -> None:
        told = {
            key_of(hourly.what, who): (hourly, who, amount)
            for hourly in self._limits.budgets.each
            for who, amount in hourly.take_untold().items()
        }
        if not told:
            return
        amounts = {key: amount for key, (_, _, amount) in told.items()}
        try:
            sums: Mapping[str, Used] = await self._shared.do(partial(spend, amounts=amounts))
        except BaseException:
            for hourly, who, amount in told.values():
                hourly.put_back(who, amount)
            raise
        for key, used in sums.items():
            hourly, who, _ = told[key]
            hourly.learn(who, used.amount, used.age_s)

    async def _share_crowds(self) -> None:
        crowds = self._limits.crowds
        changed = crowds.take_changed()
        if not changed:
            return
        by_key = {key_of("address", address): address for address in changed}
        sessions = {key: changed[address] for key, address in by_key.items()}
        try:
            elsewhere = await self._shared.do(partial(count, node=self._shared.me, sessions=sessions))
        except BaseException:
            crowds.put_back(changed)
            raise
        crowds.learn({address: elsewhere.get(key, 0) for key, address in by_key.items()})
