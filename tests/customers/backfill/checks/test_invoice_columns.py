"""Cells of what an invoice needs: refused here, by name, before Lago would; and rows of one customer."""

import io
import json
from collections.abc import Mapping
from typing import Any

import pytest

from customers.backfill.checks import clashes, completed
from customers.backfill.checks.optional import Written
from customers.backfill.checks.rows import check_row
from customers.backfill.source import SourceRow, read_bytes
from customers.backfill.source.error_file import write_errors
from kernel import Doubt, Problem
from tests.customers.backfill.checks.test_optional import TODAY, Checked, checked
from tests.customers.backfill.checks.test_rows import BERLIN, Plan
from tests.customers.backfill.files import xlsx_bytes
from tests.customers.factories import row

CONNECTED = {"payment_provider": "stripe", "provider_customer_id": "cus_1"}


def read(**changes: str) -> tuple[Mapping[str, Any], list[tuple[str, str | None]]]:
    ((wanted, problems, _),) = checked(row(**changes))
    assert all(isinstance(problem, Doubt) for problem in problems)  # not against what 1.0 has imported
    return wanted.more, [(problem.code, problem.field) for problem in problems]


def checked_row(given: SourceRow) -> Checked:
    plans = {"standard": Plan("standard")}
    return check_row(given, plans=plans, written=Written(BERLIN), today=TODAY, billing_time="calendar")


@pytest.mark.parametrize(
    ("column", "given", "expected"),
    [
        ("country", "de", "DE"),
        ("locale", "DE", "de"),
        ("locale", "pt_br", "pt-BR"),
        ("locale", "pt", "pt"),
        ("locale", "de-AT", "de"),
        ("locale", "NL_be", "nl"),
        ("locale", "zh-Hant-TW", "zh-Hant-TW"),
        ("locale", "PL-pl", "pl-PL"),
        ("net_payment_term", "30", 30),
        ("net_payment_term", "0", 0),
        ("legal_name", " Nordsee Fleet GmbH & Co. KG ", "Nordsee Fleet GmbH & Co. KG"),
        ("zipcode", "01067", "01067"),
        ("phone", "+49 (0)30 1234-5", "+49 (0)30 1234-5"),
        ("card_name", "Van 3 · HB-NF 42", "Van 3 · HB-NF 42"),
    ],
)
def test_a_value_is_read(column, given, expected):
    assert read(**{column: given}) == ({column: expected}, [])


@pytest.mark.parametrize(
    ("column", "given"),
    [
        ("country", "Germany"),
        ("country", "XX"),
        ("locale", "Deutsch"),
        ("locale", "de-"),
        ("net_payment_term", "-1"),
        ("net_payment_term", "30 days"),
        ("net_payment_term", "1.5"),
        ("net_payment_term", "٣٠"),
        ("legal_name", "x" * 256),
        ("address_line1", "Deich 1\nHinterhaus"),
        ("card_name", "Van\t3"),
    ],
)
def test_what_cannot_be_read_is_a_problem_of_its_column(column, given):
    assert read(**{column: given}) == ({}, [(f"{column}_invalid", column)])


def test_an_unknown_payment_provider_is_a_problem_of_its_column():
    _, problems = read(**CONNECTED | {"payment_provider": "paypal"})

    assert problems == [("payment_provider_invalid", "payment_provider")]


def test_a_connection_is_read():
    given = CONNECTED | {"payment_provider": "Stripe", "payment_provider_code": "eu"}

    assert read(**given) == (CONNECTED | {"payment_provider_code": "eu"}, [])


@pytest.mark.parametrize(
    "given",
    [
        {"payment_provider": "stripe"},
        {"provider_customer_id": "cus_1"},
        {"payment_provider_code": "eu"},
    ],
    ids=lambda given: next(iter(given)),
)
def test_half_a_connection_is_refused(given):
    assert read(**given)[1] == [("payment_incomplete", next(iter(given)))]


def test_a_postal_code_that_a_spreadsheet_made_a_number_is_warned_of():
    header = row(zipcode="")
    data = xlsx_bytes([list(header), [*list(header.values())[:-1], 1067]])

    (one,) = read_bytes("a.xlsx", data)
    wanted, problems, warnings = checked_row(one)

    assert (dict(wanted.more), problems) == ({"zipcode": "1067"}, [])
    assert [(one.code, one.field) for one in warnings] == [("value_damaged", "zipcode")]


def test_a_text_that_shows_damage_is_warned_of_and_not_shown():
    ((_, problems, warnings),) = checked(row(legal_name="MÃ¼ller GmbH", city="#N/A"))

    assert problems == []
    assert [(one.code, one.field) for one in warnings] == [
        ("value_damaged", "legal_name"),
        ("value_damaged", "city"),
    ]
    assert "ller" not in str(warnings)


@pytest.mark.parametrize(("second", "clash"), [("Bremen", 0), ("", 0), ("Hamburg", 2)])
def test_rows_of_one_customer_agree_or_are_blank(second, clash):
    found = checked(row(1, city="Bremen"), row(1, id_tag="TAG2", city=second))

    told = [one for some in clashes([wanted for wanted, _, _ in found]).values() for one in some]

    assert [(one.code, type(one)) for one in told] == [("external_id_duplicate", Doubt)] * clash


def test_a_blank_cell_takes_what_the_customer_s_other_row_has_and_a_card_keeps_its_name():
    given = (
        row(1, card_name="Van 1"),
        row(1, id_tag="TAG2", city="Bremen", country="de", card_name="Van 2"),
        row(2, city=""),
    )

    theirs = completed([wanted for wanted, _, _ in checked(*given)])

    assert theirs == {2: {"city": "Bremen", "country": "DE"}}


TYPED = {"net_payment_term": 30, "country": "de", "zipcode": "01067", "locale": "pt-BR"}


@pytest.mark.parametrize("kind", ["xlsx", "json"])
def test_workbooks_and_json_say_the_same_and_so_do_their_error_files(kind):
    item = row(1) | TYPED
    data = json.dumps([item]).encode() if kind == "json" else xlsx_bytes([list(item), list(item.values())])
    source = read_bytes(f"a.{kind}", data)
    (one,) = source
    errors = io.BytesIO()
    write_errors(errors, source.info, [(one, [Problem("plan_not_found", "plan_code", "No.")])])

    (again,) = read_bytes(f"a.{kind}", errors.getvalue())

    for given in (one, again):
        wanted, problems, _ = checked_row(given)
        assert (dict(wanted.more), problems) == ({**TYPED, "country": "DE"}, [])
