"""What new customers pay per month."""

from typing import Any

import pytest

from customers.backfill.money.per_month import per_month


def line(code: str, rows: int, whole: int | None, interval: str | None = "monthly", **more: Any) -> Any:
    known = {"plan_code": code, "rows": rows, "interval": interval, "currency": "EUR", "whole_cents": whole}
    return known | more


@pytest.mark.parametrize(
    ("interval", "cents"),
    [("weekly", 5200), ("monthly", 1200), ("quarterly", 400), ("semiannual", 200), ("yearly", 100)],
)
def test_each_interval_is_brought_to_a_month(interval: str, cents: int) -> None:
    ((total,), untold) = per_month([line("plan", 1, 1200, interval)])

    assert (total.cents, untold) == (cents, [])


def test_a_sum_is_rounded_once() -> None:
    ((total,), _) = per_month([line(code, 1, 100, "yearly") for code in "abc"])

    assert ([one.cents for one in total.plans], total.cents) == ([8, 8, 8], 25)


def test_currencies_are_not_added_up_and_the_largest_comes_first() -> None:
    totals, _ = per_month([
        line("small", 1, 500),
        line("large", 2, 12_000, "yearly"),
        line("free", 9, 0),
        line("yen", 3, 980, currency="JPY"),
    ])  # fmt: skip

    assert [(one.currency, one.cents, one.customers) for one in totals] == [
        ("EUR", 2500, 12),
        ("JPY", 2940, 3),
    ]
    assert [one.plan_code for one in totals[0].plans] == ["large", "small", "free"]
    assert (totals[0].ways, totals[1].ways) == (["a year ÷ 12"], [])


def test_a_plan_without_a_price_is_named_and_not_counted() -> None:
    totals, untold = per_month([line("tiers", 4, None), line("odd", 1, 100, None), line("a", 1, 100)])

    assert (untold, [one.cents for one in totals]) == ([("tiers", 4), ("odd", 1)], [100])


def test_what_an_older_version_kept_is_not_added_up() -> None:
    old = line("standard", 2, 0)
    del old["whole_cents"]

    assert per_month([old]) == ([], [])
