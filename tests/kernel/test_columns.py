"""What optional columns ask for survives the ledger."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from kernel.columns import OPTIONAL, Day, Kind, as_json, from_json
from kernel.money import cents, written

VALUES = {
    Kind.DAY: Day(date(2027, 3, 31), datetime(2027, 3, 30, 22, tzinfo=UTC)),
    Kind.MONEY: Decimal("12.50"),
    Kind.CODE: "WELCOME",
}


@pytest.mark.parametrize("name", list(OPTIONAL))
def test_a_value_is_read_back_as_it_was(name):
    more = {name: VALUES[OPTIONAL[name].kind]}

    assert from_json(json.loads(json.dumps(as_json(more)))) == more


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
