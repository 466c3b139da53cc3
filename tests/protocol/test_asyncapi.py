"""The page for programs is made from the models, and is good AsyncAPI with good schemas."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from app.protocol.asyncapi import PAGE, document, render

PROTOCOL = Path(__file__).parents[2] / "docs" / "protocol.md"

EXAMPLES = re.findall(r"^```json\n(.*?)^```$", PROTOCOL.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def resolved(page: dict[str, Any], reference: str) -> Any:
    value: Any = page
    for name in reference.removeprefix("#/").split("/"):
        value = value[name]
    return value


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [found for part in value.values() for found in references(part)]
    return [found for part in value for found in references(part)] if isinstance(value, list) else []


def validator(name: str) -> Draft202012Validator:
    resource = Resource(contents=document(), specification=DRAFT202012)
    schema = {"$ref": f"urn:page#/components/schemas/{name}"}
    return Draft202012Validator(schema, registry=Registry().with_resource("urn:page", resource))


def accepting(example: Any) -> list[str]:
    """The messages whose schemas take an example."""
    page = document()
    schemas = {
        name: message["payload"]["$ref"].rpartition("/")[2]
        for name, message in page["components"]["messages"].items()
        if message["name"] == example["type"]
    }
    return [name for name, schema in schemas.items() if validator(schema).is_valid(example)]


def test_the_page_is_in_step_with_the_models() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(document()), "run `make docs`"


def test_the_page_reads_as_yaml() -> None:
    assert yaml.safe_load(PAGE.read_text(encoding="utf-8")) == document()


def test_every_reference_leads_somewhere() -> None:
    page = document()

    for reference in references(page):
        assert resolved(page, reference) is not None


def test_every_schema_is_a_schema() -> None:
    for schema in document()["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_an_operation_uses_messages_of_its_channel() -> None:
    """AsyncAPI 3.0 asks for it: an operation refers to a channel's messages, not to the components'."""
    page = document()

    for operation in page["operations"].values():
        channel = operation["channel"]["$ref"]
        assert all(message["$ref"].startswith(f"{channel}/messages/") for message in operation["messages"])
    assert page["asyncapi"] == "3.0.0"


@pytest.mark.parametrize("example", EXAMPLES)
def test_each_documented_example_is_taken_by_its_schema(example: str) -> None:
    assert accepting(json.loads(example))


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "pong", "seq": 1},
        {"type": "text"},
        {"type": "resume", "session_id": "x", "resume_token": "y", "last_seq": -1},
        {"type": "interrupted", "turn_id": None, "heard": "", "seq": 0},
    ],
)
def test_what_the_contract_forbids_is_taken_by_none(wrong: dict[str, Any]) -> None:
    assert accepting(wrong) == []
