"""Cells of optional columns, before any other system is asked."""

from datetime import date
from decimal import Decimal

import pytest

from customers.backfill.checks import Billed, Written, check_row, clashes
from customers.backfill.checks.billed import UNSAID
from customers.backfill.source import read_bytes
from kernel import Doubt, Problem, Wanted
from kernel.columns import BILLED_UNTIL, END_DATE, OPEN_USAGE
from tests.customers.backfill.checks.test_rows import BERLIN, Plan
from tests.customers.factories import csv_text, row

TODAY = date(2026, 11, 22)
Checked = tuple[Wanted, list[Problem], list[Problem]]


def checked(*given: dict[str, str], date_format: str | None = None, billed: Billed = UNSAID) -> list[Checked]:
    source = read_bytes("a.csv", csv_text(given).encode())
    written = Written(BERLIN, date_format)
    plans = {"standard": Plan("standard")}
    return [
        check_row(one, plans=plans, written=written, today=TODAY, billing_time="calendar", billed=billed)
        for one in source
    ]


def ended(end: str, **changes: str) -> Checked:
    (found,) = checked(row(end_date=end, **changes))
    return found


def test_an_end_is_the_first_instant_of_its_day_where_start_dates_are_meant():
    wanted, problems, warnings = ended("2027-03-31")

    end = END_DATE.of(wanted)
    assert (end.day, end.begins.isoformat()) == (date(2027, 3, 31), "2027-03-30T22:00:00+00:00")
    assert problems == []
    assert [warning.code for warning in warnings] == ["subscription_ends"]
    assert "2027-03-31" in warnings[0].message


@pytest.mark.parametrize("blank", ["", "  "])
def test_a_blank_cell_asks_for_nothing(blank):
    wanted, problems, warnings = ended(blank)

    assert (dict(wanted.more), problems, warnings) == ({}, [], [])


@pytest.mark.parametrize(
    ("end", "start", "code"),
    [
        ("2026-11-22", "2024-01-01", "end_date_past"),
        ("2025-01-01", "2024-01-01", "end_date_past"),
        ("2027-01-01", "2027-01-01", "end_date_before_start"),
        ("2026-12-31", "2027-01-01", "end_date_before_start"),
        ("31.12.2027", "2024-01-01", "end_date_invalid"),
        ("2027-02-29", "2024-01-01", "end_date_invalid"),
    ],
)
def test_an_end_that_cannot_be_is_a_problem_of_the_row(end, start, code):
    _, problems, _ = ended(end, start_date=start)

    assert [(problem.code, problem.field) for problem in problems] == [(code, "end_date")]


def test_an_end_is_written_as_the_start_is():
    ((wanted, problems, _),) = checked(
        row(start_date="01.02.2024", end_date="31.03.2027"), date_format="%d.%m.%Y"
    )

    assert (END_DATE.of(wanted).day, problems) == (date(2027, 3, 31), [])


@pytest.mark.parametrize(("second", "clash"), [("2027-03-31", 0), ("2027-04-01", 2), ("", 2)])
def test_rows_of_one_customer_have_to_agree_and_nothing_is_a_value(second, clash):
    found = checked(row(1, end_date="2027-03-31"), row(1, id_tag="TAG2", end_date=second))

    told = clashes([wanted for wanted, _, _ in found])

    assert len(told) == clash
    assert all("end_date" in problem.message for problems in told.values() for problem in problems)


@pytest.mark.parametrize("column", ["end_date", "billed_until", "old_amount"])
def test_a_cell_that_cannot_be_read_differs_from_nothing(column: str) -> None:
    good = {"end_date": "2027-03-31", "billed_until": "2026-11-30", "old_amount": "12.50"}[column]
    found = checked(row(1, **{column: "some"}), row(1, id_tag="TAG2", **{column: good}))

    assert [problem.code for _, problems, _ in found for problem in problems] == [f"{column}_invalid"]
    assert clashes([wanted for wanted, _, _ in found]) == {}


def test_beside_a_cell_that_cannot_be_read_the_others_still_have_to_agree() -> None:
    ends = ["soon", "2027-03-31", "2027-04-01"]
    found = checked(*[row(1, id_tag=f"TAG{place}", end_date=end) for place, end in enumerate(ends)])

    assert len(clashes([wanted for wanted, _, _ in found])) == 3


@pytest.mark.parametrize(
    ("cell", "day"), [("", date(2026, 11, 30)), ("2026-11-10", date(2026, 11, 10)), ("soon", None)]
)
def test_only_an_empty_cell_takes_the_day_of_the_file(cell: str, day: date | None) -> None:
    ((wanted, _, _),) = checked(row(billed_until=cell), billed=Billed(date(2026, 11, 30), starts_after=True))

    until = BILLED_UNTIL.of(wanted)
    assert (until and until.day) == day
    assert (wanted.moved_to is None) == (day is None)


# --- kWh ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cell", ["-5", "NaN", "nan", "inf", "1,234.5", "1.234,5", "1 234", "1e9", "12 kWh", "1000001", ".5"]
)
def test_what_is_no_plain_number_of_kwh_is_a_problem_of_the_row(cell: str) -> None:
    ((wanted, problems, _),) = checked(row(open_usage_kwh=cell))

    assert [(problem.code, type(problem)) for problem in problems] == [("open_usage_kwh_invalid", Doubt)]
    assert OPEN_USAGE.of(wanted) is None


@pytest.mark.parametrize("cell", ["0", "12", "12.345678", "1000000", "0.30000000000000004"])
def test_a_plain_number_of_kwh_is_taken_exactly(cell: str) -> None:
    ((wanted, problems, _),) = checked(row(open_usage_kwh=cell))

    assert (OPEN_USAGE.of(wanted), problems) == (Decimal(cell), [])


def test_each_card_has_kwh_of_its_own() -> None:
    found = checked(row(1, open_usage_kwh="12"), row(1, id_tag="TAG2", open_usage_kwh="3"))

    assert clashes([wanted for wanted, _, _ in found]) == {}
