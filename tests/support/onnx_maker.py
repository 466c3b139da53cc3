"""Writes small ONNX models, for stand-ins of large ones: just the fields of the format that they need.

Numbers of the fields: onnx.proto, messages ModelProto, GraphProto, NodeProto, AttributeProto, TensorProto and
ValueInfoProto.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

FLOAT, INT32, INT64 = 1, 6, 7
_OF_NUMPY = {"float32": FLOAT, "int32": INT32, "int64": INT64}
_OPSET = 17


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes | str) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return _varint(field << 3 | 2) + _varint(len(raw)) + raw


def node(kind: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: int | list[int]) -> bytes:
    """A NodeProto."""
    body = b"".join(_bytes(1, name) for name in inputs) + b"".join(_bytes(2, name) for name in outputs)
    body += _bytes(4, kind)
    for name, value in attributes.items():
        is_list = isinstance(value, list)
        values = b"".join(_number(8, one) for one in value) if isinstance(value, list) else _number(3, value)
        body += _bytes(5, _bytes(1, name) + values + _number(20, 7 if is_list else 2))
    return body


def tensor(name: str, values: "np.ndarray[Any, Any]") -> bytes:
    """A TensorProto."""
    head = b"".join(_number(1, size) for size in values.shape) + _number(2, _OF_NUMPY[values.dtype.name])
    return head + _bytes(8, name) + _bytes(9, values.tobytes())


def value(name: str, kind: int, shape: Sequence[int | str]) -> bytes:
    """A ValueInfoProto; a size that is a name may be any."""
    sizes = (_bytes(1, _number(1, size) if isinstance(size, int) else _bytes(2, size)) for size in shape)
    return _bytes(1, name) + _bytes(2, _bytes(1, _number(1, kind) + _bytes(2, b"".join(sizes))))


def model(
    nodes: Sequence[bytes], inputs: Sequence[bytes], outputs: Sequence[bytes], constants: Sequence[bytes] = ()
) -> bytes:
    """A whole file."""
    graph = b"".join(_bytes(1, one) for one in nodes) + _bytes(2, "stand-in")
    graph += b"".join(_bytes(5, one) for one in constants)
    graph += b"".join(_bytes(11, one) for one in inputs) + b"".join(_bytes(12, one) for one in outputs)
    return _number(1, 8) + _bytes(8, _bytes(1, "") + _number(2, _OPSET)) + _bytes(7, graph)
