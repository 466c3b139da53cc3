"""The wire contract for programs: an AsyncAPI document, made from the models of both protocols.

`python -m app.protocol.asyncapi` writes it to `docs/asyncapi.yaml`.
"""

import json
import sys
from pathlib import Path
from typing import Any, cast, get_args

from pydantic import BaseModel

from app.protocol.v1.client import V1Message
from app.protocol.v1.server import V1ServerMessage
from app.protocol.v2.client import V2ClientMessage
from app.protocol.v2.server import V2ServerMessage
from app.protocol.wires import V1, V2

PAGE = Path(__file__).parents[2] / "docs" / "asyncapi.yaml"

_SCHEMAS = "#/components/schemas/"

_CHANNELS: dict[str, tuple[str, str, Any, Any]] = {
    "v1": (V1.name, "Spoken where a client asks for no subprotocol, too.", V1Message, V1ServerMessage),
    "v2": (V2.name, "Numbered messages; sessions outlive drops.", V2ClientMessage, V2ServerMessage),
}


def models_of(union: Any) -> list[type[BaseModel]]:
    """Return the members of a union of messages, tagged or plain."""
    members = get_args(union)
    return models_of(members[0]) if get_args(members[0]) else list(members)


def type_of(model: type[BaseModel]) -> str:
    """Return the word by which a message is told from others on the wire."""
    return get_args(model.model_fields["type"].annotation)[0]


def document() -> dict[str, Any]:
    """Return the AsyncAPI 3.0 document. The server is the application: it receives what clients send."""
    schemas: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for version, (subprotocol, description, from_client, from_server) in _CHANNELS.items():
        channels[version] = {
            "address": "/ws",
            "title": subprotocol,
            "description": description,
            "servers": [{"$ref": "#/servers/local"}],
            "messages": {},
            "bindings": {"ws": {"method": "GET", "headers": _upgrade(subprotocol)}},
        }
        for action, side, union in (("receive", "Client", from_client), ("send", "Server", from_server)):
            prefix = f"{version.upper()}{side}"
            names = [_add(model, prefix, schemas, messages) for model in models_of(union)]
            channels[version]["messages"] |= {
                name: {"$ref": f"#/components/messages/{name}"} for name in names
            }
            operations[f"{version}{side}"] = {
                "action": action,
                "channel": {"$ref": f"#/channels/{version}"},
                "messages": [{"$ref": f"#/channels/{version}/messages/{name}"} for name in names],
            }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "WebSocket Voice Agent",
            "version": "2.0.0",
            "description": "What goes over the agent's WebSocket; protocol.md says it for people.",
        },
        "defaultContentType": "application/json",
        "servers": {"local": {"host": "127.0.0.1:8000", "protocol": "ws"}},
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": schemas},
    }


def _upgrade(subprotocol: str) -> dict[str, Any]:
    name = {"type": "string", "const": subprotocol}
    return {"type": "object", "properties": {"Sec-WebSocket-Protocol": name}}


def _add(model: type[BaseModel], prefix: str, schemas: dict[str, Any], messages: dict[str, Any]) -> str:
    """Put a message and the schemas that it needs into the document; return its name there."""
    schema = model.model_json_schema(ref_template=f"{_SCHEMAS}{prefix}{{model}}")
    for name, part in schema.pop("$defs", {}).items():
        schemas[f"{prefix}{name}"] = part
    schema_name = f"{prefix}{model.__name__}"
    schemas[schema_name] = schema
    word = type_of(model)
    name = f"{prefix[0].lower()}{prefix[1:]}_{word}"
    messages[name] = {
        "name": word,
        "title": word,
        "summary": " ".join(str(schema.get("description", "")).split()),
        "payload": {"$ref": f"{_SCHEMAS}{schema_name}"},
    }
    return name


def render(value: dict[str, Any]) -> str:
    """Return a document as YAML: blocks for objects and lists, JSON for all else."""
    return "\n".join(["# Made by `make docs` from the models in app/protocol/.", *_lines(value)]) + "\n"


def _lines(value: Any) -> list[str]:
    if isinstance(value, dict) and value:
        members = cast("dict[str, Any]", value)
        return [line for name, part in members.items() for line in _member(name, part)]
    if isinstance(value, list) and value:
        items = [_lines(part) for part in cast("list[Any]", value)]
        return [f"{'  ' if n else '- '}{line}" for item in items for n, line in enumerate(item)]
    return [json.dumps(value, ensure_ascii=False)]


def _member(name: str, part: Any) -> list[str]:
    head = f"{json.dumps(name) if name.startswith('$') else name}:"
    inner = _lines(part)
    if isinstance(part, dict | list) and part:
        return [head, *(f"  {line}" for line in inner)]
    return [f"{head} {inner[0]}"]


def main() -> None:
    """Write the document to its place in the documentation."""
    PAGE.write_text(render(document()), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")


if __name__ == "__main__":
    main()
