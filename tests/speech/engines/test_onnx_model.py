from pathlib import Path

import numpy as np
import pytest

from app.speech.engines.onnx_model import opened
from tests.support.models import model


def test_model_is_opened_and_runs() -> None:
    session = opened(model("silero_vad.onnx"))

    assert {entry.name for entry in session.get_inputs()} == {"input", "state", "sr"}
    inputs = {
        "input": np.zeros((1, 576), np.float32),
        "state": np.zeros((2, 1, 128), np.float32),
        "sr": np.array(16_000),
    }
    assert session.run(None, inputs)[0].shape == (1, 1)


@pytest.mark.parametrize("content", [None, b"", b"no model"])
def test_what_is_no_model_is_an_error_that_names_the_file(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "broken.onnx"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(Exception, match=r"broken\.onnx"):
        opened(path)
