"""Verify a run, and charge with a card of it, in the worker. Only the charging writes, and it is billed.

That a session is about to begin is written down before it does, and which one it was after it. So a worker
that is killed leaves behind what the next one has to do: never to charge again, but to end what runs on, or
to go on looking for the energy in Lago.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from auditlog.models import Event, record
from charging.ocpp_session import Session
from customers.backfill.engine.progress import Progress
from customers.backfill.engine.stop import Stop
from customers.backfill.ledger.life import STOPPED_BY_HAND
from customers.backfill.refused import Refused
from customers.backfill.systems import Systems
from customers.backfill.verify import (
    CHARGING,
    EVENT,
    Check,
    Diary,
    LiveTest,
    check_standing,
    end_what_was_left,
    find_live_test,
    follow,
    verdict_of,
    verify,
)
from customers.backfill.verify.ending import newest
from customers.jobs import results
from customers.jobs.looked import SESSION
from customers.jobs.slices import Slicing
from customers.models import BackfillRun, IdTagMapping, RunJob

Kind, Status = RunJob.Kind, RunJob.Status
KINDS = (Kind.VERIFY, Kind.CHARGE)
CARD, CHARGE_BOX, TIMEOUT_S = "mapping", "charge_box", "timeout_s"  # options of a test session
STOP = "stop"  # the option by which somebody ends the wait for the energy
AFTER, UNTIL = "after", "until"  # in a result: how far the test session came
HOW_TO_CHARGE = "no test session was asked for"

Outcome = tuple[str, str, Mapping[str, Any]]


def look(job: RunJob, systems: Systems, stop: Stop, slice_of: Slicing) -> Outcome:
    """Make the checks that only look. A worker that dies over it has the next one begin again."""
    check_standing(job.run, systems)
    checks = verify(job.run, systems, None, stop=stop, tell=_say_nothing, how_to_charge=HOW_TO_CHARGE)
    return _ended(job, _kept(job, checks, [], stop), stop)


def charge(job: RunJob, systems: Systems, stop: Stop, slice_of: Slicing) -> Outcome:
    """Go on with a test session from where it is written down to be."""
    before = results.checks_of(job.result)
    test = _test_of(job, systems)
    if SESSION in job.result:
        return _go_on(job, test, systems, before, slice_of)
    if AFTER in job.result:
        return _settle(job, test, before)
    check_standing(job.run, systems)
    watched = Watched(job)
    with slice_of(watched) as progress:
        diary = JobDiary(job, progress)
        found = verify(job.run, systems, test, stop=watched, tell=_say_nothing, diary=diary)
        checks = _kept(job, found, [], watched)
    return _ended(job, checks, watched)


def _go_on(job: RunJob, test: LiveTest, systems: Systems, before: list[Check], slice_of: Slicing) -> Outcome:
    """Look on for the energy of a session that took place, in what is left of the time."""
    left_s = (datetime.fromisoformat(job.result[UNTIL]) - timezone.now()).total_seconds()
    test, stop = replace(test, timeout_s=max(left_s, 0.0)), Watched(job)
    with slice_of(stop) as progress:
        progress.start("Waiting", 1)
        found = follow(test, results.session_of(job.result[SESSION]), systems, stop=stop, tell=_say_nothing)
        checks = _kept(job, found, before, stop)
    return _ended(job, checks, stop)


def _settle(job: RunJob, test: LiveTest, before: list[Check]) -> Outcome:
    """End what a worker that was killed left running. It is not charged again: that was agreed to once."""
    ended, told = end_what_was_left(test, job.result[AFTER], _say_nothing)
    why = f"the worker was killed while it charged; {told}"
    check = Check(CHARGING, None if ended else False, test.charge_box_id, why)
    checks = [*before, check]
    reason = "The worker was killed while it charged. Nothing is charged again unless somebody asks for it."
    return (
        Status.STOPPED,
        reason,
        job.result | results.of_checks(checks, verdict_of(checks, interrupted=True)),
    )


def _test_of(job: RunJob, systems: Systems) -> LiveTest:
    card = IdTagMapping.objects.filter(pk=job.options[CARD], backfill_rows__run=job.run).first()
    if card is None:
        raise Refused("The card is not one of the run any more.", "Choose another one.")
    box, timeout_s = job.options[CHARGE_BOX], float(job.options[TIMEOUT_S])
    test = find_live_test(job.run, systems, card.id_tag, box, timeout_s)
    if test is None:
        raise Refused("No card was chosen.")
    return test


def _kept(job: RunJob, found: Iterable[Check], before: list[Check], stop: Stop) -> list[Check]:
    """Write each check down as it is made: the page shows it, and a worker that is killed has left it."""
    checks = [*before]
    for check in found:
        if stop.to_be_continued and check.name == EVENT and not check.passed:
            break  # its time is not over; only the slice is
        checks.append(check)
        verdict = verdict_of(checks, interrupted=True)
        if not _write(job, job.result | results.of_checks(checks, verdict)):
            stop.request(STOPPED_BY_HAND)
    return checks


def _ended(job: RunJob, checks: list[Check], stop: Stop) -> Outcome:
    if stop.to_be_continued and not any(check.name == EVENT for check in checks):
        return Status.QUEUED, "", job.result
    is_stopped = stop.requested and not stop.to_be_continued
    result = results.of_checks(checks, verdict_of(checks, interrupted=is_stopped))
    if is_stopped:
        return Status.STOPPED, stop.reason, job.result | result
    return Status.DONE, "", job.result | result


def _write(job: RunJob, result: Mapping[str, Any]) -> bool:
    """Keep how far it came; False if somebody has ended the job meanwhile."""
    job.result = dict(result)
    return RunJob.objects.unfinished().filter(pk=job.pk).update(result=job.result) == 1


class JobDiary(Diary):
    """Writes into the job what must not be done twice."""

    def __init__(self, job: RunJob, progress: Progress) -> None:
        self._job = job
        self._progress = progress

    def about_to_charge(self, test: LiveTest) -> None:
        """Claim the session before it is begun; raise Refused if somebody has stopped it."""
        self._claim(newest(test), test.charge_box_id)

    @transaction.atomic
    def _claim(self, after: int, charge_box_id: str) -> None:
        if not _write(self._job, self._job.result | {AFTER: after}):
            raise Refused("It was stopped before anything was charged.")
        data = {CARD: self._job.options[CARD], CHARGE_BOX: charge_box_id}
        record(self._job.run.audit_tag, self._job.actor, [Event("charge.begun", _subject(self._job), data)])

    def charged(self, session: Session) -> None:
        """Keep which session it was; from here on it is only waited, in slices."""
        until = timezone.now() + timedelta(seconds=float(self._job.options[TIMEOUT_S]))
        kept = {SESSION: results.of_session(session), UNTIL: until.isoformat()}
        _write(self._job, self._job.result | kept)
        self._progress.start("Waiting", 1)


class Watched(Stop):
    """Ends the wait for the energy, too, when somebody asks for it in the admin."""

    def __init__(self, job: RunJob) -> None:
        super().__init__()
        self._asked = RunJob.objects.filter(pk=job.pk, options__has_key=STOP)

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if self._asked.exists():
            self.request(STOPPED_BY_HAND)


@transaction.atomic
def stop_verifying(run: BackfillRun, kind: str, actor: str) -> bool:
    """End a verification; a session that has begun is ended and recorded first. False if there is none."""
    job = RunJob.objects.unfinished().select_for_update().filter(run=run, kind=kind).first()
    if job is None or job.options.get(STOP):
        return False
    if AFTER in job.result:
        job.options = job.options | {STOP: True}
        job.save(update_fields=["options"])
    else:
        ended = {"reason": STOPPED_BY_HAND, "finished_at": timezone.now()}
        RunJob.objects.filter(pk=job.pk).update(status=Status.STOPPED, **ended)
    record(run.audit_tag, actor, [Event(f"{kind}.stopped", _subject(job), {})])
    return True


def _subject(job: RunJob) -> str:
    return f"run:{job.run.run_id}"


def _say_nothing(message: str) -> None:
    """Say nothing: the page says it."""
