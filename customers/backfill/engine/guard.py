"""A last look before a batch: whether its rows would by now be invoiced for days that are over."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from customers.backfill.engine.acceptance import OPTION, Accepted
from customers.backfill.engine.plan import PlannedRow
from kernel import Action, Bills, Step
from kernel.wording import counted


class Guard:
    """Judges with the plan's own figures, at another time: a run may cross a midnight. Makes no call.

    `now` is the time by the clock of those who bill; `accepted`, what the operator accepted for this plan.
    """

    def __init__(self, steps: Sequence[Step], accepted: Accepted | None, now: Callable[[], datetime]) -> None:
        self._steps = [step for step in steps if step.costs]
        self._accepted = accepted
        self._now = now

    def against(self, rows: Sequence[PlannedRow]) -> str:
        """Say why none of these rows may be begun; blank where nothing speaks against them."""
        now = self._now()
        past = [bills for row in rows for bills in self._bills(row, now) if bills.past]
        if not past or (self._accepted and self._accepted.day == past[0].as_of):
            return ""
        day, clear = past[0].as_of, [bills.clear_from for bills in past if bills.clear_from]
        way = f"continue from {max(clear)} on" if len(clear) == len(past) else "for some it is so on any day"
        number = counted(len(past), "customer")
        return (
            f"invoiced_today: it is {day} at Lago by now, and {number} of the next rows would be invoiced for"
            f" days that are over; {way}, or accept it with {OPTION}={day}"
        )

    def _bills(self, row: PlannedRow, now: datetime) -> Iterator[Bills]:
        for step in self._steps:
            if row.means(step.name, Action.CREATE) and (bills := step.bills_at(row.wanted, now)):
                yield bills
