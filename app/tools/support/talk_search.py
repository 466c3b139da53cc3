"""Looks for what was said in a session: in the store, and in memory where there is none."""

import logging
from collections.abc import Iterator

from app.session.voice_session import VoiceSession
from app.storage.errors import StoreUnavailable
from app.storage.store import Store
from app.storage.text import folded, words_of
from app.tools.base import SearchHit, SearchHits

logger = logging.getLogger(__name__)

MAX_SCANNED_CHARS = 500_000
"""How much text a search in memory looks at, the newest first."""

_MOST_WORDS = 20

# The question itself, and what the agent has said before it called, stand in the turn that asks.
_OWN_MESSAGES = 3


class SessionSearch:
    """Searches one session's talk, but for the turn that asks: its question holds the words as well."""

    def __init__(self, session: VoiceSession, store: Store, turn_id: str) -> None:
        self._session = session
        self._store = store
        self._turn_id = turn_id

    async def search(self, query: str, limit: int) -> SearchHits:
        """What was said that holds words of the query: what holds most of them first, then the newest."""
        if not self._store.is_on:
            return SearchHits(self._remembered(query)[:limit], is_all=False)
        try:
            records = await self._store.search(self._session.session_id, query, limit + _OWN_MESSAGES)
        except StoreUnavailable:
            logger.warning("storage_unavailable", extra={"operation": "search"})
            return SearchHits(self._remembered(query)[:limit], is_all=False)
        found = [
            SearchHit(
                "user" if record.role == "user" else "assistant", record.content or "", record.created_at
            )
            for record in records
            if record.turn_id != self._turn_id
        ]
        if self._store.health().status != "ok":  # the newest words may still wait to be written
            known = {(remark.role, remark.content) for remark in found}
            found += [each for each in self._remembered(query) if (each.role, each.content) not in known]
        return SearchHits(found[:limit], is_all=True)

    def _remembered(self, query: str) -> list[SearchHit]:
        """Return what memory has, in the order of the store's search."""
        words = words_of(query, _MOST_WORDS)
        scored: list[tuple[int, SearchHit]] = []
        left = MAX_SCANNED_CHARS
        for remark in self._remarks():
            if left <= 0:
                break
            text = folded(remark.content[:left])
            left -= len(remark.content)
            score = sum(word in text for word in words)
            if score:
                scored.append((score, remark))
        scored.sort(key=lambda pair: -pair[0])  # a stable sort: the newest stay first
        return [remark for _, remark in scored]

    def _remarks(self) -> Iterator[SearchHit]:
        """All that is remembered, the newest first."""
        spoken = list(self._session.transcript)
        for entry in reversed(spoken):
            if entry.turn_id != self._turn_id and not entry.is_refused:
                yield SearchHit(entry.role, entry.content, entry.created_at)
        known = {entry.content for entry in spoken}
        for message in reversed(list(self._session.conversation_history)):
            role, content = message["role"], message["content"]
            if role in ("user", "assistant") and content and content not in known:
                yield SearchHit(role, content, None)
