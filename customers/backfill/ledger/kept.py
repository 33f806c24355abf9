"""What a revert left where it was: customers and systems by choice, and things that are in use."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Count

from customers.backfill.ledger.recorded import BY_CHOICE, LEFT_OUT
from customers.models import BackfillRun, BackfillStep


@dataclass(frozen=True, slots=True)
class Kept:
    """`customers` stay whole, as was chosen; `left_out` and `in_use` count things."""

    rows: int = 0
    customers: int = 0
    left_out: int = 0
    in_use: int = 0

    def __bool__(self) -> bool:
        return bool(self.rows)

    @property
    def can_go(self) -> bool:
        """Return whether another revert takes any of it back."""
        return bool(self.customers or self.left_out)

    def sentences(self) -> Iterator[str]:
        if self.customers:
            yield f"{_number(self.customers, 'customer')} kept whole, as was chosen: active after the run."
        if self.left_out:
            yield f"{_number(self.left_out, 'thing')} left where nobody looked, as was chosen."
        if self.in_use:
            yield f"{_number(self.in_use, 'thing')} kept for a reason that the manifest names, line by line."


def kept_of(run: BackfillRun) -> Kept:
    steps = BackfillStep.objects.filter(row__run=run, state=BackfillStep.State.KEPT)
    found = steps.values("code").annotate(
        things=Count("pk"), customers=Count("row__external_id", distinct=True)
    )
    by_code: dict[str, Any] = {one["code"]: one for one in found.order_by()}
    if not by_code:
        return Kept()
    none = {"customers": 0, "things": 0}
    chosen, left = by_code.pop(BY_CHOICE, none), by_code.pop(LEFT_OUT, none)
    return Kept(
        rows=steps.values("row").distinct().count(),
        customers=chosen["customers"],
        left_out=left["things"],
        in_use=sum(one["things"] for one in by_code.values()),
    )


def _number(number: int, noun: str) -> str:
    return f"1 {noun} was" if number == 1 else f"{number:,} {noun}s were"
