"""What all messages of the server on protocol v2 share."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Seq = Annotated[int, Field(ge=1)]
Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]


class V2ServerPart(BaseModel):
    """What all messages and their parts have."""

    model_config = ConfigDict(strict=True, extra="forbid", use_attribute_docstrings=True)


class Numbered(V2ServerPart):
    """A message of the talk: kept for a while, and sent again to a client that missed it."""

    seq: Seq
    """Its place in the talk: 1, 2, 3, and so on, without a hole."""
