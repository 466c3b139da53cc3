"""Looking up host names without holding anything else up.

The system's resolver blocks, in the worst case for half a minute, and cannot be cancelled. Its calls get
daemon threads of their own, few of them, so that neither the event loop's executor nor the tools' threads can
be used up by a name server that does not answer, and so that the process can end while one hangs.
"""

import asyncio
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol


class LookupFailed(Exception):
    """A name has no address, or none could be found out.

    Attributes:
        is_final: The name does not exist; asking again does not help.
    """

    def __init__(self, *, is_final: bool) -> None:
        super().__init__("no such name" if is_final else "no answer")
        self.is_final = is_final


class Resolver(Protocol):
    """Finds the addresses of a name."""

    async def __call__(self, host: str) -> list[str]:
        """All addresses of the name, in the order in which they should be tried.

        Raises:
            LookupFailed: There are none.
        """
        ...


class SystemResolver:
    """The machine's own resolver, with a limit of calls at once and a limit of time for each.

    Args:
        max_threads: Calls at once; one more fails without waiting. A call that was given up counts until the
            system returns from it.
        timeout_s: Limit of one look-up in seconds.
        look_up: What does the work, in a thread; takes and returns what `socket.getaddrinfo` does.
    """

    def __init__(
        self, *, max_threads: int = 8, timeout_s: float = 5, look_up: Callable[..., Any] = socket.getaddrinfo
    ) -> None:
        self._slots = threading.BoundedSemaphore(max_threads)
        self._timeout_s = timeout_s
        self._look_up = look_up

    async def __call__(self, host: str) -> list[str]:
        """See `Resolver`."""
        if not self._slots.acquire(blocking=False):
            raise LookupFailed(is_final=False)
        found: Future[list[str]] = Future()
        thread = threading.Thread(target=self._work, args=(host, found), name="name-lookup", daemon=True)
        try:
            thread.start()
        except RuntimeError as exc:
            self._slots.release()
            raise LookupFailed(is_final=False) from exc
        try:
            async with asyncio.timeout(self._timeout_s):
                return await asyncio.wrap_future(found)
        except TimeoutError as exc:
            raise LookupFailed(is_final=False) from exc

    def _work(self, host: str, found: "Future[list[str]]") -> None:
        try:
            if not found.set_running_or_notify_cancel():
                return
            answers = self._look_up(host, None, type=socket.SOCK_STREAM)
            found.set_result(list(dict.fromkeys(str(answer[4][0]) for answer in answers)))
        except (OSError, UnicodeError) as exc:
            found.set_exception(LookupFailed(is_final=_is_final(exc)))
        finally:
            self._slots.release()


def _is_final(exc: Exception) -> bool:
    return isinstance(exc, socket.gaierror) and exc.errno != socket.EAI_AGAIN
