"""A whole talk as a file, written while it is read: a few messages at a time, whatever its length.

A page is read, written, and sent before the next one is read. So a long talk costs the memory of a page, a
reader that falls asleep holds nothing of the database, and between two pages others have their turn.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final

import orjson
from starlette.responses import StreamingResponse
from starlette.types import Message, Send

from app.clock import wire_time
from app.router.routes.stored_talks import StoredMessage, describe_stored, messages_of, unavailable
from app.storage.errors import StoreUnavailable
from app.storage.records import SessionRecord
from app.storage.store import Store

logger = logging.getLogger(__name__)

READER_PATIENCE_S: Final = 60.0
"""A reader who takes nothing for so long is let go, in seconds."""

_PAGE_MESSAGES: Final = 200
_TRIES: Final = 3
_RETRY_AFTER_S: Final = 1.0

Write = Callable[[Sequence[StoredMessage], bool], bytes]
"""Some messages as they stand in the file; whether they are the first ones."""


async def export_of(
    store: Store, record: SessionRecord, form: str, patience_s: float = READER_PATIENCE_S
) -> StreamingResponse:
    """The talk, as it stands now: what is said meanwhile is not in it.

    Args:
        store: Where it is kept.
        record: Its session.
        form: `json` or `markdown`.
        patience_s: How long a reader may take nothing, in seconds.

    Raises:
        HTTPException: 503, where the database does not answer.
    """
    try:
        upto = await store.talk_extent(record.id)
        first = [await _page(store, record.id, None, upto)]
    except StoreUnavailable as error:
        raise unavailable(error) from None
    if form == "markdown":
        head, write, tail = _markdown_head(record), _markdown_writer(record.user_id), b""
        name, media_type = f"talk-{record.id}.md", "text/markdown"
    else:
        head, write, tail = _json_head(record), _as_json, b"]}"
        name, media_type = f"talk-{record.id}.json", "application/json"

    async def written() -> AsyncIterator[bytes]:
        yield head
        (page, cursor), is_first = first.pop(), True
        while True:
            last = page[-1].position if page else -1
            yield write(page, is_first)
            page.clear()  # before the next one is read
            if cursor is None:
                break
            page, cursor = await _page_in_time(store, record.id, cursor, upto)
            is_first = False
        if last < upto:
            raise _ErasedMeanwhile
        yield tail

    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    answer = _Export(written(), headers=headers, media_type=media_type)
    answer.patience_s = patience_s
    return answer


class _ErasedMeanwhile(Exception):
    """What is left to be read is no longer there."""


class _Export(StreamingResponse):
    """An answer that breaks off where database or reader no longer answer, or the talk has been erased."""

    patience_s = READER_PATIENCE_S

    async def stream_response(self, send: Send) -> None:
        """Sends piece by piece, each within `patience_s`."""

        async def patiently(message: Message) -> None:
            async with asyncio.timeout(self.patience_s):
                await send(message)

        try:
            await super().stream_response(patiently)
        except (StoreUnavailable, TimeoutError, _ErasedMeanwhile) as error:
            # The server cuts the connection, and the reader sees that the file has no end.
            logger.warning("export_broken_off", extra={"cause": type(error).__name__})


async def _page(
    store: Store, session_id: str, cursor: str | None, upto: int
) -> tuple[list[StoredMessage], str | None]:
    page = await store.messages(session_id, _PAGE_MESSAGES, cursor, upto)
    return await messages_of(store, session_id, page.rows), page.next_cursor


async def _page_in_time(
    store: Store, session_id: str, cursor: str, upto: int
) -> tuple[list[StoredMessage], str | None]:
    """The next page; a database that is busy for a moment does not end the file."""
    for _ in range(_TRIES - 1):
        try:
            return await _page(store, session_id, cursor, upto)
        except StoreUnavailable:
            await asyncio.sleep(_RETRY_AFTER_S)
    return await _page(store, session_id, cursor, upto)


def _json_head(record: SessionRecord) -> bytes:
    return orjson.dumps(describe_stored(record)).removesuffix(b"}") + b',"messages":['


def _as_json(messages: Sequence[StoredMessage], is_first: bool) -> bytes:
    written = b",".join(orjson.dumps(message.model_dump()) for message in messages)
    return written if is_first or not written else b"," + written


def _markdown_head(record: SessionRecord) -> bytes:
    return f"# {record.id}\n\n{record.user_id}, {wire_time(record.created_at)}\n".encode()


def _markdown_writer(user_id: str) -> Write:
    """What the user and the agent said, and which tools were called, as people read it."""
    speakers = {
        ("user", None): user_id,
        ("assistant", None): "Agent",
        ("assistant", "backend"): "Back end, by the agent's mouth",
        ("system", "backend"): "Back end, to the agent",
        ("system", "server"): "Server, to the agent",
    }

    def write(messages: Sequence[StoredMessage], is_first: bool) -> bytes:
        lines: list[str] = []
        for message in messages:
            if message.role != "tool":
                who = speakers.get((message.role, message.source), message.role)
                lines += _in_markdown(message, who)
        return "".join(f"\n{line}\n" for line in lines).encode()

    return write


def _in_markdown(message: StoredMessage, who: str) -> list[str]:
    called: list[dict[str, Any]] = [call["function"] for call in message.tool_calls or ()]
    lines = [f"*{function['name']}* `{function['arguments']}`" for function in called]
    if message.content:
        mark = "" if message.status in ("ok", "accepted") else f" ({message.status})"
        lines += [f"**{who}**{mark}, {message.created_at}:", message.content]
    return lines
