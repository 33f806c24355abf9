"""What a preview's page shows of money: per month, first invoices by plan, starts, and what comes today."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any

from customers.admin.charts.bars import Bar, bars
from customers.admin.charts.starts import starts_chart
from customers.admin.charts.svg import Markup
from customers.backfill.money.beside_words import by_nobody, twice
from customers.backfill.money.billed_before import Sums
from customers.backfill.money.invoices import Dated
from customers.backfill.money.looked_at import FirstInvoices, kept_starts
from customers.backfill.money.open_usage import OpenUsage, written_kwh
from customers.backfill.money.per_month import OnPlan, PerMonth, per_month
from customers.backfill.money.words import by_currency, money, sum_of
from kernel.wording import counted

DRAWN = 10  # plans with a bar of their own
LISTED = 100  # first invoices by day and period


@dataclass(frozen=True, slots=True)
class Line:
    """A plan, or all plans beyond the first ones: then there is no price."""

    plan: str
    customers: int
    price: str
    per_month: str


@dataclass(frozen=True, slots=True)
class Monthly:
    """All of a currency per month."""

    currency: str
    total: str
    customers: int
    ways: str
    chart: Markup
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class First:
    """The first invoices of a plan. `twice`, `nobody`: what the old provider bills too, or nobody does.

    `open_kwh`: what is charged before and not billed yet.
    """

    plan: str
    customers: int
    days: str
    periods: str
    total: str
    is_today: bool
    twice: str
    nobody: str
    open_kwh: str


@dataclass(frozen=True, slots=True)
class Today:
    """What Lago invoices on the day of the import, and in the night after. Blank: nothing."""

    day: date
    total: str
    invoices: int
    is_money: bool
    tonight: str


def money_context(head: Mapping[str, Any]) -> dict[str, Any]:
    """Return what there is to show. A preview that an older version kept has no figures for most of it."""
    totals, untold = per_month(head["billing"])
    firsts = [FirstInvoices.of(one) for one in head.get("first_invoices", ())]
    told, usage = head.get("invoices"), open_usage_of(head)
    today = date.fromisoformat(told["today"]) if told else None
    return {
        "monthly": [_monthly(one, number) for number, one in enumerate(totals)],
        "monthly_untold": untold,
        "firsts": _firsts(firsts, head, today) if today else [],
        "open_usage": usage,
        "has_billed": "overlap_untold" in head,
        "every_first": _every(firsts),
        "more_firsts": max(len(firsts) - LISTED, 0),
        "starts": starts_chart(kept_starts(head.get("starts", {})), today) if today else None,
        "today": _today(head) if told and head["billing"] else None,
    }


# --- per month ---------------------------------------------------------------------------------------


def _monthly(total: PerMonth, number: int) -> Monthly:
    shown, rest = total.plans[:DRAWN], PerMonth(total.currency, total.plans[DRAWN:])
    lines = [_line(one, total.currency) for one in shown]
    drawn = [Bar(one.plan_code, one.cents, money(one.cents, total.currency)) for one in shown]
    if rest.plans:
        name = counted(len(rest.plans), "other plan")
        lines.append(Line(name, rest.customers, "", money(rest.cents, total.currency)))
        drawn.append(Bar(name, rest.cents, money(rest.cents, total.currency), is_rest=True))
    return Monthly(
        currency=total.currency,
        total=money(total.cents, total.currency),
        customers=total.customers,
        ways=", ".join(total.ways),
        chart=bars(f"monthly-{number}", f"{total.currency} per month by plan", drawn),
        lines=lines,
    )


def _line(one: OnPlan, currency: str) -> Line:
    price = f"{money(one.whole_cents, currency)} {one.interval}"
    return Line(one.plan_code, one.customers, price, money(one.cents, currency))


# --- the first invoices ------------------------------------------------------------------------------


def _firsts(firsts: Sequence[FirstInvoices], head: Mapping[str, Any], today: date) -> list[First]:
    lines = {line["plan_code"]: line for line in head["billing"]}
    by_plan = groupby(firsts, key=lambda one: one.plan_code)
    usage = open_usage_of(head)
    still = usage.by_plan if usage else {}
    return [_first(code, list(group), lines[code], today, still.get(code)) for code, group in by_plan]


def _first(
    code: str,
    group: Sequence[FirstInvoices],
    line: Mapping[str, Any],
    today: date,
    open_kwh: Decimal | None,
) -> First:
    days, periods, cents = Counter[str](), Counter[str](), Counter[str]()
    for one in group:
        days[one.day.isoformat()] += one.customers
        periods[_period(one)] += one.customers
        cents[one.currency] += one.amount_cents
    sums = Sums.of(line) if "overlap_untold" in line else None
    is_today = min(one.day for one in group) <= today
    some = ", some today" if is_today and days.most_common(1)[0][0] > today.isoformat() else ""
    return First(
        plan=code,
        customers=days.total(),
        days=f"{_most(days, 'day')}{some}",
        periods=_most(periods, "period"),
        total=by_currency(cents),
        is_today=is_today,
        twice=twice(sums) if sums else "",
        nobody=by_nobody(sums) if sums else "",
        open_kwh=written_kwh(open_kwh) if open_kwh else "",
    )


def open_usage_of(head: Mapping[str, Any]) -> OpenUsage | None:
    """Return what a file says of it; None of one that says nothing."""
    told = head.get("open_usage")
    return OpenUsage.of(told) if told else None


def _most(numbers: Counter[str], what: str) -> str:
    """Name the one that most customers have, and how many others there are."""
    ((name, _),) = numbers.most_common(1)
    others = len(numbers) - 1
    return f"{name} and {counted(others, f'more {what}')}" if others else name


def _period(one: FirstInvoices) -> str:
    return f"{one.first} to {one.last}" if one.first != one.last else f"{one.first}"


def _every(firsts: Sequence[FirstInvoices]) -> list[tuple[FirstInvoices, str, str]]:
    """Return each day and period, where a plan has several; the earliest come first."""
    if len(firsts) == len({one.plan_code for one in firsts}):
        return []
    in_time = sorted(firsts, key=lambda one: (one.day, one.plan_code, one.first))
    return [(one, _period(one), money(one.amount_cents, one.currency)) for one in in_time[:LISTED]]


# --- today -------------------------------------------------------------------------------------------


def _today(head: Mapping[str, Any]) -> Today:
    told = head["invoices"]
    day = date.fromisoformat(told["today"])
    at_once = [Dated.of(one) for one in told["at_once"]]
    today = [one for one in at_once if one.date <= day]
    tonight = [one for one in at_once if one.date > day]
    return Today(
        day=day,
        total=sum_of([one for one in today if one.amount_cents] or today) if today else "",
        invoices=sum(one.customers for one in today),
        is_money=any(one.amount_cents for one in today),
        tonight=sum_of(tonight) if tonight else "",
    )
