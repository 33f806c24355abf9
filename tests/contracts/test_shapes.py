"""The comparison itself: whatever a reply has wrong is named, and nothing else."""

import json
from typing import Any

import pytest

from tests.contracts.shapes import HERE, MISSING, SCALARS, Contract, Departure

TABLE = {
    "replies": {"GET /things 200": "[Thing]"},
    "shapes": {
        "Thing": {
            "id": "uuid",
            "kind": "Kind null",
            "count?": "integer null",
            "made_at?": "date-time",
            "day?": "date",
            "price?": "decimal",
            "rate?": "number",
            "email?": "email null",
            "is_new?": "boolean",
            "owner?": "Owner null",
            "words?": "[string] null",
            "more?": "More",
        },
        "Kind": "=old =new",
        "Owner": {"name": "string"},
        "More": {"*": "string fraction"},
    },
}
ID = "0a1b2c3d-0000-4000-8000-00000000000a"
THING = {"id": ID, "kind": "old"}


def departures(thing: Any, *, closed: bool = False) -> list[Departure]:
    return list(Contract(TABLE, closed=closed).departures("GET /things 200", [thing]))


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"kind": None, "count": None, "owner": None, "words": None},
        {"count": 0, "made_at": "2026-11-22T12:00:00Z", "day": "2024-02-29", "price": "1.50"},
        {"made_at": "2026-11-22T12:00:00.123+01:00", "rate": 1, "is_new": False, "price": "0"},
        {"rate": 1.5, "email": "ann@example.com", "owner": {"name": ""}, "words": [], "more": {}},
        {"words": ["a", "b"], "more": {"value": "1.5", "part": 1.5}, "unheard_of": 1},
    ],
)
def test_a_reply_as_described_departs_in_nothing(more: dict[str, Any]) -> None:
    assert departures(THING | more) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", "0a1b2c3d"),
        ("id", None),
        ("kind", "other"),
        ("kind", 1),
        ("count", "1"),
        ("count", True),
        ("count", 1.5),
        ("made_at", None),
        ("made_at", "2026-11-22"),
        ("made_at", "2026-11-22T12:00:00"),
        ("made_at", "2026-13-22T12:00:00Z"),
        ("day", "20240229"),
        ("day", "2023-02-29"),
        ("price", 1.5),
        ("price", "-1"),
        ("price", "a"),
        ("rate", "1"),
        ("rate", False),
        ("email", "ann"),
        ("is_new", 0),
        ("owner", []),
        ("owner", "Ann"),
        ("words", "a"),
        ("words", {}),
    ],
)
def test_a_wrong_value_is_named(name: str, value: Any) -> None:
    (found,) = departures(THING | {name: value})

    assert (found.path, found.found) == ((0, name), value)


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"owner": {"name": None}}, ("owner", "name")),
        ({"words": ["a", None]}, ("words", 1)),
        ({"more": {"value": 2}}, ("more", "value")),
    ],
)
def test_a_wrong_value_inside_is_named_where_it_is(more: dict[str, Any], path: tuple[str | int, ...]) -> None:
    assert [found.path for found in departures(THING | more)] == [(0, *path)]


def test_a_field_that_is_missing_is_named() -> None:
    assert departures({"kind": "new", "owner": {}}) == [
        Departure((0, "id"), "uuid", MISSING),
        Departure((0, "owner", "name"), "string", MISSING),
    ]


def test_what_is_no_list_at_all_is_named() -> None:
    found = Contract(TABLE).departures("GET /things 200", {"things": []})

    assert list(found) == [Departure((), "[Thing]", {"things": []})]


def test_a_field_that_is_not_described_departs_where_the_contract_is_closed() -> None:
    assert departures(THING | {"unheard_of": 1}, closed=True) == [Departure((0, "unheard_of"), "nothing", 1)]


@pytest.mark.parametrize("name", ["lago.json", "steve.json"])
def test_every_kind_in_a_table_can_be_compared(name: str) -> None:
    table = json.loads((HERE / name).read_text())
    shapes = table["shapes"].values()
    texts = [one for shape in shapes for one in (shape.values() if isinstance(shape, dict) else [shape])]
    kinds = {kind.strip("[]") for text in [*texts, *table["replies"].values()] for kind in text.split()}

    unknown = {kind for kind in kinds if not kind.startswith("=")} - SCALARS.keys() - table["shapes"].keys()

    assert unknown == set()
