"""Fields are read from words for certain, or not at all."""

from typing import Any

import pytest

from app.llm.demo.form_fields import announces_data, fields_in, wants_form


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("con usuario=ana y clave=1", {"usuario": "ana", "clave": 1}),
        ("with name: Ana López, age: 5.", {"name": "Ana López", "age": 5}),
        ("con nombre Ana, edad 5 y activo true", {"nombre": "Ana", "edad": 5, "activo": True}),
        ('with title="a b" and code=007', {"title": "a b", "code": "007"}),
        ("con los datos de siempre", {}),
        ("with the data I gave you", {}),
        ("hola", {}),
    ],
)
def test_pairs_are_fields_and_anything_else_is_none(text: str, fields: dict[str, Any]):
    assert fields_in(text) == fields


@pytest.mark.parametrize(
    ("text", "is_announced"),
    [
        ("con los datos de siempre", True),
        ("with my details", True),
        ("haz un POST", False),
        ("con eso", False),
    ],
)
def test_data_that_come_along_are_announced_by_with(text: str, is_announced: bool):
    assert announces_data(text) is is_announced


def test_a_form_is_asked_for_by_its_name():
    assert wants_form("como formulario")
    assert not wants_form("como JSON")
