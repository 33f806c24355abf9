"""From a staged plan to shares that workers take."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Self

from django.conf import settings

from customers.backfill.engine.attempt import LOG_LINES
from customers.backfill.engine.logged import first_line, log_line, waiting, without_calls
from customers.backfill.engine.options import Options
from customers.backfill.engine.plan import PlannedRow
from customers.backfill.engine.report import Report
from customers.backfill.hands import packing
from customers.backfill.ledger import log_parts, shares
from customers.backfill.ledger.pace import Pace
from customers.backfill.ledger.recorded import made_elsewhere
from customers.models import BackfillRun, RunShare
from kernel import Step
from kernel.chunks import chunks

SHARE_S = 10.0  # of work, about: so much is looked at anew after a worker has died
CALLS_PER_ROW = 2
CALL_S = 0.1  # what a call takes, before anybody has made one


@dataclass(frozen=True, slots=True)
class SharingOut:
    """Shares a run out, for so many `workers`, to call Lago so often per second together; 0: no limit."""

    rate: float
    workers: int

    @classmethod
    def at(cls, pace: Pace, workers: int) -> Self:
        """Share out at the pace that was asked for, else at the usual one."""
        return cls(settings.BACKFILL_LAGO_RATE if pace.rate is None else pace.rate, workers)

    def __call__(self, run: BackfillRun, planned: Report, options: Options, actor: str) -> None:
        """Cut what is to be done, in the transaction that stages it, and begin the log of the run."""
        plan, steps, workers = planned.at_hand, planned.systems.steps, max(self.workers, 1)
        most = share_rows(self.rate, options.concurrency, workers)
        kept = {
            "options": options.as_json(),
            "steps": [step.name for step in steps],
            "accepted": plan.accepted.as_json() if plan.accepted else None,
            "waiting": waiting(planned),
            "is_canary": planned.canary is not None,
        }
        cut = cut_by_customer(plan.to_do(), most, options.batch_size, workers)
        shares.open_shares(
            run,
            (_share(run, number, some, steps) for number, some in enumerate(cut)),
            kept,
            rate=self.rate,
            actor=actor,
        )
        log_parts.write(run, [first_line(planned, options)])
        for some in chunks((row for row in plan.rows if not row.is_to_do), LOG_LINES):
            made = made_elsewhere(run, [row.line for row in some])
            log_parts.write(run, [log_line(without_calls(row, made.get(row.line, {}))) for row in some])


def share_rows(rate: float, concurrency: int, workers: int) -> int:
    """Return how many rows take one of so many workers about ten seconds."""
    by_latency = concurrency / CALL_S
    calls_per_s = min(rate / workers, by_latency) if rate else by_latency
    return max(int(calls_per_s * SHARE_S / CALLS_PER_ROW), 1)


def cut_by_customer(
    rows: Sequence[PlannedRow], most: int, least: int, workers: int
) -> Iterator[list[PlannedRow]]:
    """Cut rows into some customers whole, in the order of the file; the last ones are smaller.

    So nobody waits long for whoever took the last one. A share has at least a batch, unless it is the last.
    """
    by_customer: dict[str, list[PlannedRow]] = {}
    for row in rows:
        by_customer.setdefault(row.wanted.external_id, []).append(row)
    left, share = len(rows), []
    for customer in by_customer.values():
        share += customer
        left -= len(customer)
        if len(share) >= max(min(most, ceil((left + len(share)) / (2 * workers))), least):
            yield share
            share = []
    if share:
        yield share


def _share(run: BackfillRun, number: int, rows: Sequence[PlannedRow], steps: Sequence[Step]) -> RunShare:
    lines = [row.line for row in rows]
    return RunShare(
        run=run, number=number, rows=len(rows), first_line=min(lines), last_line=max(lines),
        content=packing.pack(rows, steps),
    )  # fmt: skip
