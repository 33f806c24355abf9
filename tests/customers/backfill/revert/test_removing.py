"""The order in which rows are taken back."""

from customers.backfill.ledger.entries import LedgerRow
from customers.backfill.ledger.recorded import Recorded
from customers.backfill.revert.planning import RowPlan, Target
from customers.backfill.revert.removing import in_reverse
from kernel import Thing, Wanted


def row(line: int, external_id: str, *steps: str) -> RowPlan:
    wanted = Wanted(line, "", "", external_id, f"TAG{line}", "standard", None, None)
    recorded = Recorded(LedgerRow(line, line, external_id, "created", [], [], None, None, None), wanted)
    return RowPlan(recorded, [Target(step, Thing(wanted, "1", is_made=True)) for step in steps])


def lines(*rows: RowPlan) -> list[int]:
    return [one.recorded.line for one in in_reverse(rows)]


def test_the_last_row_comes_first() -> None:
    assert lines(row(2, "A", "lago_customer"), row(3, "B", "lago_customer")) == [3, 2]


def test_what_a_customer_has_once_comes_after_all_cards() -> None:
    first, further, other = row(2, "A", "steve_id_tag"), row(3, "A", "lago_subscription"), row(4, "B", "user")

    assert lines(first, further, other) == [4, 2, 3]
