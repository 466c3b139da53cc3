"""The tool calls that a command may mean, by a part of their ids."""

from voice_agent_client import ApprovalRequested, Event, SessionCreated, ToolFinished, ToolStarted

_BEGINNING = "call_"


class OpenCalls:
    """Calls that run, and those that wait for the user's leave, in the order in which they came."""

    def __init__(self) -> None:
        self._is_asked: dict[str, bool] = {}

    def follow(self, event: Event) -> None:
        """Note what a message of the server says of them."""
        match event:
            case ApprovalRequested(call_id):
                self._is_asked[call_id] = True
            case ToolStarted(call_id):
                self._is_asked[call_id] = False
            case ToolFinished(call_id):
                self._is_asked.pop(call_id, None)
            case SessionCreated():
                self._is_asked.clear()
            case _:
                pass

    def chosen(self, given: str, *, only_asked: bool) -> list[str]:
        """Return the ids that are meant: by the beginning of one, or by nothing where there is one alone.

        Several where it is not clear. What no call is known by is taken as it is: the server knows better.
        """
        open_ids = [call_id for call_id, is_asked in self._is_asked.items() if is_asked or not only_asked]
        if not given:
            return open_ids
        if given in self._is_asked:
            return [given]
        return [one for one in open_ids if one.startswith((given, _BEGINNING + given))] or [given]
