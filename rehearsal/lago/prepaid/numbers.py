"""Decimal numbers as Lago reads and writes them."""

from decimal import Decimal, InvalidOperation
from typing import Any

from rehearsal.lago.codes import WITHOUT_CENTS
from rehearsal.lago.params import as_string


def decimal_or_none(value: Any) -> Decimal | None:
    """Read a number, sent as such or as text; None if it is none."""
    try:
        number = Decimal(as_string(value) or "")
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def shown(number: Decimal) -> str:
    """Write a number as Ruby writes a decimal: without zeros at the end, but with one place."""
    text = f"{number.normalize():f}"
    return text if "." in text else f"{text}.0"


def in_cents(amount: Decimal, currency: str) -> int:
    return int(amount * (1 if currency in WITHOUT_CENTS else 100))


def from_cents(cents: int, currency: str) -> Decimal:
    return Decimal(cents) / (1 if currency in WITHOUT_CENTS else 100)
