"""What a real Lago billed: the first two invoices of 981 subscriptions, made at 10:00 UTC on one of two days.

The plan costs 30.00 EUR; a fixed charge is two units of 5.00 EUR. The second invoice is missing where it came
after the measurement had ended. With a fixed charge billed monthly the periods say nothing.
"""

import csv
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path

AMOUNT_CENTS, UNITS, UNIT_AMOUNT = 3000, 2, "5"
# date, base cents, fixed cents, first and last day
Figures = tuple[date, int, int, date | None, date | None]


@dataclass(frozen=True, slots=True)
class Case:
    now: datetime
    interval: str
    in_advance: bool
    trial_days: int
    fixed_charge: frozenset[str]  # advance or arrears, prorated, monthly; empty if there is none
    billing_time: str
    start: date
    first: Figures
    second: Figures | None

    @property
    def has_periods(self) -> bool:
        return "monthly" not in self.fixed_charge


def _case(row: dict[str, str]) -> Case:
    fixed_charge = frozenset(row["fixed_charge"].split())
    first = _figures(row["first"], fixed_charge)
    assert first
    return Case(
        now=datetime.combine(date.fromisoformat(row["today"]), time(10), UTC),
        interval=row["interval"],
        in_advance=row["base"] == "advance",
        trial_days=int(row["trial_days"]),
        fixed_charge=fixed_charge,
        billing_time=row["billing_time"],
        start=date.fromisoformat(row["start"]),
        first=first,
        second=_figures(row["second"], fixed_charge),
    )


def _figures(text: str, fixed_charge: frozenset[str]) -> Figures | None:
    if not text:
        return None
    day, cents, first, last = text.split()
    base, fixed = cents.split("+")
    if "monthly" in fixed_charge:
        return (date.fromisoformat(day), int(base), int(fixed), None, None)
    return (
        date.fromisoformat(day),
        int(base),
        int(fixed),
        date.fromisoformat(first),
        date.fromisoformat(last),
    )


with Path(__file__).with_name("measured.csv").open(encoding="utf-8", newline="") as lines:
    CASES = [_case(row) for row in csv.DictReader(lines)]
