"""The tools that the demo understands, and the order in which a piece of text is offered to their readers."""

from collections.abc import Callable

from app.errors import Locale
from app.llm.demo import calculation, local, memory, recall, waiting, web, writing
from app.llm.demo.asks import Ask
from app.llm.demo.text import Utterance

TIME = "get_current_time"


PLACE_TOOLS = (TIME, "get_weather_info")


Reader = Callable[[Utterance, Locale | None, bool], list[Ask]]


READERS: dict[str, Reader] = {
    recall.TOOL: lambda said, _, forced: recall.read(said, forced=forced),
    memory.TOOL: lambda said, _, forced: memory.read(said, forced=forced),
    "text_analysis": lambda said, _, forced: writing.read(said, forced=forced),
    "make_http_request": lambda said, _, forced: web.read_request(said, forced=forced),
    "placeholder_api_call": lambda said, _, forced: waiting.read(said, forced=forced),
    "get_public_ip": lambda said, _, forced: web.read_public_ip(said, forced=forced),
    "get_weather_info": lambda said, _, forced: local.read_weather(said, forced=forced),
    "get_current_time": lambda said, _, forced: local.read_time(said, forced=forced),
    "calculate": lambda said, language, forced: calculation.read(said, language, forced=forced),
}
"""The tools that the demo understands, the most particular requests first."""


def read_piece(piece: Utterance, language: Locale | None) -> list[Ask]:
    """What a piece of text asks of the first tool that feels addressed; empty if none does."""
    unaddressed: list[Ask] = []
    for read in READERS.values():
        found = read(piece, language, False)
        if found and found[0].tool == "make_http_request" and found[0].missing == "url":
            # «haz una petición lenta» is none that needs an address.
            unaddressed = found
        elif found:
            return found
    return unaddressed or writing.read_weak(piece)
