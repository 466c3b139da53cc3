"""What every talk must keep, whatever broke under it; judged from the client's log and the server's."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from pydantic import TypeAdapter, ValidationError

from app.protocol.v2.client import V2ClientMessage
from app.protocol.v2.server import V2ServerMessage
from app.session.history import ROUND_BREAK
from tests.support.resuming_client import Message
from tests.talks.actors import MARK
from tests.talks.plans import TextPlan
from tests.talks.playing import Played

FROM_CLIENT: TypeAdapter[Any] = TypeAdapter(V2ClientMessage)
FROM_SERVER: TypeAdapter[Any] = TypeAdapter(V2ServerMessage)

FAILURES = {
    "refused": "llm_unavailable",
    "limited": "llm_rate_limited",
    "cut": "llm_cut",
    "torn": "llm_cut",
    "stalled": "llm_stalled",
}


class Told:
    """A talk as its client was told it, message by message."""

    def __init__(self, played: Played) -> None:
        self.played = played
        heard = [m for direction, m in played.client.log if direction == "heard"]
        self.numbered: list[Message] = [m for m in heard if "seq" in m]
        self.endings: dict[str, Message] = {}
        self.chunks: dict[str, str] = {}
        for message in self.numbered:
            turn_id = message.get("turn_id")
            if message["type"] == "response_chunk":
                self.chunks[message["turn_id"]] = self.chunks.get(message["turn_id"], "") + message["content"]
            elif is_ending(message) and turn_id is not None:
                self.endings[turn_id] = message

    def of(self, *kinds: str) -> list[Message]:
        """The numbered messages of these types."""
        return [m for m in self.numbered if m["type"] in kinds]

    @property
    def is_interrupted(self) -> bool:
        """Whether an interruption has changed the talk."""
        return any(end.get("finish_reason") == "interrupted" for end in self.endings.values())

    def statuses(self) -> dict[str, str]:
        """How each tool call ended, by its tag."""
        tags = {m["call_id"]: m["arguments"]["tag"] for m in self.of("tool_started")}
        return {tags[m["call_id"]]: m["status"] for m in self.of("tool_finished")}


def is_ending(message: Message) -> bool:
    """Whether a message ends its turn."""
    return message["type"] == "response_complete" or (message["type"] == "error" and "turn_id" in message)


def problems(played: Played) -> list[str]:
    """What is wrong with a talk, in words; nothing where all promises were kept."""
    told = Told(played)
    found = list(played.client.wrong)
    for check in (_contract, _numbers, _turns, _texts, _tools, _strangers):
        found += check(told)
    if played.history is not None:
        found += _memory(told, played.history)
    return [*found, *shown_otherwise(played)]


def stored_otherwise(played: Played) -> Iterator[str]:
    """Where the database has other texts than were said, or anything twice; holds over a gap too."""
    rows = played.rows or []
    receipts = {m["id"]: m for m in played.client.heard("message_accepted")}
    said = {
        receipt["turn_id"]: played.said[text_id][1].written(played.said[text_id][0])
        for text_id, receipt in receipts.items()
    }
    stored = {row["turn_id"]: row["content"] for row in rows if row["role"] == "user"}
    if not stored.items() <= said.items():
        yield f"said {said}, stored {stored}"
    # What has a receipt without `durable` may be gone with its process.
    for receipt in receipts.values():
        if receipt["durable"] and receipt["turn_id"] not in stored:
            yield f"{receipt} is not stored"
    for turn_id, count in Counter(row["turn_id"] for row in rows if row["role"] == "user").items():
        if count > 1:
            yield f"{turn_id} has {count} rows of its text"
    writes = {
        tag
        for number, plan in (played.said[text_id] for text_id in played.said)
        for tag, tool in zip(plan.tags(number), plan.tools, strict=True)
        if tool.effect == "write"
    }
    for tag in writes:
        if played.runs.get(tag, 0) > 1:
            yield f"the write {tag} ran {played.runs[tag]} times"


def differences(cut: Played, uncut: Played) -> list[str]:
    """Where a cut talk reads otherwise than the uncut one, in what cannot depend on time."""
    found: list[str] = []
    one, other = _fixed(Told(cut)), _fixed(Told(uncut))
    for name in one.keys() & other.keys():
        if one[name] != other[name]:
            found.append(f"{name}: {one[name]!r} cut, {other[name]!r} uncut")
    return found


def _fixed(told: Told) -> dict[str, str]:
    """What each text and each call came to, unless somebody ended it."""
    fixed = {f"call {tag}": status for tag, status in told.statuses().items() if status != "cancelled"}
    for text_id, turn_id in told.played.client.receipts.items():
        end = told.endings.get(turn_id, {"type": "nothing"})
        if end.get("finish_reason") == "interrupted":
            continue
        # Which tools are in time to be told in their text's own turn is a matter of milliseconds.
        text = re.sub(MARK, r"⟨\1⟩", str(end.get("text", told.chunks.get(turn_id, ""))))
        fixed[text_id] = f"{end['type']} {end.get('code', '')} {text}"
    return fixed


def _contract(told: Told) -> Iterator[str]:
    """Both sides keep to the documented messages."""
    for direction, message in told.played.client.log:
        if direction == "lost":
            continue
        try:
            (FROM_CLIENT if direction == "sent" else FROM_SERVER).validate_json(json.dumps(message))
        except ValidationError as exc:
            yield f"{direction} {message}: {exc}"


def _numbers(told: Told) -> Iterator[str]:
    numbers = [m["seq"] for m in told.numbered]
    if numbers != list(range(1, len(numbers) + 1)):
        yield f"numbers: {numbers}"


def _turns(told: Told) -> Iterator[str]:
    """A turn is begun once, after its receipt, ends once, and is alone; nothing of it comes after its end."""
    accepted: set[str] = set()
    begun: list[str] = []
    ended: set[str] = set()
    for message in told.numbered:
        kind, turn_id = message["type"], message.get("turn_id")
        if turn_id is None:
            continue
        if kind == "message_accepted":
            accepted.add(turn_id)
            continue
        if turn_id in ended:
            yield f"after the end of its turn: {message}"
        if kind == "turn_started":
            if turn_id in begun or set(begun) - ended:
                yield f"a turn begins twice or inside another: {message}"
            if (message["source"] == "user") != (turn_id in accepted):
                yield f"a turn begins without a receipt: {message}"
            begun.append(turn_id)
        elif kind in ("response_chunk", "tool_started") and begun[-1:] != [turn_id]:
            yield f"inside another turn: {message}"
        if is_ending(message):
            ended.add(turn_id)
            text = message.get("text")
            if text is not None and text != told.chunks.get(turn_id, ""):
                yield f"{told.chunks.get(turn_id, '')!r} was heard, then {message}"
    for turn_id in (accepted | set(begun)) - ended:
        yield f"turn {turn_id} never ends"
    ends = [m["turn_id"] for m in told.numbered if is_ending(m) and m["turn_id"] in accepted]
    receipts = list(dict.fromkeys(m["turn_id"] for m in told.of("message_accepted")))
    if ends != receipts:
        yield f"accepted as {receipts}, ended as {ends}"


def _texts(told: Told) -> Iterator[str]:
    """Each text that was said has one receipt's turn, and in it the answer that its plan asks for."""
    receipts = told.played.client.receipts
    if len(set(receipts.values())) != len(receipts) or set(receipts) != set(told.played.said):
        yield f"receipts {receipts} for {sorted(told.played.said)}"
    for text_id, (number, plan) in told.played.said.items():
        turn_id = receipts.get(text_id, "")
        end = told.endings.get(turn_id)
        if end is not None and not _is_answer(plan, number, end, told.chunks.get(turn_id, "")):
            yield f"{text_id}, {plan}: {told.chunks.get(turn_id)!r} and {end}"


def _is_answer(plan: TextPlan, number: int, end: Message, text: str) -> bool:
    said = plan.said(number)
    after = (ROUND_BREAK if said else "") if plan.tools else ""
    marks = MARK.findall(text[len(said + after) :])
    if end.get("finish_reason") == "interrupted":
        return (said + after).startswith(text) or text.startswith(said + after)
    if plan.failure is not None:
        is_all = said.startswith(text) if plan.failure == "torn" else text == said
        return end.get("code") == FAILURES[plan.failure] and is_all
    tags = plan.tags(number)
    told = "".join(f"⟨{tag}={status}⟩" for tag, status in marks)
    return (
        end["type"] == "response_complete"
        and end["finish_reason"] == "stop"
        and text == said + after + told
        and [tag for tag, _ in marks] == tags
    )


def _tools(told: Told) -> Iterator[str]:
    """A call ends once and runs once; its ending is told once, and as it was."""
    started = Counter(m["call_id"] for m in told.of("tool_started"))
    finished = Counter(m["call_id"] for m in told.of("tool_finished"))
    if started != finished or any(n != 1 for n in started.values()):
        yield f"calls begun {started}, ended {finished}"
    statuses = told.statuses()
    for tag, n in told.played.runs.items():
        if n != 1 or tag not in statuses:
            yield f"call {tag} ran {n} times; its ending is {statuses.get(tag)}"
    for tag, status in statuses.items():
        if tag not in told.played.runs and status != "cancelled":
            yield f"call {tag} never ran, and is {status}"
    answers = "".join(told.chunks.values())
    marks = Counter((tag, status) for tag, status in MARK.findall(answers) if status != "running")
    for (tag, status), n in marks.items():
        if n != 1 or statuses.get(tag) != status:
            yield f"call {tag} is told {n} times as {status}, and was {statuses.get(tag)}"
    if not told.is_interrupted and set(marks) != set(statuses.items()):
        yield f"told {sorted(marks)}, ended {sorted(statuses.items())}"


def _memory(told: Told, history: list[tuple[str, str]]) -> Iterator[str]:
    """The history that the model gets is what was said."""
    played = told.played
    written = [plan.written(number) for number, plan in played.said.values()]
    remembered = [content for role, content in history if role == "user"]
    if sorted(remembered) != sorted(written):
        yield f"said {written}, remembered {remembered}"
    pieces = [piece for text in told.chunks.values() for piece in text.split(ROUND_BREAK) if piece]
    kept = [content for role, content in history if role == "assistant"]
    if Counter(kept) != Counter(pieces):
        yield f"heard {pieces}, remembered {kept}"


def shown_otherwise(played: Played) -> Iterator[str]:
    """Where a page would show other words than those that were said; holds over a gap too."""
    shown = played.client.shown
    for role, texts in (("user", shown.texts), ("assistant", shown.answers)):
        spoken = {m["turn_id"]: m["content"] for m in played.transcript if m["role"] == role}
        if spoken != {turn_id: text for turn_id, text in texts.items() if text}:
            yield f"shown as {role}: {texts}, said: {spoken}"


def _strangers(told: Told) -> Iterator[str]:
    """Nobody asked for any other error."""
    for message in told.of("error"):
        if "turn_id" not in message and message["code"] != "unknown_call":
            yield f"{message}"
