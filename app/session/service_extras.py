"""What a service gave along with calls, as it is stored: inside the calls, which are JSON.

What belongs to the whole message stands in its first call. Whoever shows calls to people leaves all of it
out: thoughts are never shown.
"""

from collections.abc import Sequence
from typing import Any

from app.chat import ApiMessage, Extras

_OF_CALL = "extras"
_OF_MESSAGE = "message_extras"

Calls = Sequence[dict[str, Any]]


def stored_calls(message: ApiMessage) -> list[dict[str, Any]] | None:
    """A message's calls as they are stored; None where it has none."""
    calls: list[dict[str, Any]] | None = message.get("tool_calls")
    extras: Extras | None = message.get("extras")
    if not calls or extras is None:
        return calls
    return [{**calls[0], _OF_MESSAGE: extras}, *calls[1:]]


def calling_again(calls: Calls) -> dict[str, Any]:
    """Return the members of a message whose calls were stored: the calls, and what belongs to all of it."""
    extras = calls[0].get(_OF_MESSAGE)
    bare = [{name: value for name, value in call.items() if name != _OF_MESSAGE} for call in calls]
    return {"tool_calls": bare} | ({"extras": extras} if extras else {})


def shown_calls(calls: Calls | None) -> list[dict[str, Any]] | None:
    """Stored calls as people see them."""
    if calls is None:
        return None
    hidden = (_OF_CALL, _OF_MESSAGE)
    return [{name: value for name, value in call.items() if name not in hidden} for call in calls]
