"""A whole talk as a file, written while it is read: a few messages at a time, whatever its length.

A page is read, written, and sent before the next one is read. So a long talk costs the memory of a page, a
reader that falls asleep holds nothing of the database, and between two pages others have their turn.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, tzinfo
from typing import Final

from starlette.responses import StreamingResponse
from starlette.types import Message, Send

from app.router.routes.export_forms import FORMS, OnceEach
from app.router.routes.stored_talks import StoredMessage, messages_of, unavailable
from app.storage.errors import StoreUnavailable
from app.storage.records import SessionRecord
from app.storage.store import Store

logger = logging.getLogger(__name__)

READER_PATIENCE_S: Final = 60.0
"""A reader who takes nothing for so long is let go, in seconds."""

_PAGE_MESSAGES: Final = 200
_TRIES: Final = 3
_RETRY_AFTER_S: Final = 1.0


async def export_of(
    store: Store,
    record: SessionRecord,
    form: str,
    zone: tzinfo = UTC,
    patience_s: float = READER_PATIENCE_S,
) -> StreamingResponse:
    """Return the talk, as it stands now: what is said meanwhile is not in it.

    Args:
        store: Where it is kept.
        record: Its session.
        form: A key of `FORMS`.
        zone: Whose times people read.
        patience_s: How long a reader may take nothing, in seconds.

    Raises:
        HTTPException: 503, where the database does not answer.
    """
    try:
        upto = await store.talk_extent(record.id)
        first = [await _page(store, record.id, None, upto)]
    except StoreUnavailable as error:
        raise unavailable(error) from None
    file, once = FORMS[form](record, zone), OnceEach()

    async def written() -> AsyncIterator[bytes]:
        yield file.head()
        (page, cursor), is_first = first.pop(), True
        while True:
            last = page[-1].position if page else -1
            kept = once.of(page, cursor is None)
            yield file.body(kept, is_first)
            is_first = is_first and not kept
            page.clear()  # before the next one is read
            kept.clear()
            if cursor is None:
                break
            page, cursor = await _page_in_time(store, record.id, cursor, upto)
        if last < upto:
            raise _ErasedMeanwhile
        yield file.tail

    name = f"talk-{record.id}.{file.ending}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    answer = _Export(written(), headers=headers, media_type=file.media_type)
    answer.patience_s = patience_s
    return answer


class _ErasedMeanwhile(Exception):
    """What is left to be read is no longer there."""


class _Export(StreamingResponse):
    """An answer that breaks off where database or reader no longer answer, or the talk has been erased."""

    patience_s = READER_PATIENCE_S

    async def stream_response(self, send: Send) -> None:
        """Send piece by piece, each within `patience_s`."""

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
    """Return the next page; a database that is busy for a moment does not end the file."""
    for _ in range(_TRIES - 1):
        try:
            return await _page(store, session_id, cursor, upto)
        except StoreUnavailable:
            await asyncio.sleep(_RETRY_AFTER_S)
    return await _page(store, session_id, cursor, upto)
