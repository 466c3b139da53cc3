"""A client as one process tells another one of it."""

import base64
import binascii
from dataclasses import dataclass
from typing import Final

from pydantic import TypeAdapter, ValidationError

HEADER: Final = "fleet-caller"

MAX_CHARS: Final = 56 * 1024
"""Of all its lines: a token may be long, and a request's head has an end."""

_LINE_CHARS: Final = 7000
"""Of one line: what parses heads takes a little more."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is at the other end of a link.

    Attributes:
        wire: The wire protocol that it speaks, by its name.
        address: Where it comes from.
        token: What it came with; of a ticket, what that was got with.
        is_local: It comes from the machine that it was let in on.
    """

    wire: str
    address: str = ""
    token: str | None = None
    is_local: bool = False

    def headers(self) -> list[tuple[str, str]]:
        """Return it as a header of as many lines as it takes."""
        told = self.header()
        return [(HEADER, told[start : start + _LINE_CHARS]) for start in range(0, len(told), _LINE_CHARS)]

    def header(self) -> str:
        """Return it as a header: JSON, in base64."""
        return base64.b64encode(_FORM.dump_json(self)).decode()

    @staticmethod
    def of(header: str) -> "Caller":
        """Read such a header.

        Raises:
            ValueError: It is none, or of another release with other fields that matter.
        """
        if len(header) > MAX_CHARS:
            raise ValueError("too long")
        try:
            return _FORM.validate_json(base64.b64decode(header, validate=True), strict=True)
        except binascii.Error as exc:
            raise ValueError("no base64") from exc
        except ValidationError as exc:
            raise ValueError(f"of another form: {exc.error_count()} fields") from exc


_FORM: Final = TypeAdapter(Caller)
