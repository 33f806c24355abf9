"""What the worker says of its work: a line when a job begins, and one when it has ended.

Ids, counts and codes only. A job that a killed worker was at has a first line and no second.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import monotonic
from typing import Any

from customers.backfill.ledger.counts import outcome_counts
from customers.backfill.ledger.run_log import logfmt
from customers.models import BackfillRun, RunJob

logger = logging.getLogger(__name__)

DIGITS = 3  # of a second


class Told(dict[str, Any]):
    """What is known of a job so far, by name; its last line says it."""


@contextmanager
def told(job: str, **about: Any) -> Iterator[Told]:
    """Tell of a job that begins now and ends with this; how it ended is put into what is given."""
    began, ended = monotonic(), Told()
    say(job, "begun", about)
    try:
        yield ended
    except BaseException as error:
        ended |= {"outcome": "broke", "error": type(error).__name__}
        raise
    finally:
        level = logging.ERROR if ended.get("outcome") == "broke" else logging.INFO
        seconds = {"seconds": round(monotonic() - began, DIGITS)}
        say(job, "ended", {**about, **ended, **seconds}, level=level)


def say(job: str, what: str, values: Mapping[str, Any], *, level: int = logging.INFO) -> None:
    """Log one line; a collector gets its values by name."""
    fields = {"job": job, "what": what, **values}
    logger.log(level, " ".join((job, what, logfmt(values))).rstrip(), extra={"fields": fields})


def run_of(run_pk: int) -> dict[str, Any]:
    """Name a run as people know it; nothing of one that is gone."""
    run_id = BackfillRun.objects.filter(pk=run_pk).values_list("run_id", flat=True).first()
    return {"run": run_id} if run_id else {}


def standing_of(run_pk: int) -> dict[str, Any]:
    """Say how far a run is: its status, and its rows by outcome."""
    run = BackfillRun.objects.filter(pk=run_pk).first()
    return {"status": run.status, **outcome_counts(run)} if run else {}


def job_of(job_pk: int) -> dict[str, Any]:
    """Name a job that was asked for in the console."""
    job = RunJob.objects.filter(pk=job_pk).select_related("run").first()
    return {"run": job.run.run_id, "kind": job.kind, "attempt": job.attempts + 1} if job else {}
