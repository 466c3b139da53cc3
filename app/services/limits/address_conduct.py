"""What addresses did, over all of their connections: who floods is not new again after a reconnect."""

from collections import OrderedDict
from typing import Final

from app.clock import Clock
from app.services.auth.addresses import Networks, counted_as, is_this_machine

MEMORY_S: Final = 60.0
"""How long it is remembered that a client had to be let go, in seconds."""

SHUT_OUT_AFTER: Final = 3.0
"""An address whose clients had to be let go so often lately gets no new connection for a while."""

WIRE_FAULT: Final = 0.25
"""What a broken or oversized frame weighs beside a flood; a client may mend itself after one."""

_MAX_ADDRESSES: Final = 10_000
_LOUD: Final = 12.0
_LOUDEST: Final = 60.0
_LINE_EVERY_S: Final = 10.0
_WARNING_EVERY_S: Final = 6.0
"""What the log says of a loud address: about a line in four seconds."""

_HANDSHAKES_AT_ONCE: Final = 12
"""Of an exempt address, whose other lines are all written."""
_HANDSHAKE_EVERY_S: Final = 3.0
"""And then, so that the others of a loud one find room beside them in a line a second."""


class _Bucket:
    """A dozen lines at once, then one in three seconds; the others are counted."""

    __slots__ = ("_clock", "_full", "_unsaid", "_updated_at")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._full = 0.0
        self._unsaid = 0
        self._updated_at = clock.monotonic()

    def take(self) -> int | None:
        """Return how many lines were left out before this one; None where it is to be left out too."""
        now = self._clock.monotonic()
        self._full = max(0.0, self._full - (now - self._updated_at) / _HANDSHAKE_EVERY_S)
        self._updated_at = now
        if self._full > _HANDSHAKES_AT_ONCE - 1:
            self._unsaid += 1
            return None
        self._full += 1
        unsaid, self._unsaid = self._unsaid, 0
        return unsaid


class Conduct:
    """What one address did.

    Args:
        is_exempt: It pays for nothing: this machine, or a proxy that speaks for many.
    """

    __slots__ = (
        "_clock",
        "_handshakes",
        "_noise",
        "_say_at",
        "_strikes",
        "_unsaid",
        "_updated_at",
        "_warn_at",
        "is_exempt",
        "last_at",
    )

    def __init__(self, clock: Clock, *, is_exempt: bool) -> None:
        self._clock = clock
        self.is_exempt = is_exempt
        self._strikes: list[tuple[float, float]] = []
        self._noise = 0.0
        self._updated_at = self.last_at = clock.monotonic()
        self._say_at = self._warn_at = 0.0
        self._unsaid = 0
        self._handshakes = _Bucket(clock)

    def strike(self, weight: float = 1.0) -> None:
        """A client of this address had to be let go for what it did."""
        now = self._clock.monotonic()
        self.last_at = now
        self._strikes = [*self._recent(now)[-100:], (now, weight)]
        self.note(_LOUD * weight)

    @property
    def is_shut_out(self) -> bool:
        """Whether it gets no new connection for now."""
        return not self.is_exempt and self._weight() >= SHUT_OUT_AFTER

    def burst(self, full: int, least: int) -> int:
        """Messages that a new connection may send in one second: half as many after each time.

        Args:
            full: Of an address of which nothing is known.
            least: Of any.
        """
        if self.is_exempt or not self._strikes:
            return full
        return max(min(least, full), full >> round(self._weight()))

    def note(self, noise: float = 1.0) -> None:
        """Something was done that leaves a line in the log, or is wrong."""
        self._noise = min(_LOUDEST, self._noise_now() + noise)

    @property
    def is_loud(self) -> bool:
        """Whether its lines would drown the log."""
        return self._noise_now() > _LOUD

    def line(self, *, is_warning: bool = False) -> int | None:
        """Ask for a line of the log, where the address is loud; warnings do not wait behind others.

        Returns:
            None where the line is to be left out and is counted; else how many were left out before it.
        """
        now = self._clock.monotonic()
        if self.is_loud and now < (self._warn_at if is_warning else self._say_at):
            self._unsaid += 1
            return None
        unsaid, self._unsaid = self._unsaid, 0
        if is_warning:
            self._warn_at = now + _WARNING_EVERY_S
        else:
            self._say_at = now + _LINE_EVERY_S
        return unsaid

    def handshake_line(self) -> int | None:
        """Ask for the line of a connection that was accepted; return as `line` does."""
        return self._handshakes.take() if self.is_exempt else 0

    def _noise_now(self) -> float:
        now = self._clock.monotonic()
        self._noise = max(0.0, self._noise - (now - self._updated_at))
        self._updated_at = self.last_at = now
        return self._noise

    def _recent(self, now: float) -> list[tuple[float, float]]:
        return [strike for strike in self._strikes if now - strike[0] < MEMORY_S]

    def _weight(self) -> float:
        if not self._strikes:
            return 0.0
        self._strikes = self._recent(self._clock.monotonic())
        return sum(weight for _, weight in self._strikes)


class Conducts:
    """The addresses that were heard of lately.

    Args:
        proxies: Networks whose addresses stand for many people.
    """

    def __init__(self, clock: Clock, proxies: Networks) -> None:
        self._clock = clock
        self._proxies = proxies
        self._known: OrderedDict[str, Conduct] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def of(self, address: str) -> Conduct:
        """Return what is known of an address; one that nobody can read is taken for this machine's."""
        key = counted_as(address)
        conduct = self._known.get(key)
        if conduct is None:
            is_exempt = not key or is_this_machine(address) or self._proxies.hold(address)
            conduct = self._known[key] = Conduct(self._clock, is_exempt=is_exempt)
            self._forget()
        self._known.move_to_end(key)
        return conduct

    def _forget(self) -> None:
        oldest_s = self._clock.monotonic() - MEMORY_S
        while len(self._known) > 1:
            conduct = next(iter(self._known.values()))
            if conduct.last_at > oldest_s and len(self._known) <= _MAX_ADDRESSES:
                return
            self._known.popitem(last=False)
