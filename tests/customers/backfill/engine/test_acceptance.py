"""What is accepted of invoices for days that are over: for which day, and up to which sum."""

from dataclasses import replace
from datetime import date

import pytest

from customers.backfill.engine.acceptance import (
    ANEW,
    KEY,
    NO,
    THESE,
    Accepted,
    Past,
    accept,
    with_way_out,
)  # fmt: skip
from kernel import Bill, Bills, Problem

DAY, NEXT_DAY = date(2027, 3, 1), date(2027, 3, 2)
PAST = Past(DAY, customers=2, cents={"EUR": 2000}, clear_from=NEXT_DAY)
ACCEPTED = Accepted(DAY, 2, {"EUR": 2000})
PROBLEM = Problem("invoiced_today", "start_date", "m", "Wait.")


def bills(cents: int = 1000, *, currency: str = "EUR", clear_from: date | None = NEXT_DAY) -> Bills:
    bill = Bill(DAY, cents, 0, currency, date(2027, 2, 1), date(2027, 2, 28))
    return Bills(DAY, bill, bill, today=(bill,), past=(PROBLEM,), clear_from=clear_from)


def test_nothing_is_accepted_unasked() -> None:
    assert accept(NO, DAY, PAST, None) is None
    assert accept(NO, DAY, PAST, ACCEPTED) is None


def test_the_bare_option_accepts_what_a_first_plan_names() -> None:
    assert accept(THESE, DAY, PAST, None) == ACCEPTED


def test_a_plan_that_names_nothing_is_accepted_for_its_day_and_for_nothing() -> None:
    assert accept(THESE, DAY, None, None) == Accepted(DAY)


def test_a_run_goes_on_the_same_day_with_what_is_left_and_keeps_what_it_was_told() -> None:
    left = replace(PAST, customers=1, cents={"EUR": 1000})

    assert accept(THESE, DAY, left, ACCEPTED) == ACCEPTED


@pytest.mark.parametrize(
    "named",
    [
        replace(PAST, day=NEXT_DAY),
        replace(PAST, cents={"EUR": 2001}),
        replace(PAST, cents={"EUR": 2000, "SEK": 1}),
        replace(PAST, customers=3),
    ],
    ids=["another day", "more", "another currency", "more customers"],
)
def test_a_run_that_goes_on_otherwise_is_asked_again(named: Past) -> None:
    assert accept(THESE, named.day, named, ACCEPTED) is None


def test_the_day_accepts_what_is_named_on_it_and_on_no_other() -> None:
    more = replace(PAST, cents={"EUR": 9999})

    assert accept("2027-03-01", DAY, more, ACCEPTED) == Accepted(DAY, 2, {"EUR": 9999})
    assert accept("2027-03-01", NEXT_DAY, replace(PAST, day=NEXT_DAY), ACCEPTED) is None


def test_a_person_who_looks_at_just_this_plan_accepts_it_anew() -> None:
    assert accept(ANEW, NEXT_DAY, replace(PAST, day=NEXT_DAY), ACCEPTED) == Accepted(
        NEXT_DAY, 2, {"EUR": 2000}
    )


def test_what_a_run_keeps_is_read_back() -> None:
    assert Accepted.kept({KEY: ACCEPTED.as_json()}) == ACCEPTED
    assert Accepted.kept({"skip_existing": True}) is None
    assert Past.kept(PAST.as_json()) == PAST


def test_sums_are_by_currency_and_the_latest_clear_day_counts() -> None:
    later = date(2027, 3, 3)

    past = Past.of({"A": bills(), "B": bills(500, clear_from=later), "C": bills(7, currency="SEK")})

    assert past == Past(DAY, 3, {"EUR": 1500, "SEK": 7}, 0, later)


def test_one_that_is_never_clear_leaves_no_clear_day() -> None:
    past = Past.of({"A": bills(), "B": bills(clear_from=None)})

    assert past is not None
    assert past.clear_from is None


def test_an_amount_that_is_not_known_is_counted_as_such() -> None:
    past = Past.of({"A": replace(bills(), today=())})

    assert past == Past(DAY, 1, {}, 1, NEXT_DAY)


def test_nothing_of_the_past_is_nothing() -> None:
    assert Past.of({"A": Bills(DAY)}) is None


def test_the_way_out_names_the_day_where_the_bare_option_was_not_enough() -> None:
    (first,) = with_way_out([PROBLEM], NO, DAY)
    (again,) = with_way_out([PROBLEM], THESE, DAY)

    assert first.hint == "Wait. Or accept it: --accept-invoices-today."
    assert "--accept-invoices-today=2027-03-01" in again.hint
