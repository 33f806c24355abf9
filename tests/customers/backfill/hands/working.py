"""A run shared out in this process, and hands that work at it."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.conf import settings
from django.utils import timezone

from customers import jobs
from customers.backfill.engine.attempt import import_file
from customers.backfill.engine.options import Options
from customers.backfill.engine.progress import Progress
from customers.backfill.engine.report import Report
from customers.backfill.engine.stop import Stop
from customers.backfill.hands import handing_over
from customers.backfill.hands.hand import Lent, Worker, lend
from customers.backfill.systems import connect
from customers.models import BackfillRun, SharedRun
from tests.customers import factories
from tests.customers.factories import Row, do_not_sleep


def shared_out(given: Iterable[Row], *, rate: float = 0, workers: int = 2, **options: Any) -> Report:
    """Plan and stage these rows, and leave them to workers."""
    with connect(sleep=do_not_sleep) as systems:
        return import_file(
            factories.source(given), systems, Options(**options),
            actor="cli:tester", log_dir=settings.BACKFILL_LOG_DIR, stop=Stop(), progress=Progress(),
            now=timezone.now, share_out=handing_over.SharingOut(rate, workers),
        )  # fmt: skip


def run_of(report: Report) -> BackfillRun:
    assert report.run is not None
    return report.run


def hand(run: BackfillRun, name: str = "machine:1", *, for_s: float = 20.0) -> Lent:
    """Have a worker take its turn at the run."""
    called: list[int] = []
    shared = SharedRun.objects.select_related("run").get(run=run)
    return lend(shared.run, shared, Worker(name, called.append, timezone.now, for_s))


def done(report: Report) -> BackfillRun:
    """Have one hand do all of it, and close it."""
    run = run_of(report)
    while hand(run) is Lent.WORKED:
        if jobs.look_after(run):
            break
    run.refresh_from_db()
    return run


def log_of(run: BackfillRun) -> Sequence[str]:
    (path,) = settings.BACKFILL_LOG_DIR.glob("run-*.log")
    return [line.partition(f" run={run.run_id} ")[2] for line in path.read_text().splitlines()]
