"""Rows that stand in each other's way, and rows that belong together."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from customers.backfill.checks import clashes, decimal_cards
from kernel import Wanted


def wanted(line: int, **changes: Any) -> Wanted:
    """Give a row that has nothing in common with those of other lines but plan and start."""
    row = Wanted(
        line=line,
        email=f"c{line}@example.com",
        display_name=f"Customer {line}",
        external_id=f"C-{line}",
        id_tag=f"TAG{line}",
        plan_code="standard",
        start_date=date(2024, 1, 1),
        subscription_at=None,
    )
    return replace(row, **changes)


def codes(*rows: Wanted) -> dict[int, list[str]]:
    return {line: [problem.code for problem in problems] for line, problems in clashes(rows).items()}


def card(line: int, **changes: Any) -> Wanted:
    """Give one more card of the customer of line 2."""
    return replace(replace(wanted(2), line=line, id_tag=f"TAG{line}"), **changes)


def test_rows_with_nothing_in_common_do_not_clash() -> None:
    assert codes(wanted(2), wanted(3)) == {}


def test_rows_of_one_customer_with_several_cards_do_not_clash() -> None:
    assert codes(wanted(2), card(3), card(4, email="c2@example.com")) == {}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "other@example.com"),
        ("display_name", "customer 2"),
        ("plan_code", "fleet"),
        ("start_date", date(2024, 1, 2)),
    ],
)
def test_rows_of_one_external_id_that_do_not_agree_all_clash(field: str, value: object) -> None:
    found = clashes([wanted(2), card(3), card(4, **{field: value})])

    assert {line: [problem.code for problem in problems] for line, problems in found.items()} == {
        2: ["external_id_duplicate"],
        3: ["external_id_duplicate"],
        4: ["external_id_duplicate"],
    }
    assert f"differ in {field};" in found[2][0].message


@pytest.mark.parametrize("other", ["c-2", "C-2"])
def test_external_ids_that_differ_only_by_case_are_the_same(other: str) -> None:
    assert codes(wanted(2), card(3, external_id=other)) == (
        {} if other == "C-2" else {2: ["external_id_duplicate"], 3: ["external_id_duplicate"]}
    )


def test_external_ids_that_only_look_alike_are_the_same() -> None:
    rows = [wanted(2, external_id="Caf\u00e9"), wanted(3, external_id="Cafe\u0301")]

    assert codes(*rows) == {2: ["external_id_duplicate"], 3: ["external_id_duplicate"]}


def test_one_address_for_two_customers_clashes_in_any_case() -> None:
    rows = [wanted(2), wanted(3), wanted(4, email="c2@example.com")]

    assert codes(*rows) == {2: ["email_duplicate"], 4: ["email_duplicate"]}


def test_an_id_tag_is_in_a_file_once_even_for_one_customer() -> None:
    assert codes(wanted(2), card(3, id_tag="tag2")) == {2: ["id_tag_duplicate"], 3: ["id_tag_duplicate"]}


def test_a_row_that_is_there_twice_clashes() -> None:
    assert codes(wanted(2), replace(wanted(2), line=3)) == {2: ["id_tag_duplicate"], 3: ["id_tag_duplicate"]}


def test_every_clash_of_a_row_is_told() -> None:
    rows = [wanted(2), wanted(3, email="c2@example.com", id_tag="TAG2")]

    assert codes(*rows) == {line: ["email_duplicate", "id_tag_duplicate"] for line in (2, 3)}


def test_blank_values_clash_with_nothing() -> None:
    blank = {
        "email": "",
        "display_name": "",
        "external_id": "",
        "id_tag": "",
        "plan_code": "",
        "start_date": None,
    }

    assert codes(wanted(2, **blank), wanted(3, **blank)) == {}


def test_a_card_with_a_value_that_is_not_valid_leaves_the_others_alone() -> None:
    assert codes(wanted(2), card(3, start_date=None, email="")) == {}


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (2, "also on line 3."),
        (3, "also on lines 3, 4."),
        (11, "also on lines 3, 4, 5, 6, 7, 8, 9, 10, 11, 12."),
        (1502, "also on lines 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 and 1,491 more."),
    ],
)
def test_the_other_parties_are_named(count: int, told: str) -> None:
    found = clashes([wanted(line, id_tag="SAME") for line in range(2, count + 2)])

    assert len(found) == count
    assert found[2][0].message.endswith(told)


def test_the_first_parties_are_named_to_the_last_one() -> None:
    found = clashes([wanted(line, id_tag="SAME") for line in range(2, 32)])

    assert found[31][0].message.endswith("also on lines 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 19 more.")


def test_a_message_holds_no_personal_data() -> None:
    found = clashes([wanted(2), wanted(3, email="c2@example.com", id_tag="TAG2", external_id="c-2")])

    assert "c2@" not in str(found)
    assert "Customer 2" not in str(found)
    assert "TAG2" not in str(found)


@pytest.mark.parametrize(
    ("cards", "told"),
    [
        (["531529903", "3640030597", "327288111", "1234567890", "4294967295"], 1),
        (["531529903", "3640030597", "327288111", "1234567890", "4294967296"], 0),
        (["531529903", "3640030597", "327288111", "1234567890"], 0),
        (["531529903", "3640030597", "327288111", "1234567890", "987654321", "04A1B2C3"], 0),
        (["12345678", "23456789", "34567890", "45678901", "56789012"], 0),
    ],
    ids=["decimal", "too large", "few", "mixed", "hexadecimal"],
)
def test_a_file_of_decimal_cards_is_warned_of(cards: list[str], told: int) -> None:
    rows = [wanted(line, id_tag=card) for line, card in enumerate(cards, start=2)]

    assert len(decimal_cards("cards.csv", rows)) == told
