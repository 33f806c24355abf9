"""The figures of runs: how many rows came to which end, how fast, how long still. In few queries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min

from customers.backfill.ledger.counts import OUTCOMES
from customers.models import BackfillRow, BackfillRun

Outcome = BackfillRow.Outcome
RECENT = timedelta(seconds=20)  # what the present rate is taken over
BY_CALLS = (Outcome.CREATED, Outcome.COMPLETED, Outcome.FAILED)


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a bar; `percent` is text, as style sheets know no commas."""

    name: str
    number: int
    percent: str


@dataclass(frozen=True, slots=True)
class Pace:
    rate_per_s: float
    left_s: float | None


def segments(counts: Mapping[str, int], names: Sequence[str] = OUTCOMES) -> list[Segment]:
    total = sum(counts.get(name, 0) for name in names)
    return [
        Segment(name, counts[name], f"{counts[name] * 100 / total:.3f}") for name in names if counts.get(name)
    ]


def pace(run: BackfillRun, pending: int, now: datetime) -> Pace | None:
    """Return the present rate, and how long what is left takes at it; None while nothing is settled."""
    recent = run.rows.filter(outcome__in=BY_CALLS, settled_at__gte=now - RECENT)
    found = recent.aggregate(number=Count("pk"), since=Min("settled_at"))
    if not found["number"]:
        return None
    # Rows are settled in batches: the first of the window stands for work that began before it.
    window_s = max((now - found["since"]).total_seconds(), 1.0)
    rate = found["number"] / window_s
    return Pace(rate, pending / rate if pending else None)
