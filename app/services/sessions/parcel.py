"""A session on its way from one process to another: what the one holds of it beside the store."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeVar

from pydantic import TypeAdapter, ValidationError

from app.errors import Locale
from app.session.budget import Hours, What
from app.speech.base import SoundFacts

FORMAT: Final = 1
"""Of the parcel and of what is asked before: one of another number is not taken. The rest may grow fields."""

MAX_BYTES: Final = 8 * 1024 * 1024
"""A session that weighs more stays where it is until its process ends."""


class NoParcel(ValueError):
    """It is of another format, or broken."""


@dataclass(frozen=True, slots=True)
class MoveTerms:
    """What a process needs that is to have a session.

    Attributes:
        needs: The halves of speech that its client uses.
    """

    needs: list[Literal["in", "out"]] = field(default_factory=list[Literal["in", "out"]])

    def write(self) -> bytes:
        """Return it as it is sent."""
        return b"%d %b" % (FORMAT, _TERMS.dump_json(self))

    @staticmethod
    def read(sent: bytes) -> "MoveTerms":
        """Read what was sent.

        Raises:
            NoParcel: It cannot be read.
        """
        return _read(_TERMS, sent)


@dataclass(frozen=True, slots=True)
class Parcel:
    """What of a session the store lacks.

    Attributes:
        sent_upto: The number of the last message that its client was sent.
        next_seq: The number that the next one gets.
        messages: The newest numbered ones, as they leave.
        tokens: Hashes of the good resume tokens, the newest first.
        mark: What those of this stream have behind them that could not be stored.
        older_tokens: Hashes of those that an earlier stream gave out.
        hours: What was used up in the hours that go on.
    """

    session_id: str
    sent_upto: int
    next_seq: int
    messages: list[str]
    tokens: tuple[str, str]
    older_tokens: list[str]
    history_seq: int
    stale_seq: int
    locale: Locale
    spoken_language: Locale | None
    takes_users_language: bool
    holds_outside: bool
    client_instructions: str
    sound: SoundFacts
    hours: dict[What, tuple[int, float]]
    mark: str = ""

    def write(self) -> bytes:
        """Return it as it is sent."""
        return b"%d %b" % (FORMAT, _PARCEL.dump_json(self))

    @staticmethod
    def read(sent: bytes) -> "Parcel":
        """Read what was sent.

        Raises:
            NoParcel: It cannot be read.
        """
        return _read(_PARCEL, sent)


def hashes(told: Sequence[str]) -> list[bytes]:
    """Return hashes as they are compared."""
    return [bytes.fromhex(one) for one in told]


def hours_of(hours: Hours) -> dict[What, tuple[int, float]]:
    """Return what was used up as a parcel holds it."""
    return {what: (used, round(ago_s, 1)) for what, (used, ago_s) in hours.items()}


Form = TypeVar("Form")
_TERMS: Final = TypeAdapter(MoveTerms)
_PARCEL: Final = TypeAdapter(Parcel)


def _read(form: TypeAdapter[Form], sent: bytes) -> Form:
    number, _, body = sent.partition(b" ")
    if number != b"%d" % FORMAT:
        raise NoParcel(f"of format {number[:20]!r}")
    try:
        return form.validate_json(body)
    except ValidationError as exc:
        raise NoParcel(f"broken: {exc.error_count()} fields") from exc
