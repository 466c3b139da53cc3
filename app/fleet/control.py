"""A word between the two ends of a link, on the connection that carries a client's frames.

The landing end makes a secret for each link and says it when it opens it. A binary frame that begins with it
is of one of the two ends; all others are the client's, who cannot guess it. Each word is signed as all is
that processes ask of each other.
"""

import re
import secrets
from dataclasses import dataclass
from typing import Final, Literal

from app.fleet.signing import Refused, Signed, Signer

HEADER: Final = "fleet-control"

SECRET_BYTES: Final = 24

Word = Literal["quiet", "freeze", "thaw", "parcel", "unknown"]
"""`quiet`: the owner's session could move, and what it needs. `freeze`: the landing end reads no more from
the client, and all that it read is before this word. `thaw`: it is to read on. `parcel`: the session, let go.
`unknown`: a word of a later release."""

_WORDS: Final[dict[str, Word]] = {"quiet": "quiet", "freeze": "freeze", "thaw": "thaw", "parcel": "parcel"}
_SECRET: Final = re.compile(f"[0-9a-f]{{{2 * SECRET_BYTES}}}")


@dataclass(frozen=True, slots=True)
class Control:
    """What one end says to the other."""

    word: Word
    body: bytes = b""


class ControlChannel:
    """Writes and reads such words on one link.

    Args:
        secret: The link's.
        signer: Has the common secret of all processes.
    """

    def __init__(self, secret: bytes, signer: Signer) -> None:
        self._secret = secret
        self._signer = signer

    def write(self, word: Word, body: bytes = b"") -> bytes:
        """Return the frame that says it."""
        signature = self._signer.sign(self._signed(word, body))
        return b"%b%b\n%b\n%b" % (self._secret, word.encode(), signature.encode(), body)

    def read(self, frame: str | bytes) -> Control | None:
        """Return what the other end says; None for a frame of the client's.

        Raises:
            Refused: It has the link's secret, but is signed by nobody.
        """
        if isinstance(frame, str) or not frame.startswith(self._secret):
            return None
        told, signature, body = (*frame[len(self._secret) :].split(b"\n", 2), b"", b"")[:3]
        word = told.decode("ascii", "replace")
        self._signer.check(self._signed(word, body), signature.decode("ascii", "replace"))
        return Control(_WORDS.get(word, "unknown"), body)

    def _signed(self, word: str, body: bytes) -> Signed:
        return Signed(word.upper(), HEADER, self._secret.hex(), body)


def new_channel(node: str, signer: Signer) -> tuple[ControlChannel, str]:
    """Make the channel of a new link; return it with the header that opens it at the other end."""
    secret = secrets.token_bytes(SECRET_BYTES)
    return ControlChannel(secret, signer), f"{secret.hex()} {signer.sign(_opening(node, secret))}"


def opened_channel(node: str, header: str | None, signer: Signer) -> ControlChannel | None:
    """Return the channel that a link's opening names; None where it names none.

    Args:
        node: This life of the process.
        header: What came with the opening.
        signer: Has the common secret.

    Raises:
        Refused: It is not another process's.
    """
    if header is None:
        return None
    told, _, signature = header.partition(" ")
    if not _SECRET.fullmatch(told):
        raise Refused("no secret of a link")
    secret = bytes.fromhex(told)
    signer.check(_opening(node, secret), signature)
    return ControlChannel(secret, signer)


def _opening(node: str, secret: bytes) -> Signed:
    return Signed("OPEN", HEADER, node, secret)
