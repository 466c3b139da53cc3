"""Says when a spoken answer has reached a stage, for those who measure where its time goes."""

import logging
import time
from typing import Literal

logger = logging.getLogger(__name__)

Stage = Literal["pass", "understood", "asked", "token", "clause", "front", "piece", "text", "frame"]
"""In the order in which an answer goes through them: the recogniser's pass over what was said begins, and has
ended; the model is asked, and has said its first word; the first clause is whole; what its sound is made from
is there, and the first piece of the sound; the words have become a text, which may be earlier; the first
frame has left."""


def reached(stage: Stage) -> None:
    """Write it down at DEBUG, with the moment on the clock that all processes of a machine share."""
    if logger.isEnabledFor(logging.DEBUG):
        logger.debug("voice_stage", extra={"stage": stage, "at": time.monotonic()})
