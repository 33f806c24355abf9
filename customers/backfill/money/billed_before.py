"""Two bills for the same days, or none: what the old provider has billed, beside what Lago bills first."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from typing import Any, Self

from customers.backfill.engine.plan import Plan
from customers.backfill.money.invoices import newly_billed
from customers.backfill.money.words import about_days, money
from kernel import Bill, Bills, Problem
from kernel.columns import BILLED_UNTIL
from kernel.money import rounded

ONE_DAY = timedelta(days=1)
Cents = dict[str, int]  # by currency


@dataclass(frozen=True, slots=True)
class Before:
    """The old provider's last day beside the first period that Lago bills, of one customer.

    - `overlap_days`, `overlap_cents`: the days that both bill, and their share in Lago's invoice.
    - `gap_days`, `gap_cents`: the days that nobody bills, and their price at the first invoice's rate.
    - `bills_from`: the first day that Lago bills; `invoiced_on`: when. None where it bills no amount at all.
    - `goes_on`: the invoices after the first are for days billed already, too.
    """

    until: date
    currency: str
    overlap_days: int = 0
    overlap_cents: int = 0
    gap_days: int = 0
    gap_cents: int = 0
    bills_from: date | None = None
    invoiced_on: date | None = None
    goes_on: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "until": self.until.isoformat(),
            "bills_from": self.bills_from.isoformat() if self.bills_from else None,
            "overlap_days": self.overlap_days,
            "overlap_cents": self.overlap_cents,
            "gap_days": self.gap_days,
            "gap_cents": self.gap_cents,
            "currency": self.currency,
            "goes_on": self.goes_on,
        }


@dataclass(slots=True)
class Sums:
    """Customers × days, and money by currency. `untold`: of how many customers it cannot be told.

    `moved`: how many start on the day after the last one billed instead of the file's date.
    """

    overlap_customers: int = 0
    overlap_days: int = 0
    overlap_cents: Cents = field(default_factory=dict)
    gap_customers: int = 0
    gap_days: int = 0
    gap_cents: Cents = field(default_factory=dict)
    untold: int = 0
    moved: int = 0

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        return cls(
            told["overlap_customers"],
            told["overlap_days"],
            told["overlap_cents_by_currency"],
            told["gap_customers"],
            told["gap_days"],
            told["gap_cents_by_currency"],
            told["overlap_untold"],
            told["starts_moved"],
        )

    def add(self, before: Before | None) -> None:
        if before is None:
            self.untold += 1
            return
        if before.overlap_days:
            self.overlap_customers += 1
            self.overlap_days += before.overlap_days
            _add(self.overlap_cents, before.currency, before.overlap_cents)
        if before.gap_days:
            self.gap_customers += 1
            self.gap_days += before.gap_days
            _add(self.gap_cents, before.currency, before.gap_cents)

    def as_json(self) -> dict[str, Any]:
        """Money is one figure where there is one currency at most, and always by currency."""
        return {
            "overlap_customers": self.overlap_customers,
            "overlap_days": self.overlap_days,
            "overlap_cents": _one(self.overlap_cents),
            "overlap_cents_by_currency": dict(self.overlap_cents),
            "gap_customers": self.gap_customers,
            "gap_days": self.gap_days,
            "gap_cents": _one(self.gap_cents),
            "gap_cents_by_currency": dict(self.gap_cents),
            "overlap_untold": self.untold,
            "starts_moved": self.moved,
        }


@dataclass(frozen=True, slots=True)
class BilledBefore:
    """All that is known of a file in which it is said until when customers are billed.

    `by_line` has the row of each new customer that says it, with None where it cannot be told.
    """

    by_line: Mapping[int, Before | None]
    by_plan: Mapping[str, Sums]
    in_all: Sums


def billed_before(plan: Plan) -> BilledBefore | None:
    """Compare each new customer of a plan, and warn in its row; None if no row says until when."""
    if not any(BILLED_UNTIL.name in row.wanted.more for row in plan.rows):
        return None
    by_line: dict[int, Before | None] = {}
    by_plan: dict[str, Sums] = {}
    in_all, compared = Sums(), _Compared()
    for row in newly_billed(plan):
        until = BILLED_UNTIL.of(row.wanted)
        if until is None:
            continue
        before, warnings = compared.of(row.bills, until.day)
        by_line[row.line] = before
        for sums in (by_plan.setdefault(row.wanted.plan_code, Sums()), in_all):
            sums.add(before)
            sums.moved += row.wanted.moved_to is not None
        row.warnings = (*row.warnings, *warnings)
    return BilledBefore(by_line, by_plan, in_all)


def compare(bills: Bills | None, until: date) -> Before | None:
    """Hold a last day against the invoices to come; None where these are not known.

    The first period that Lago bills is that of the first base amount, or of a fixed charge where there is no
    base amount. An invoice before it, for a fixed charge of its own, is counted with it. Shares are by days,
    added up exactly and rounded once, half a cent upwards.
    """
    if bills is None or bills.first is None:
        return None
    if bills.whole_cents == 0:  # nothing is billed by days, and so no day is missing
        return Before(until, bills.currency)
    told = [bill for bill in (bills.first, bills.second) if bill]
    main = _first_of_a_period(told)
    if main is None:
        return None
    spans = [charge for charge in main.charges if charge.is_base] or list(main.charges)
    first, last = min(one.first for one in spans), max(one.last for one in spans)
    charges = [charge for bill in told[: told.index(main) + 1] for charge in bill.charges]
    share = sum(Fraction(one.cents * one.days_until(until), one.days) for one in charges)
    gap_days = max((first - until).days - 1, 0)
    rate = sum(Fraction(one.cents, one.days) for one in spans)
    return Before(
        until=until,
        currency=main.currency,
        overlap_days=max((min(last, until) - first).days + 1, 0),
        overlap_cents=rounded(share),
        gap_days=gap_days,
        gap_cents=rounded(gap_days * rate),
        bills_from=first,
        invoiced_on=main.day,
        goes_on=until > last,
    )


def _first_of_a_period(bills: Iterable[Bill]) -> Bill | None:
    """Return the first with a base amount, else the first with any amount."""
    charging = [bill for bill in bills if bill.charges]
    with_base = (bill for bill in charging if any(charge.is_base for charge in bill.charges))
    return next(with_base, charging[0] if charging else None)


class _Compared:
    """Compares once what rows share: a file has many rows, and few plans, starts and last days."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, date], tuple[Before | None, tuple[Problem, ...]]] = {}

    def of(self, bills: Bills | None, until: date) -> tuple[Before | None, tuple[Problem, ...]]:
        """Return the comparison and its warnings. Rows keep their bills, so these are known by id."""
        key = (id(bills), until)
        if key not in self._known:
            before = compare(bills, until)
            self._known[key] = (before, tuple(_warnings(before)) if before else ())
        return self._known[key]


def _warnings(before: Before) -> Iterator[Problem]:
    begin = f"The old provider has billed until {before.until}, and Lago"
    if before.overlap_days:
        days, cost = about_days(before.overlap_days), money(before.overlap_cents, before.currency)
        further = " So are the days of the invoices after it." if before.goes_on else ""
        yield Problem(
            "billed_twice",
            BILLED_UNTIL.name,
            f"{begin}'s invoice of {before.invoiced_on} is for {before.bills_from} and after: {days} twice,"
            f" {cost}.{further}",
            "Let it start on the day after (--start-after-billed), or give those days back to the customer.",
        )
    if before.gap_days:
        days, cost = about_days(before.gap_days), money(before.gap_cents, before.currency)
        yield Problem(
            "billed_by_nobody",
            BILLED_UNTIL.name,
            f"{begin} bills from {before.bills_from} on: {days} that nobody bills, about {cost}.",
            "Have the old provider bill until the day before, or invoice those days by hand.",
        )


def _add(cents: Cents, currency: str, more: int) -> None:
    cents[currency] = cents.get(currency, 0) + more


def _one(cents: Cents) -> int | None:
    return sum(cents.values()) if len(cents) <= 1 else None
