"""What optional columns ask for survives the ledger."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from kernel.columns import OPTIONAL, Day, Kind, as_json, from_json
from kernel.money import cents, written

PERSONAL = [name for name, column in OPTIONAL.items() if column.is_personal]
VALUES = {
    Kind.DAY: Day(date(2027, 3, 31), datetime(2027, 3, 30, 22, tzinfo=UTC)),
    Kind.MONEY: Decimal("12.50"),
    Kind.CODE: "WELCOME",
    Kind.CHOICE: "pt-BR",
    Kind.LANGUAGE: "de",
    Kind.NUMBER: 30,
    Kind.ENERGY: Decimal("12.5"),
}


def kept(more):
    return json.dumps(as_json(more, "salt"))


@pytest.mark.parametrize("name", [name for name in OPTIONAL if name not in PERSONAL])
def test_a_value_is_read_back_as_it_was(name):
    more = {name: VALUES[OPTIONAL[name].kind]}

    assert from_json(json.loads(kept(more))) == more


@pytest.mark.parametrize("name", PERSONAL)
def test_of_a_personal_value_the_ledger_tells_only_whether_it_was_changed(name):
    told = kept({name: "Straße 5"})
    found = from_json(json.loads(told))[name]

    assert "Stra" not in told
    assert [found.fits("Straße 5 "), found.fits("Straße 6")] == [True, False]


def test_a_column_of_another_version_is_left_out():
    assert from_json({"shoe_size": "44"}) == {}


@pytest.mark.parametrize(
    ("amount", "currency", "expected"), [("12.5", "EUR", 1250), ("0", "EUR", 0), ("1250", "JPY", 1250)]
)
def test_money_is_counted_in_the_smallest_unit(amount, currency, expected):
    assert cents(Decimal(amount), currency) == expected


@pytest.mark.parametrize(("amount", "currency"), [("0.005", "EUR"), ("12.5", "JPY")])
def test_money_that_cannot_be_paid_is_refused(amount, currency):
    with pytest.raises(ValueError, match="more decimals"):
        cents(Decimal(amount), currency)


@pytest.mark.parametrize(
    ("amount_cents", "currency", "expected"),
    [(125050, "EUR", "1,250.50 EUR"), (1250, "JPY", "1,250 JPY"), (5, None, "0.05")],
)
def test_money_is_written_for_people(amount_cents, currency, expected):
    assert written(amount_cents, currency) == expected
