"""Takes a part out of an ONNX model, by what goes into that part and what comes out.

The file is a protocol buffer; all that is needed of it are the names of its nodes' inputs and outputs, so
that the pieces can be copied as they are. (ONNX: onnx.proto, messages ModelProto, GraphProto and NodeProto.)
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

_MODEL_GRAPH: Final = 7
_GRAPH_NODE: Final = 1
_GRAPH_INITIALIZER: Final = 5
_GRAPH_INPUT: Final = 11
_GRAPH_OUTPUT: Final = 12
_GRAPH_VALUE_INFO: Final = 13
_NODE_INPUT: Final = 1
_NODE_OUTPUT: Final = 2
_TENSOR_NAME: Final = 8
_VALUE_NAME: Final = 1

_GRAPH_NAME: Final = 2
_VARINT: Final = 0
_BYTES: Final = 2
_FIXED: Final = {1: 8, 5: 4}
_LONGEST_SHIFT: Final = 63


class BrokenModel(Exception):
    """The file is no ONNX model, or lacks what is to be taken out of it."""


@dataclass(slots=True)
class _Node:
    raw: bytes
    inputs: list[str]
    outputs: list[str]


@dataclass(slots=True)
class _Graph:
    nodes: list[_Node] = field(default_factory=list[_Node])
    initializers: dict[str, bytes] = field(default_factory=dict[str, bytes])
    values: dict[str, bytes] = field(default_factory=dict[str, bytes])


class OnnxModel:
    """A model whose parts can be taken out.

    Args:
        model: The file's bytes.

    Raises:
        BrokenModel: They are no ONNX model.
    """

    def __init__(self, model: bytes) -> None:
        self._around = b""
        self._graph = _Graph()
        found = False
        for number, wire, raw in _fields(memoryview(model)):
            if number == _MODEL_GRAPH and wire == _BYTES:
                self._graph, found = _read_graph(raw), True
            else:
                self._around += _field(number, wire, bytes(raw))
        if not found:
            raise BrokenModel("no graph")

    def part(self, inputs: Sequence[str], outputs: Sequence[str]) -> bytes:
        """Return a model of its own: all that makes the outputs from the inputs, and no more.

        Raises:
            BrokenModel: The graph has no values of these names.
        """
        graph = self._graph
        unknown = {*inputs, *outputs} - graph.values.keys()
        if unknown:
            raise BrokenModel(f"no value {sorted(unknown)[0]}")
        kept, needed = self._needed(set(inputs), outputs)
        pieces = [_field(_GRAPH_NODE, _BYTES, graph.nodes[index].raw) for index in sorted(kept)]
        pieces += [
            _field(_GRAPH_INITIALIZER, _BYTES, raw)
            for name, raw in graph.initializers.items()
            if name in needed
        ]
        pieces.append(_field(_GRAPH_NAME, _BYTES, b"part"))
        pieces += [_field(_GRAPH_INPUT, _BYTES, graph.values[name]) for name in inputs]
        pieces += [_field(_GRAPH_OUTPUT, _BYTES, graph.values[name]) for name in outputs]
        return self._around + _field(_MODEL_GRAPH, _BYTES, b"".join(pieces))

    def _needed(self, given: set[str], outputs: Sequence[str]) -> tuple[set[int], set[str]]:
        """The nodes and the names that lead to the outputs."""
        maker = {name: index for index, node in enumerate(self._graph.nodes) for name in node.outputs}
        kept: set[int] = set()
        needed: set[str] = set()
        open_names = list(outputs)
        while open_names:
            name = open_names.pop()
            if not name or name in needed or name in given:
                continue
            needed.add(name)
            if name in maker:
                kept.add(maker[name])
                open_names += self._graph.nodes[maker[name]].inputs
        return kept, needed


def _read_graph(raw: memoryview) -> _Graph:
    graph = _Graph()
    for number, wire, body in _fields(raw):
        if wire != _BYTES:
            continue
        if number == _GRAPH_NODE:
            graph.nodes.append(_read_node(body))
        elif number == _GRAPH_INITIALIZER:
            graph.initializers[_name(body, _TENSOR_NAME)] = bytes(body)
        elif number in (_GRAPH_INPUT, _GRAPH_OUTPUT, _GRAPH_VALUE_INFO):
            graph.values[_name(body, _VALUE_NAME)] = bytes(body)
    return graph


def _read_node(body: memoryview) -> _Node:
    node = _Node(bytes(body), [], [])
    for number, _, text in _fields(body):
        if number == _NODE_INPUT:
            node.inputs.append(bytes(text).decode())
        elif number == _NODE_OUTPUT:
            node.outputs.append(bytes(text).decode())
    return node


def _name(body: memoryview, number: int) -> str:
    for tag, wire, text in _fields(body):
        if tag == number and wire == _BYTES:
            return bytes(text).decode()
    return ""


def _fields(raw: memoryview) -> Iterator[tuple[int, int, memoryview]]:
    """A message's fields: number, wire type, and the bytes of the value."""
    place = 0
    try:
        while place < len(raw):
            key, place = _varint(raw, place)
            wire, start = key & 7, place
            if wire == _VARINT:
                _, place = _varint(raw, place)
            elif wire == _BYTES:
                length, start = _varint(raw, place)
                place = start + length
            elif wire in _FIXED:
                place += _FIXED[wire]
            else:
                raise BrokenModel(f"wire type {wire}")
            if place > len(raw):
                raise BrokenModel("cut off")
            yield key >> 3, wire, raw[start:place]
    except IndexError:
        raise BrokenModel("cut off") from None


def _varint(raw: memoryview, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = raw[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
        if shift > _LONGEST_SHIFT:
            raise BrokenModel("a number that is too long")


def _field(number: int, wire: int, value: bytes) -> bytes:
    length = _packed(len(value)) if wire == _BYTES else b""
    return _packed(number << 3 | wire) + length + value


def _packed(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
