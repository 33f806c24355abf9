"""A revert that was asked for in the admin, at its end: whoever did it, its job says what came of it."""

from collections.abc import Mapping
from typing import Any

from customers.backfill.beside import is_beside_platform
from customers.backfill.ledger import life, log_parts
from customers.backfill.revert import PAUSED
from customers.backfill.revert.ending import FAILED, INTERRUPTED
from customers.backfill.revert.manifest import read_manifest
from customers.backfill.systems import PLATFORM
from customers.jobs import ending, results, settling
from customers.jobs.ending import HELD
from customers.models import BackfillRun, RunJob

Status = RunJob.Status
JOB = "job"  # what a run in shares keeps of whoever asked for its revert
WITHOUT = "without"  # the option that names systems to leave alone
STATUS = {"refused": Status.REFUSED, INTERRUPTED: Status.STOPPED, FAILED: Status.STOPPED}


def close(run: BackfillRun, kept: Mapping[str, Any]) -> None:
    """Close the job of a revert that workers did; of one from a terminal, nobody waits here."""
    job = RunJob.objects.unfinished().filter(pk=kept.get(JOB, 0), run=run).first()
    if job is None:
        return
    came = read_manifest(log_parts.text_of(run, log_parts.Log.MANIFEST))
    result = results.of_came(came, came.status, **kept["told"])
    if came.status == PAUSED:
        ending.close(job, Status.QUEUED, HELD if life.is_held(run) else "", result)
        return
    status = STATUS.get(came.status, Status.DONE)
    if status == Status.DONE and is_beside_platform() and PLATFORM not in kept["without"]:
        expect_sync(job)
    ending.close(job, status, came.reason, result)


def expect_sync(job: RunJob) -> None:
    """Have somebody wait for the platform's sync, now that all has gone."""
    settling.expect(job.run, job.actor, reverted=True, no_wait=bool(job.options.get(settling.NO_WAIT)))
    settling.begin(job.run)
