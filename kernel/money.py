"""Amounts of money. Lago counts in the smallest unit of a currency and calls all of them cents."""

from decimal import Decimal
from fractions import Fraction
from math import floor

# What has no smaller unit, in Lago as in ISO 4217.
WITHOUT_CENTS = frozenset("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split())  # noqa: SIM905


def decimals(currency: str | None) -> int:
    """Return how many decimals an amount of a currency can have."""
    return 0 if currency in WITHOUT_CENTS else 2


def cents(amount: Decimal, currency: str | None) -> int:
    """Return an amount in the smallest unit; ValueError where it has more decimals than the currency."""
    exact = amount.scaleb(decimals(currency))
    if exact != exact.to_integral_value():
        raise ValueError("more decimals than the currency has")
    return int(exact)


def rounded(amount: Fraction | int) -> int:
    """Round to whole cents, half a cent upwards."""
    return floor(amount + Fraction(1, 2))


def written(amount_cents: int, currency: str | None) -> str:
    """Write an amount for people: "1,234.50 EUR"."""
    places = decimals(currency)
    return f"{Decimal(amount_cents).scaleb(-places):,.{places}f} {currency or ''}".strip()
