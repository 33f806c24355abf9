"""The optional columns of a file. Each declares itself here, once; files, checks and the ledger follow.

What a column asks for, a step does: it finds the value in `Wanted.more` under the column's name.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from kernel.column import Column, Day, Kind
from kernel.fingerprint import Fingerprint
from kernel.invoice_columns import CARD_NAME, INVOICE_COLUMNS
from kernel.step import Per
from kernel.values import Problem, Wanted

__all__ = [
    "BILLED_UNTIL",
    "COUPON",
    "END_DATE",
    "NEWER",
    "OLD_AMOUNT",
    "OPENING_BALANCE",
    "OPEN_USAGE",
    "OPTIONAL",
    "Column",
    "Day",
    "Kind",
    "as_json",
    "from_json",
]

_MOST_YEARS = 50  # beyond it is a typing error


def _end_against(end: Day, wanted: Wanted, today: date) -> Problem | None:
    if end.day <= today:
        told = f"The subscription would end on {end.day}, which is not after today."
        return Problem(
            "end_date_past", "end_date", told, "Leave out who has left already, or correct the day."
        )
    if wanted.starts_on and end.day <= wanted.starts_on:
        told = f"The subscription would end on {end.day}, which is not after its start on {wanted.starts_on}."
        return Problem("end_date_before_start", "end_date", told, "Correct one of the two days.")
    return None


def _end_warning(end: Day, wanted: Wanted) -> Problem:
    told = f"By the file the subscription ends early on {end.day}; Lago then bills what is left."
    return Problem("subscription_ends", "end_date", told, "Check that the customer has given notice.")


END_DATE = Column(
    "end_date",
    Kind.DAY,
    "the first day that is no longer served; Lago ends the subscription early on it",
    against=_end_against,
    warns=_end_warning,
    also=("ends_on", "ends_at", "ending_at", "valid_to", "valid_until", "notice_date", "contract_end"),
)


def _billed_against(until: Day, wanted: Wanted, today: date) -> Problem | None:
    if abs(until.day.year - today.year) > _MOST_YEARS:
        told = f"Billed until {until.day} is too far from today."
        return Problem("billed_until_invalid", "billed_until", told, "Correct the year.")
    return None


BILLED_UNTIL = Column(
    "billed_until",
    Kind.DAY,
    "the last day that the old provider has billed; held against what Lago bills first",
    against=_billed_against,
    also=("billed_to", "billed_through", "invoiced_until", "invoiced_to", "paid_until", "paid_to"),
)

OLD_AMOUNT = Column(
    "old_amount",
    Kind.MONEY,
    "what the customer pays now for one period of the plan; held against what Lago will bill for it",
    also=("old_price", "old_fee", "current_amount", "current_price", "monthly_fee"),
)

OPEN_USAGE = Column(
    "open_usage_kwh",
    Kind.ENERGY,
    "what the card has charged and the old provider has not billed yet; it is shown, and never sent to Lago",
    per=Per.CARD,
    also=("unbilled_kwh", "open_kwh", "usage_kwh", "unbilled_usage", "open_usage", "unbilled_energy"),
)

OPENING_BALANCE = Column(
    "opening_balance",
    Kind.MONEY,
    "what the customer has in hand, in the plan's currency; Lago takes it off the bills, 0 is nothing",
    also=("balance", "credit", "credits", "prepaid", "prepaid_balance", "wallet", "wallet_balance"),
)

COUPON = Column(
    "coupon",
    Kind.CODE,
    "the code of a coupon in Lago, exactly; it is applied to the customer before the first bill",
    also=("coupon_code", "discount", "discount_code", "voucher"),
)

OPTIONAL: Mapping[str, Column] = {
    column.name: column
    for column in (
        END_DATE,
        BILLED_UNTIL,
        OLD_AMOUNT,
        OPEN_USAGE,
        OPENING_BALANCE,
        COUPON,
        *INVOICE_COLUMNS,
        CARD_NAME,
    )
}

# Names that files had for columns of their own before these were ours.
NEWER = frozenset((*INVOICE_COLUMNS, CARD_NAME, OPEN_USAGE))


def as_json(more: Mapping[str, Any], salt: str) -> dict[str, Any]:
    """Write values down, for the ledger; of personal ones only what tells that they were changed."""
    return {name: _written(OPTIONAL[name], value, salt) for name, value in more.items()}


def _written(column: Column, value: Any, salt: str) -> Any:
    if column.is_personal:
        return list(Fingerprint.of(value, salt))
    return _WRITE.get(column.kind, _as_it_is)(value)


def from_json(kept: Mapping[str, Any]) -> dict[str, Any]:
    """Read what was written down; a column that this version does not know is left out."""
    return {name: _read(OPTIONAL[name], value) for name, value in kept.items() if name in OPTIONAL}


def _read(column: Column, value: Any) -> Any:
    return Fingerprint(*value) if column.is_personal else _READ.get(column.kind, _as_it_is)(value)


def _as_it_is(value: Any) -> Any:
    return value


def _write_day(value: Day) -> list[str]:
    return [value.day.isoformat(), value.begins.isoformat()]


def _read_day(kept: list[str]) -> Day:
    return Day(date.fromisoformat(kept[0]), datetime.fromisoformat(kept[1]))


# The kinds that JSON does not have.
_WRITE: Mapping[Kind, Callable[[Any], Any]] = {Kind.DAY: _write_day, Kind.MONEY: str, Kind.ENERGY: str}
_READ: Mapping[Kind, Callable[[Any], Any]] = {
    Kind.DAY: _read_day,
    Kind.MONEY: Decimal,
    Kind.ENERGY: Decimal,
}
