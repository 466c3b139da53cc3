"""Opens a model of the ONNX form, with as few threads as suits a server that does much at once.

Imported when speech begins, not before: it needs the packages of speech.
"""

from pathlib import Path
from typing import Any

import onnxruntime  # pyright: ignore[reportMissingTypeStubs] - it has none

_ERRORS_ONLY = 3


def opened(path: Path, threads: int = 1) -> Any:
    """Return a session that runs the model in the caller's thread.

    Raises:
        Exception: The file is missing or no model; whatever the library says.
    """
    options: Any = onnxruntime.SessionOptions()  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
