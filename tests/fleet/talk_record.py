"""What is known of a talk over several processes: what its client wrote down, and what is in the database."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import asyncpg

from tests.support.resuming_client import Message, ResumingClient

Direction = Literal["sent", "heard", "lost"]


@dataclass
class TalkRecord:
    """One talk, as `judge.py` holds it against its promises.

    Attributes:
        said: The texts, by the ids that the client gave them.
        log: What the client sent and heard, and where a connection was lost, in order.
        wrong: What the client itself found.
        rows: Its messages in the database, by their positions.
        calls: Its tool calls in the database.
        orders: What has reached the service that its writes go to: the order's tag, and its key.
        stops: How many planned stops there were while it went on.
    """

    session_id: str
    said: dict[str, str] = field(default_factory=dict[str, str])
    log: list[tuple[Direction, Message]] = field(default_factory=list[tuple[Direction, Message]])
    wrong: list[str] = field(default_factory=list[str])
    rows: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    calls: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    orders: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    stops: int = 0

    def heard(self, *kinds: str) -> list[Message]:
        """The messages of these types, in order."""
        return [
            message for direction, message in self.log if direction == "heard" and message["type"] in kinds
        ]

    def heard_all(self) -> list[Message]:
        """All messages, in order."""
        return [message for direction, message in self.log if direction == "heard"]

    def accepted(self) -> dict[str, tuple[str, bool]]:
        """The turn of each text that has its receipt, by the text's id, and whether it is safe."""
        found: dict[str, tuple[str, bool]] = {}
        for message in self.heard("message_accepted"):
            if message.get("id") in self.said:
                was_durable = found.get(message["id"], ("", False))[1]
                found[message["id"]] = message["turn_id"], was_durable or message["durable"]
        return found

    @property
    def was_promised(self) -> bool:
        """Whether anything of it was acknowledged: a session of which nothing was may go with its process."""
        return any(message["durable"] for message in self.heard("message_accepted"))

    def written(self) -> str:
        """The record as a line of JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def read(cls, line: str) -> "TalkRecord":
        """A record that was written."""
        values = json.loads(line)
        values["log"] = [(direction, message) for direction, message in values["log"]]
        values["orders"] = [(tag, key) for tag, key in values["orders"]]
        return cls(**values)


async def record_of(
    client: ResumingClient,
    said: dict[str, str],
    orders: Sequence[tuple[str, str]],
    pool: asyncpg.Pool,
    stops: int = 0,
) -> TalkRecord:
    """What is known of a talk now; the rows of both tables are of one moment, and not older than the log."""
    log, wrong = list(client.log), list(client.wrong)
    async with pool.acquire() as database, database.transaction(isolation="repeatable_read", readonly=True):
        rows = await database.fetch(
            "SELECT position, turn_id, client_id, role, content, status FROM messages"
            " WHERE session_id = $1 ORDER BY position",
            client.session_id,
        )
        calls = await database.fetch(
            "SELECT call_id, turn_id, name, arguments, effect, status, reason, outcome, idempotency_key,"
            " ended_at IS NOT NULL AS has_ended FROM tool_calls WHERE session_id = $1 ORDER BY started_at",
            client.session_id,
        )
    return TalkRecord(
        client.session_id,
        dict(said),
        log,
        wrong,
        [dict(row) for row in rows],
        [dict(row) for row in calls],
        list(orders),
        stops,
    )
