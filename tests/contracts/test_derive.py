"""What of an official description becomes part of a table."""

from typing import Any

import pytest

from tests.contracts.derive import derived

UUID = {"type": "string", "format": "uuid"}


def of(schema: dict[str, Any], **named: Any) -> dict[str, Any]:
    """Give the shapes of a description in which that is the only reply."""
    content = {"application/json": {"schema": {"type": "object", "properties": {"it": schema}}}}
    paths = {"/it": {"get": {"responses": {"200": {"$ref": "#/components/responses/It"}}}}}
    components = {"schemas": named, "responses": {"It": {"content": content}}}
    document = {"info": {"version": "7"}, "paths": paths, "components": components}
    table = derived(document, ["GET /it 200"])
    assert (table["version"], table["replies"]) == ("7", {"GET /it 200": "GET_/it_200"})
    shapes: dict[str, Any] = table["shapes"]
    return shapes


def kinds_of(schema: dict[str, Any], **named: Any) -> str:
    kinds: str = of(schema, **named)["GET_/it_200"]["it?"]
    return kinds


@pytest.mark.parametrize(
    ("schema", "kinds"),
    [
        ({"type": "string", "description": "words", "example": "more words"}, "string"),
        ({"type": ["string", "null"], "format": "date-time"}, "date-time null"),
        ({"type": "string", "format": "of its own"}, "string"),
        ({"type": "string", "pattern": "^[0-9]+.?[0-9]*$"}, "decimal"),
        ({"type": "string", "enum": ["a", "b"]}, "=a =b"),
        ({"type": ["string", "null"], "enum": ["a", None]}, "=a null"),
        ({"type": ["string", "null"], "enum": ["a"]}, "=a"),
        ({"type": "string", "enum": ["a", None]}, "=a"),
        ({"type": ["array", "null"], "items": UUID}, "[uuid] null"),
        ({"type": "object"}, "object"),
        ({"oneOf": [{"type": "string"}, {"type": "boolean"}]}, "string boolean"),
        ({"oneOf": [{"type": "string"}, {"type": "integer"}, {"type": "number"}]}, "string fraction"),
    ],
)
def test_a_schema_becomes_kinds_of_value(schema: dict[str, Any], kinds: str) -> None:
    assert kinds_of(schema) == kinds


def test_all_parts_of_a_whole_hold() -> None:
    base = {
        "type": "object",
        "required": ["id"],
        "properties": {"id": UUID, "x": {"type": ["string", "null"]}},
    }
    rest = {"type": "object", "required": ["x"], "properties": {"x": {"type": "null"}, "y": UUID}}

    shapes = of({"allOf": [{"$ref": "#/components/schemas/Base"}, rest]}, Base=base)

    assert shapes["GET_/it_200.it"] == {"id": "uuid", "x": "null", "y?": "uuid"}


def test_what_is_named_is_derived_once_and_may_be_null_where_it_is_used() -> None:
    one = {"type": ["object", "null"], "properties": {"again": {"$ref": "#/components/schemas/One"}}}
    code = {"type": ["string", "null"], "enum": [None, "a"]}
    both = {"one": {"$ref": "#/components/schemas/One"}, "code": {"$ref": "#/components/schemas/CodeOrNull"}}

    shapes = of({"type": "object", "properties": both}, One=one, CodeOrNull=code)

    assert shapes["GET_/it_200.it"] == {"one?": "One null", "code?": "Code null"}
    assert (shapes["One"], shapes["Code"]) == ({"again?": "One null"}, "=a")


def test_what_nobody_has_thought_of_is_refused() -> None:
    with pytest.raises(ValueError, match="multipleOf"):
        of({"type": "integer", "multipleOf": 5})
