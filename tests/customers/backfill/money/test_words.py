"""How amounts are written for people, wherever an import is shown."""

import pytest

from customers.backfill.money.words import money


@pytest.mark.parametrize(
    ("cents", "currency", "text"),
    [
        (123_450, "EUR", "1,234.50 EUR"),
        (3000, "JPY", "3,000 JPY"),  # a yen has no cents: Lago's 3000 are three thousand
        (0, None, "0.00"),
        (None, "EUR", "?"),
    ],
)
def test_an_amount_has_the_decimals_of_its_currency(
    cents: int | None, currency: str | None, text: str
) -> None:
    assert money(cents, currency) == text
