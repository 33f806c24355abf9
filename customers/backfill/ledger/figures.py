"""Figures about all runs, read from the database at the moment: right whichever process is asked.

Few queries, none over all rows each time: what a run at rest has does not change, and is counted once.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, QuerySet, Sum
from django.utils import timezone

from customers.backfill.ledger import at_work, progress, standing
from customers.backfill.ledger.counts import OUTCOMES, counts_of
from customers.models import BackfillRun, RunCalls, RunJob, WelcomeMail, WorkerBeat
from kernel.tally import Calls

Status = BackfillRun.Status
GONE = (Status.REVERTED, Status.ABANDONED)  # whose rows are nobody's any more
RESTLESS = (Status.QUEUED, Status.RUNNING)

_Key = tuple[str, datetime | None, datetime | None]
_counted: dict[int, tuple[_Key, Mapping[str, int]]] = {}  # of this process: runs at rest


@dataclass(frozen=True, slots=True)
class Figures:
    """`rate`: rows a second of the import under way, over its whole time. Nothing under way: no value."""

    runs: Mapping[str, int]
    rows: Mapping[str, int]
    rate: float | None
    stalled_s: Mapping[str, float]
    calls: Mapping[str, Calls]
    mails: Mapping[str, int]
    jobs: Mapping[str, int]
    worker_seen_s: float | None


def figures(systems: Iterable[str]) -> Figures:
    """Read them all; each of `systems`, a key, has its figure from the beginning."""
    runs, now = list(BackfillRun.objects.order_by("pk")), timezone.now()
    counts = _counts([run for run in runs if run.status not in GONE])
    under_way, seen = [run for run in runs if progress.is_under_way(run, now)], WorkerBeat.last()
    return Figures(
        runs=_runs(runs),
        rows=_sum(counts.values(), OUTCOMES),
        rate=_rate(under_way, counts),
        stalled_s=_stalled(under_way, now),
        calls=_calls(systems),
        mails=_by(WelcomeMail.objects.values_list("state"), WelcomeMail.State.values),
        jobs=_by(RunJob.objects.unfinished().values_list("kind"), RunJob.Kind.values),
        worker_seen_s=max((now - seen).total_seconds(), 0.0) if seen else None,
    )


def _runs(runs: Iterable[BackfillRun]) -> Counter[str]:
    """Count runs by the status that people see: one whose process has died is interrupted."""
    words = (*Status.values, standing.REVERT_INTERRUPTED, standing.REVERT_PAUSED)
    running = at_work.runs_at_work()
    shown = Counter(dict.fromkeys(words, 0))
    shown.update(standing.shown_status(run, running) for run in runs)
    return shown


def _counts(runs: Iterable[BackfillRun]) -> dict[int, Mapping[str, int]]:
    """Count the rows of each run, of one at rest only if that was not done since it came to rest."""
    known: dict[int, Mapping[str, int]] = {}
    unknown = []
    for run in runs:
        key, counts = _counted.get(run.pk, (None, {}))
        if key == _key(run) and run.status not in RESTLESS:
            known[run.pk] = counts
        else:
            unknown.append(run)
    found = counts_of(unknown) if unknown else {}
    _counted.update({run.pk: (_key(run), found[run.pk]) for run in unknown})
    return {**known, **found}


def _key(run: BackfillRun) -> _Key:
    """Return what differs whenever the rows may: each attempt ends at another moment."""
    return run.status, run.settled_at, run.finished_at or run.paused_at


def _rate(under_way: Iterable[BackfillRun], counts: Mapping[int, Mapping[str, int]]) -> float | None:
    for run in under_way:
        if run.status in progress.IMPORT and run.active_s and run.pk in counts:
            return (counts[run.pk]["created"] + counts[run.pk]["completed"]) / run.active_s
    return None


def _stalled(under_way: Iterable[BackfillRun], now: datetime) -> dict[str, float]:
    """Say for import and revert how long nothing has come on; of several, for the one that waits longest."""
    seconds: dict[str, float] = {}
    for run in under_way:
        what = "import" if run.status in progress.IMPORT else "revert"
        seconds[what] = max(progress.waited_s(run, now) or 0.0, seconds.get(what, 0.0))
    return seconds


def _calls(systems: Iterable[str]) -> dict[str, Calls]:
    summed = RunCalls.objects.values_list("system").annotate(Sum("calls"), Sum("errors")).order_by()
    made = {system: Calls(calls, errors) for system, calls, errors in summed}
    return {**{system: Calls() for system in systems}, **made}


def _by(values: QuerySet[Any, Any], words: Iterable[str]) -> dict[str, int]:
    found = dict(values.annotate(Count("pk")).order_by())
    return {word: found.get(word, 0) for word in words}


def _sum(counts: Iterable[Mapping[str, int]], words: Iterable[str]) -> Counter[str]:
    total = Counter(dict.fromkeys(words, 0))
    for one in counts:
        total.update(one)
    return total
