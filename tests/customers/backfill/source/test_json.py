"""JSON: lists of objects, strictly."""

import json

import pytest

from customers.backfill.source import COLUMNS, read_bytes
from customers.backfill.source import items as items_module
from tests.customers.backfill.files import ROW, refusal_of, rows_of

ITEM = dict(zip(COLUMNS, ROW, strict=True))


def read(document: object, indent: int | None = 1) -> list[tuple[str, ...]]:
    return [tuple(row.values) for row in rows_of(json.dumps(document, indent=indent).encode(), "a.json")]


def refusal(text: str) -> str:
    code, message = refusal_of(text.encode(), "a.json")
    assert code == "file_unreadable"
    return message.removeprefix("a.json: ")


@pytest.mark.parametrize("document", [[ITEM, ITEM], {"customers": [ITEM, ITEM]}])
def test_a_list_is_read_by_itself_or_under_its_name(document: object) -> None:
    assert read(document) == [ROW, ROW]


def test_missing_and_null_values_are_blank() -> None:
    assert read([ITEM, {"email": None, "id_tag": "A1"}])[1] == ("", "", "", "A1", "", "")


def test_numbers_keep_their_digits_and_are_marked() -> None:
    text = (
        json.dumps([ITEM]).replace('"A1B2C3D4"', "4.120E+13").replace('"LEGACY-1"', "12345678901234567890123")
    )

    (row,) = rows_of(text.encode(), "a.json")

    assert (row.values.id_tag, row.values.external_id) == ("4.120E+13", "12345678901234567890123")
    assert row.numeric == {"id_tag", "external_id"}


@pytest.mark.parametrize("value", ["true", "NaN", "9" * 5000])
def test_other_values_that_are_not_text_are_marked(value: str) -> None:
    (row,) = rows_of(json.dumps([ITEM]).replace('"A1B2C3D4"', value).encode(), "a.json")

    assert row.numeric == {"id_tag"}


def test_an_item_has_the_line_on_which_it_starts() -> None:
    text = '{"about": {"x": [1, "]"]},\n "customers": [\n\n' + ",\n".join(
        json.dumps(ITEM | {"display_name": name}, indent=1) for name in ('a "] ,{', "b", "c")
    )

    rows = rows_of(f"{text}]\n}}".encode(), "a.json")

    assert [row.line for row in rows] == [4, 12, 20]


def test_items_that_share_a_line_have_their_place_in_the_list() -> None:
    rows = rows_of(json.dumps([ITEM, {}, ITEM]).encode(), "a.json")

    assert [row.line for row in rows] == [1, 3]


def test_other_names_are_unknown_columns() -> None:
    source = read_bytes("a.json", json.dumps([ITEM | {"shoe size": "44"}]).encode())

    assert source.info.unknown_columns == ("shoe size",)


def test_utf_16_is_read() -> None:
    assert [row.values for row in rows_of(json.dumps([ITEM]).encode("utf-16"), "a.json")] == [ROW]


def test_names_that_differ_only_in_case_are_one_column_too_many() -> None:
    assert refusal_of(json.dumps([ITEM | {"Email": "x"}]).encode(), "a.json")[0] == "column_duplicate"


@pytest.mark.parametrize("text", ["[]", '{"customers": []}'])
def test_an_empty_list_is_refused(text: str) -> None:
    assert refusal_of(text.encode(), "a.json") == ("file_empty", "a.json: the list has no items.")


def test_what_is_not_json_is_refused_with_its_line() -> None:
    assert refusal('[{"email": "a"},\n\n oops]').startswith("line 3: this is not valid JSON")


@pytest.mark.parametrize("text", ['"email"', "5", '{"email": "a"}', '{"customers": {"a": 1}}'])
def test_what_is_not_a_list_is_refused(text: str) -> None:
    assert refusal(text).startswith("this is neither a list nor an object with a list")


def test_too_many_items_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(items_module, "MAX_ROWS", 2)

    assert len(read([ITEM, ITEM])) == 2
    assert refusal(json.dumps([ITEM, ITEM, ITEM])) == "there are more than 2 items."


def test_an_item_that_is_not_an_object_is_refused() -> None:
    assert refusal(json.dumps([ITEM, ["a"]])) == "item 2 is not an object."


@pytest.mark.parametrize("value", [["a"], {"a": "b"}])
def test_a_value_that_is_not_a_scalar_is_refused(value: object) -> None:
    told = refusal(json.dumps([ITEM, ITEM | {"id_tag": value}]))

    assert told == "item 2: “id_tag” is a list or an object; it has to be a text."


def test_a_name_that_is_twice_in_an_object_is_refused() -> None:
    told = refusal('[{"email": "a@example.com", "id_tag": "A", "email": "b@example.com"}]')

    assert told == "one object has the name “email” twice."


def test_half_a_character_is_refused() -> None:
    assert "item 1" in refusal(json.dumps([ITEM | {"display_name": "\ud83d"}]))


def test_deep_nesting_is_refused() -> None:
    assert refusal("[" * 100_000 + "]" * 100_000) == "the JSON is nested too deeply."


def test_bytes_that_are_not_text_are_refused_with_their_line() -> None:
    data = json.dumps([ITEM], indent=1).encode().replace(b"Ann", b"\xc4nn")

    assert refusal_of(data, "a.json") == ("file_encoding", "a.json: line 4 is not UTF-8 text.")
