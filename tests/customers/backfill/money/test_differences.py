"""Old bills beside new: which come first, and what is not known."""

from datetime import date
from decimal import Decimal

from customers.backfill.engine.plan import Plan, PlannedRow, RowAction
from customers.backfill.money.differences import SHOWN, differences
from kernel import Action, Bills, Verdict, Wanted


def pays(line: int, old: str | None, new_cents: int | None, currency: str = "EUR") -> PlannedRow:
    more = {} if old is None else {"old_amount": Decimal(old)}
    wanted = Wanted(line, "a@example.com", "A", f"C-{line}", "CARD", "standard", None, None, more=more)
    bills = Bills(date(2027, 3, 20), whole_cents=new_cents, currency=currency)
    return PlannedRow(wanted, verdicts={"lago_subscription": Verdict(Action.CREATE)}, bills=bills)


def test_what_cannot_be_told_is_counted_and_not_added_up() -> None:
    unbilled = pays(4, "10", None)
    unbilled.bills = None

    found = differences(Plan([pays(2, "10", 1500), pays(3, "10", None), unbilled]))

    assert found
    assert (found.untold, [one.cents for one in found.totals], list(found.by_line)) == (2, [500], [2])


def test_only_the_largest_are_listed_and_who_pays_the_same_is_not() -> None:
    given = [pays(line, "10", 1000 + line * (-1) ** line) for line in range(2, 30)]

    found = differences(Plan([*given, pays(30, "10", 1000)]))

    assert found
    assert [one.line for one in found.largest] == list(range(29, 29 - SHOWN, -1))
    assert (found.totals[0].customers, found.totals[0].more, found.totals[0].less) == (29, 14, 14)


def test_a_row_that_fails_or_says_nothing_is_left_out() -> None:
    failing = pays(3, "10", 2000)
    failing.action, failing.verdicts = RowAction.FAIL, {}

    found = differences(Plan([pays(2, "10", 1500), failing, pays(4, None, 2000)]))

    assert found
    assert list(found.by_line) == [2]


def test_a_file_without_the_column_has_none() -> None:
    assert differences(Plan([pays(2, None, 1500)])) is None
