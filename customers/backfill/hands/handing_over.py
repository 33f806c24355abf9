"""From a staged plan to shares that workers take."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Self, TypeVar

from django.conf import settings

from customers.backfill.engine.breaker import MOST_FAILURES
from customers.backfill.engine.logged import all_without_calls, first_line, log_line, waiting
from customers.backfill.engine.options import Options
from customers.backfill.engine.plan import PlannedRow
from customers.backfill.engine.report import Report
from customers.backfill.hands import packing
from customers.backfill.ledger import log_parts, shares
from customers.backfill.ledger.identity import made_of
from customers.backfill.ledger.pace import Pace
from customers.backfill.ledger.recorded import things_of
from customers.backfill.revert import Choice, RevertPlan
from customers.backfill.systems import Systems
from customers.models import BackfillRun, BackfillStep, RunShare
from kernel import Step

Row = TypeVar("Row")
SHARE_S = 10.0  # of work, about: so much is looked at anew after a worker has died
CALLS_PER_ROW, REMOVAL_CALLS = 2, 3
CALL_S = 0.1  # what a call takes, before anybody has made one


@dataclass(frozen=True, slots=True)
class SharingOut:
    """Shares a run out, for so many `workers`, to call Lago so often per second together; 0: no limit.

    `more` is what whoever asked for a revert wants to find again when it is over.
    """

    rate: float
    workers: int
    more: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def at(cls, pace: Pace, workers: int, **more: Any) -> Self:
        """Share out at the pace that was asked for, else at the usual one."""
        return cls(settings.BACKFILL_LAGO_RATE if pace.rate is None else pace.rate, workers, more)

    def __call__(self, run: BackfillRun, planned: Report, options: Options, actor: str) -> None:
        """Cut what is to be done, in the transaction that stages it, and begin the log of the run."""
        plan, steps, workers = planned.at_hand, planned.systems.steps, max(self.workers, 1)
        most = share_rows(self.rate, options.concurrency, workers)
        kept = {
            **_known_to_all(run, steps),
            "options": options.as_json(),
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
        for some in all_without_calls(run, planned):
            log_parts.write(run, [log_line(settled) for settled in some])

    def of_revert(
        self, plan: RevertPlan, systems: Systems, choice: Choice, staying: Collection[int],
        counts: Mapping[str, int], actor: str,
    ) -> None:  # fmt: skip
        """Cut what is to go, in the transaction that begins the manifest; the rows that stay are not in it.

        `counts` are the things that were kept by then.
        """
        workers = max(self.workers, 1)
        most = share_rows(self.rate, settings.BACKFILL_CONCURRENCY, workers, REMOVAL_CALLS)
        in_reverse = plan.order.customers_in_reverse()
        whole = ([pk for pk in customer if pk not in staying] for customer in in_reverse)
        cut = in_shares(whole, len(plan.order) - len(staying), most, settings.BACKFILL_BATCH_SIZE, workers)
        kept = {
            **_known_to_all(plan.run, systems.steps),
            "without": list(systems.without),
            "discard": choice.discard_activity,
            "max_failures": MOST_FAILURES,
            "is_whole": plan.chosen is None,
            "told": {
                "active_total": len(plan.active),
                "chosen_total": None if plan.chosen is None else len(plan.chosen),
            },
            **self.more,
        }
        shares.open_shares(
            plan.run,
            (_share_of_revert(plan, number, keys, systems.steps) for number, keys in enumerate(cut)),
            kept,
            rate=self.rate,
            actor=actor,
            is_revert=True,
            counts=counts,
        )


def _known_to_all(run: BackfillRun, steps: Sequence[Step]) -> dict[str, Any]:
    """Say by what a worker knows whether it can take part; what was `made` is asked for once."""
    return {"version": packing.shape(), "steps": [step.name for step in steps], "made": made_of(run)}


def share_rows(rate: float, concurrency: int, workers: int, calls_per_row: int = CALLS_PER_ROW) -> int:
    """Return how many rows take one of so many workers about ten seconds."""
    by_latency = concurrency / CALL_S
    calls_per_s = min(rate / workers, by_latency) if rate else by_latency
    return max(int(calls_per_s * SHARE_S / calls_per_row), 1)


def cut_by_customer(
    rows: Sequence[PlannedRow], most: int, least: int, workers: int
) -> Iterator[list[PlannedRow]]:
    """Cut rows into some customers whole, in the order of the file."""
    by_customer: dict[str, list[PlannedRow]] = {}
    for row in rows:
        by_customer.setdefault(row.wanted.external_id, []).append(row)
    return in_shares(by_customer.values(), len(rows), most, least, workers)


def in_shares(
    customers: Iterable[list[Row]], number: int, most: int, least: int, workers: int
) -> Iterator[list[Row]]:
    """Put customers together, in all so many rows, into shares; the last ones are smaller.

    So nobody waits long for whoever took the last one. A share has at least a batch, unless it is the last.
    """
    left, share = number, list[Row]()
    for customer in customers:
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


def _share_of_revert(plan: RevertPlan, number: int, keys: Sequence[int], steps: Sequence[Step]) -> RunShare:
    """Pack what was found of the rows: to ask for each once more would take as many calls as its removal."""
    found = plan.run.rows.filter(pk__in=keys).values_list("line", "external_id")
    lines, customers = zip(*found, strict=True)
    things = BackfillStep.objects.filter(row__in=keys)
    parts = {
        step.name: step.part_of(
            plan.found[step.name], list(things_of(plan.run, things.filter(name=step.name)))
        )
        for step in steps
        if step.name in plan.found
    }
    known = {name: part for name, part in parts.items() if part is not None}
    packed = packing.PackedRevert(keys, frozenset(customers), known)
    return RunShare(
        run=plan.run, number=number, rows=len(keys), first_line=min(lines), last_line=max(lines),
        content=packing.pack_revert(packed),
    )  # fmt: skip
