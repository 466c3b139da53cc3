import pytest

from app.speech.engines.tts.onnx_graph import BrokenModel, OnnxModel


def field(number: int, value: bytes) -> bytes:
    assert len(value) < 128
    return bytes([number << 3 | 2, len(value)]) + value


def node(name: str, inputs: str, outputs: str) -> bytes:
    ends = b"".join(field(1, one.encode()) for one in inputs) + b"".join(
        field(2, one.encode()) for one in outputs
    )
    return field(1, ends + field(3, name.encode()))


VALUES = b"".join(field(13, field(1, name.encode())) for name in "bc")
GRAPH = (
    node("first", "aw", "b")
    + node("aside", "a", "x")
    + node("second", "bv", "c")
    + node("last", "c", "d")
    + field(5, field(8, b"w") + field(9, b"\x01"))
    + field(5, field(8, b"v") + field(9, b"\x02"))
    + field(11, field(1, b"a"))
    + field(12, field(1, b"d"))
    + VALUES
)
IR_VERSION = b"\x08\x07"
MODEL = IR_VERSION + b"\x3a" + bytes([len(GRAPH) & 127 | 128, len(GRAPH) >> 7]) + GRAPH


def test_part_holds_what_leads_to_its_outputs_and_no_more():
    part = OnnxModel(MODEL).part(["b"], ["c"])

    assert part.startswith(IR_VERSION)
    assert b"second" in part and b"\x02" in part
    assert not any(other in part for other in (b"first", b"aside", b"last"))


def test_part_is_a_model_whose_inputs_and_outputs_are_known():
    part = OnnxModel(OnnxModel(MODEL).part(["a"], ["c"]))

    assert b"first" in part.part(["a"], ["c"])
    with pytest.raises(BrokenModel, match="no value d"):
        part.part(["a"], ["d"])


def test_unknown_value_is_an_error():
    with pytest.raises(BrokenModel, match="no value z"):
        OnnxModel(MODEL).part(["z"], ["d"])


@pytest.mark.parametrize("model", [b"", b"\x08\x07", MODEL[:-3], b"\xff" * 20, b"\x3b\x00", b"\x3a\x80"])
def test_what_is_no_model_is_an_error(model: bytes):
    with pytest.raises(BrokenModel):
        OnnxModel(model)
