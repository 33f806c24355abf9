"""What two bills have in common: days and their share of the money, held against an independent count."""

from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.backfill.money.beside_words import billed_sentences
from customers.backfill.money.billed_before import Sums, compare
from kernel import Bill, Bills, Charge

MARCH = date(2027, 3, 1), date(2027, 3, 31)
APRIL = date(2027, 4, 1), date(2027, 4, 30)


def bill(*charges: Charge, day: date = date(2027, 4, 1)) -> Bill:
    base = [one for one in charges if one.is_base]
    first, last = (base[0].first, base[0].last) if base else (day, day)
    sums = [sum(one.cents for one in charges if one.is_base is kind) for kind in (True, False)]
    return Bill(day, sums[0], sums[1], "EUR", first, last, charges)


def bills(first: Bill | None, second: Bill | None = None, whole: int | None = 3100) -> Bills:
    return Bills(date(2027, 3, 20), first, second, whole_cents=whole, currency="EUR")


MONTH = bills(bill(Charge(3100, *MARCH)))


def short(told: Bills, until: date) -> tuple[int, int, int, int]:
    found = compare(told, until)
    assert found
    return found.overlap_days, found.overlap_cents, found.gap_days, found.gap_cents


@pytest.mark.parametrize(
    ("until", "found"),
    [
        (date(2027, 3, 12), (12, 1200, 0, 0)),
        (date(2027, 3, 1), (1, 100, 0, 0)),
        (date(2027, 2, 28), (0, 0, 0, 0)),
        (date(2027, 2, 27), (0, 0, 1, 100)),
        (date(2027, 1, 31), (0, 0, 28, 2800)),
        (date(2027, 3, 31), (31, 3100, 0, 0)),
    ],
)
def test_a_last_day_is_held_against_the_first_period(until: date, found: tuple[int, ...]) -> None:
    assert short(MONTH, until) == found


def test_what_is_billed_further_ahead_is_said_and_not_added_up() -> None:
    found = compare(MONTH, date(2027, 12, 31))

    assert found
    assert (found.overlap_days, found.overlap_cents, found.goes_on) == (31, 3100, True)


def test_a_last_day_at_the_end_of_the_period_goes_no_further() -> None:
    found = compare(MONTH, date(2027, 3, 31))

    assert found
    assert not found.goes_on


def test_a_charge_counts_by_its_own_days() -> None:
    """In arrears the base is March's; the fee in advance on that invoice is April's, and not yet billed."""
    told = bills(bill(Charge(3100, *MARCH), Charge(310, *MARCH, False), Charge(900, *APRIL, False)))

    assert short(told, date(2027, 3, 10)) == (10, 1100, 0, 0)


def test_an_invoice_for_a_fee_alone_goes_with_the_first_period() -> None:
    fee = bill(Charge(1200, date(2027, 3, 20), MARCH[1], False), day=date(2027, 3, 20))
    base = bill(Charge(1200, date(2027, 3, 20), MARCH[1]))

    assert short(bills(fee, base), date(2027, 3, 22)) == (3, 600, 0, 0)
    assert short(bills(fee, base), date(2027, 3, 17)) == (0, 0, 2, 200)


def test_without_a_base_amount_the_fee_decides() -> None:
    told = bills(bill(day=APRIL[0]), bill(Charge(300, *APRIL, False), day=date(2027, 5, 1)))

    assert short(told, date(2027, 3, 30)) == (0, 0, 1, 10)


def test_a_trial_is_billed_by_nobody_and_its_days_are_not_paid_twice() -> None:
    told = bills(bill(), bill(Charge(2000, date(2027, 4, 11), APRIL[1]), day=date(2027, 5, 1)))

    assert short(told, date(2027, 4, 12)) == (2, 200, 0, 0)
    assert short(told, date(2027, 3, 31)) == (0, 0, 10, 1000)


def test_a_plan_that_costs_nothing_bills_no_day_twice() -> None:
    assert short(bills(bill(), bill(), whole=0), date(2027, 1, 1)) == (0, 0, 0, 0)


@pytest.mark.parametrize("told", [None, bills(None), bills(bill(), bill())])
def test_without_a_figure_nothing_is_told(told: Bills | None) -> None:
    assert compare(told, date(2027, 3, 12)) is None


@given(
    cents=st.integers(1, 10**7),
    first=st.dates(date(2000, 1, 1), date(2090, 1, 1)),
    length=st.integers(1, 366),
    shift=st.integers(-400, 400),
)
def test_each_day_is_billed_once_twice_or_never(cents: int, first: date, length: int, shift: int) -> None:
    last, until = first + timedelta(days=length - 1), first + timedelta(days=shift)

    found = compare(bills(bill(Charge(cents, first, last)), whole=cents), until)

    assert found
    period = [first + timedelta(days=number) for number in range(length)]
    twice = [day for day in period if day <= until]
    assert found.overlap_days == len(twice)
    assert found.overlap_days + sum(day > until for day in period) == length
    share = Decimal(cents) * len(twice) / length
    assert found.overlap_cents == int(share.quantize(Decimal(1), ROUND_HALF_UP))
    missed = [until + timedelta(days=number) for number in range(1, 401)]
    assert found.gap_days == sum(day < first for day in missed)
    assert not (found.overlap_days and found.gap_days)


def test_sums_are_kept_and_read_again_and_said() -> None:
    sums = Sums()
    for until in (date(2027, 3, 12), date(2027, 3, 2), date(2027, 2, 25)):
        sums.add(compare(MONTH, until))
    sums.add(None)

    assert Sums.of(sums.as_json()) == sums
    assert list(billed_sentences(sums)) == [
        "Old provider and Lago: 14 days twice, 14.00 EUR (2 customers);"
        " 3 days that nobody bills, about 3.00 EUR (1 customer).",
        "For 1 customer it cannot be told whether days are billed twice; no money is counted for them.",
    ]


def test_two_currencies_have_no_common_sum() -> None:
    sums = Sums()
    sums.overlap_cents |= {"EUR": 100, "CHF": 200}

    assert sums.as_json()["overlap_cents"] is None
    assert sums.as_json()["overlap_cents_by_currency"] == {"EUR": 100, "CHF": 200}
