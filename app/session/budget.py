"""What users may use up in an hour: texts, the model's tokens, tool calls."""

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Self

from app.errors import BudgetExceeded
from config.limit_settings import LimitSettings

HOUR_S: Final = 3600.0
MAX_KNOWN: Final = 10_000
"""So many users are counted at once. One more takes the place of whoever's hour began first."""

What = Literal["texts", "tokens", "tool_calls"]

Hours = Mapping[What, tuple[int, float]]
"""What was used up of each, and how long ago its hour began, in seconds."""


@dataclass(slots=True)
class _Hour:
    began_at: float
    used: int = 0
    untold: int = 0


class HourlyLimit:
    """A bound for each user and hour. A user's hour begins with what they use first.

    Args:
        most: What may be used up; 0 bounds nothing, and then nothing is counted.
        monotonic: The time, in seconds.

    Attributes:
        what: Is bounded.
        is_shared: Other processes count too: what is used is kept to be told to them.
    """

    def __init__(self, what: What, most: int, monotonic: Callable[[], float]) -> None:
        self.what: What = what
        self.is_shared = False
        self._untold: set[str] = set()
        self._most = most
        self._monotonic = monotonic
        self._hours: OrderedDict[str, _Hour] = OrderedDict()

    def check(self, key: str) -> None:
        """Raise `BudgetExceeded`, with the time left, where this user has used it up."""
        if not self._most:
            return
        hour = self._hours.get(key)
        now = self._monotonic()
        if hour is not None and hour.used >= self._most and now < hour.began_at + HOUR_S:
            left_s = hour.began_at + HOUR_S - now
            raise BudgetExceeded(f"{self.what}, {round(left_s)} s left", minutes=math.ceil(left_s / 60))

    def left(self, key: str, wanted: int) -> int:
        """Return how many of those that are wanted may be used."""
        if not self._most:
            return wanted
        hour = self._hours.get(key)
        is_over = hour is None or self._monotonic() >= hour.began_at + HOUR_S
        return min(wanted, self._most if hour is None or is_over else self._most - hour.used)

    def told(self, key: str) -> tuple[int, float]:
        """Return what was used up in the hour that goes on, and how long ago that began, in seconds."""
        hour, now = self._hours.get(key), self._monotonic()
        return (0, 0.0) if hour is None or now >= hour.began_at + HOUR_S else (hour.used, now - hour.began_at)

    def recall(self, key: str, used: int, began_s_ago: float) -> None:
        """Know what another process has counted; what this one has counted is not added to it."""
        known, _ = self.told(key)
        if self._most and used > known and began_s_ago < HOUR_S:
            self._count(key, used - known)  # whoever has counted it tells the others
            self._hours[key].began_at = self._monotonic() - began_s_ago

    def spend(self, key: str, amount: int = 1) -> None:
        """Count what was used."""
        if not self._most:
            return
        self._count(key, amount)
        if self.is_shared and amount:
            self.put_back(key, amount)

    def _count(self, key: str, amount: int) -> None:
        now = self._monotonic()
        hour = self._hours.get(key)
        if hour is None or now >= hour.began_at + HOUR_S:
            self._hours.pop(key, None)
            hour = self._hours[key] = _Hour(now)
            if len(self._hours) > MAX_KNOWN:
                self._hours.popitem(last=False)
        hour.used += amount

    def take_untold(self) -> dict[str, int]:
        """Return what was used since this was last asked, by user."""
        told: dict[str, int] = {}
        for key in self._untold:
            hour = self._hours.get(key)
            if hour is not None and hour.untold:
                told[key], hour.untold = hour.untold, 0
        self._untold.clear()
        return told

    def put_back(self, key: str, amount: int) -> None:
        """Keep what was used of a user to be told, for the first time or again."""
        hour = self._hours.get(key)
        if hour is not None:
            hour.untold += amount
            self._untold.add(key)

    def learn(self, key: str, used: int, age_s: float) -> None:
        """Take over what all processes have counted together in a user's hour, which began so long ago."""
        hour = self._hours.get(key)
        if hour is not None:
            hour.used, hour.began_at = used + hour.untold, self._monotonic() - age_s


@dataclass(frozen=True, slots=True)
class Budgets:
    """The bounds of all users."""

    texts: HourlyLimit
    tokens: HourlyLimit
    tool_calls: HourlyLimit

    @property
    def each(self) -> tuple[HourlyLimit, ...]:
        """One after another."""
        return (self.texts, self.tokens, self.tool_calls)

    @classmethod
    def of(cls, settings: LimitSettings, monotonic: Callable[[], float]) -> Self:
        """Those that the settings name."""
        return cls(
            HourlyLimit("texts", settings.max_texts_per_session_hour, monotonic),
            HourlyLimit("tokens", settings.max_tokens_per_user_hour, monotonic),
            HourlyLimit("tool_calls", settings.max_tool_calls_per_user_hour, monotonic),
        )


class Budget:
    """One session's part of its user's budgets; without any, nothing is bounded."""

    def __init__(self, budgets: Budgets | None = None, session_id: str = "", user_id: str = "") -> None:
        self._budgets = budgets
        self._session_id = session_id
        self._user_id = user_id

    def take_text(self) -> None:
        """A text of the user comes; raises `BudgetExceeded`, and counts nothing, where it may not."""
        if self._budgets is not None:
            self._budgets.texts.check(self._session_id)
            self._budgets.tokens.check(self._user_id)
            self._budgets.texts.spend(self._session_id)

    def told(self) -> Hours:
        """Return what was used up in the hours that go on, for a process that goes on counting."""
        return {what: limit.told(key) for what, limit, key in self._limits()}

    def recall(self, hours: Hours) -> None:
        """Go on from what another process has counted."""
        for what, limit, key in self._limits():
            limit.recall(key, *hours.get(what, (0, 0.0)))

    def _limits(self) -> Sequence[tuple[What, HourlyLimit, str]]:
        if self._budgets is None:
            return ()
        return (
            ("texts", self._budgets.texts, self._session_id),
            ("tokens", self._budgets.tokens, self._user_id),
            ("tool_calls", self._budgets.tool_calls, self._user_id),
        )

    def check_tokens(self) -> None:
        """The model is about to be asked; raises `BudgetExceeded` where it may not be."""
        if self._budgets is not None:
            self._budgets.tokens.check(self._user_id)

    def spend_tokens(self, amount: int) -> None:
        """The model was asked, and answered."""
        if self._budgets is not None:
            self._budgets.tokens.spend(self._user_id, amount)

    def take_tools(self, wanted: int) -> int:
        """How many of the calls that the model asks for may run; raises `BudgetExceeded` where none may."""
        if self._budgets is None:
            return wanted
        limit = self._budgets.tool_calls
        limit.check(self._user_id)
        granted = limit.left(self._user_id, wanted)
        limit.spend(self._user_id, granted)
        return granted
