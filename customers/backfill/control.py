"""Pause, resume, stop and pace what is under way of a run: its import, revert or repair, and its mails.

Mails are another thing than their run, and another right: only who names them controls them. The command and
the console call this, on whatever machine. Whoever works hears of it through the database.
Each says in one sentence what comes of it, and raises Refused where there is nothing to be done.
"""

from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from auditlog.models import Event, record
from auditlog.people import with_names
from customers import queueing
from customers.backfill import uploads, welcome
from customers.backfill.hands.closing import close_if_over
from customers.backfill.ledger import life, schedule
from customers.backfill.ledger.at_work import runs_at_work, somebody_stays
from customers.backfill.ledger.pace import Pace, change_pace
from customers.backfill.ledger.runs import again
from customers.backfill.ledger.shares import is_reverted
from customers.backfill.ledger.standing import REVERT_INTERRUPTED, shown_status
from customers.backfill.refused import Refused
from customers.models import BackfillRun, BackfillUpload, RunJob, SharedRun, WelcomeCampaign

Status = BackfillRun.Status
UNDER_WAY = (Status.QUEUED, Status.RUNNING, Status.PAUSED, Status.REVERTING)
JOB_TASK, HAND_TASK = "customers.tasks.run_job", "customers.tasks.lend_a_hand"
WAY = "See it with: python manage.py backfill_runs {}"
STOPPED = "The run {} is stopped. The same file continues it."
REVERT_STOPPED = "The revert of run {} is stopped. The same command goes on with what is left."
WAITS = "The run {} waits already: its first customers are in, and nothing of the others has been begun."
REST_OR_REVERT = (
    "Continue it with the rest, or revert it. Both are named by: python manage.py backfill_runs {}"
)


@dataclass(frozen=True, slots=True)
class MailPace:
    batch_size: int | None = None
    delay_ms: int | None = None


def campaign_of(run: BackfillRun) -> WelcomeCampaign | None:
    """Return the mails that are meant where a run is named: those under way, unless it is at work itself."""
    if _is_under_way(run) or is_repaired(run):
        return None
    return WelcomeCampaign.objects.active().filter(run=run).first()


def _is_under_way(run: BackfillRun) -> bool:
    if run.status not in UNDER_WAY:
        return False
    status = shown_status(run)
    if status == REVERT_INTERRUPTED:
        return _revert_job(run) is not None
    return status != Status.INTERRUPTED or _has_file(run)


def _has_file(run: BackfillRun) -> bool:
    return BackfillUpload.objects.filter(run=run).exists()


def _revert_job(run: BackfillRun) -> RunJob | None:
    return RunJob.objects.unfinished().filter(run=run, kind=RunJob.Kind.REVERT).first()


def _repair_job(run: BackfillRun) -> RunJob | None:
    return RunJob.objects.unfinished().filter(run=run, kind=RunJob.Kind.REPAIR).first()


def is_repaired(run: BackfillRun) -> bool:
    """Return whether a repair of the run waits or is at work: the run itself is over meanwhile, or paused."""
    if run.status in (Status.QUEUED, *life.WORKING):
        return False
    return _repair_job(run) is not None or run.pk in runs_at_work()


def _nothing(run: BackfillRun, what: str) -> Refused:
    if run.status == Status.CANARY:
        return Refused(WAITS.format(run.run_id), REST_OR_REVERT.format(run.run_id))
    return Refused(f"The run {run.run_id} is {shown_status(run)}: {what}.", WAY.format(run.run_id))


def pause(run: BackfillRun, *, actor: str) -> str:
    run.refresh_from_db()
    asked = _is_under_way(run) and life.ask_to_pause(run, actor=actor)
    run.refresh_from_db()
    if run.status == Status.RUNNING and run.pause_requested and not somebody_stays(run.pk):
        life.heed(run)  # its worker has died
    if run.pause_requested and close_if_over(run):  # shared out, and no worker is at it
        run.refresh_from_db()
    if run.status == Status.PAUSED or run.paused_at:
        paused = with_names(life.paused_by(run.asked_by))
        return f"The run {run.run_id} is {'' if asked else 'already '}{paused}."
    if is_repaired(run):
        raise _unpaused(run)
    if run.pause_requested:
        return f"The run {run.run_id} pauses: what is in flight is finished and recorded."
    raise _nothing(run, "it is being stopped" if run.stop_requested else "there is nothing to pause")


def _unpaused(run: BackfillRun) -> Refused:
    if run.taking_back:
        return Refused(
            f"Chosen customers of the run {run.run_id} are being taken back, and that is not paused.",
            "Stop it: the same command goes on with what is left.",
        )
    return Refused(
        f"The run {run.run_id} is being repaired, and a repair is not paused.",
        "Stop it: repaired once more, it goes on with what is left.",
    )


@transaction.atomic
def resume(run: BackfillRun, *, actor: str) -> str:
    """Have whoever has it in hand go on: its process, while that waits with it, or the worker."""
    run = BackfillRun.objects.select_for_update().get(pk=run.pk)
    job, stays = _revert_job(run), somebody_stays(run.pk)
    is_shared = SharedRun.objects.filter(run=run).exists()
    is_revert = run.status == Status.REVERTING
    if (
        not stays
        and not (job if is_revert else is_shared or _has_file(run))
        and (run.paused_at or run.status == Status.PAUSED)
    ):
        way = f"backfill_revert --run-id {run.run_id}" if is_revert else again(run)
        raise Refused(
            f"Nobody has run {run.run_id} in hand: its process is gone, or its file is not kept any more.",
            f"To go on: python manage.py {way}",
        )
    if not life.resume(run, actor=actor):
        raise _nothing(run, "it is not paused")
    if run.starts_at and run.starts_at > timezone.now():
        return f"The run {run.run_id} begins at {schedule.told(run)}."
    if job and is_revert:
        queueing.wake_once_committed(JOB_TASK, job.pk)
    elif is_shared:
        queueing.wake_once_committed(HAND_TASK, run.pk)
    elif not stays:
        uploads.enqueue(run.pk)
    return f"The run {run.run_id} goes on. It plans anew first."


def stop(run: BackfillRun, *, actor: str) -> str:
    told = _asked_to_stop(run, actor)
    is_revert = is_reverted(run)
    if not close_if_over(run):
        return told
    if is_revert:
        _end_revert(run, actor)
    return (REVERT_STOPPED if is_revert else STOPPED).format(run.run_id)


@transaction.atomic
def _asked_to_stop(run: BackfillRun, actor: str) -> str:
    run = BackfillRun.objects.select_for_update().get(pk=run.pk)
    held = run.status == Status.REVERTING and run.paused_at is not None
    if is_repaired(run):
        return _stop_repair(run, actor)
    if not life.ask_to_stop(run, actor=actor):
        if run.stop_requested and _is_under_way(run):
            return f"The run {run.run_id} was asked to stop already."
        raise _nothing(run, "there is nothing to stop")
    if held and not somebody_stays(run.pk):
        _end_revert(run, actor)
    if run.status == Status.INTERRUPTED:
        return STOPPED.format(run.run_id)
    return f"The run {run.run_id} stops: what is in flight is finished and recorded."


def _end_revert(run: BackfillRun, actor: str) -> None:
    """Close the job of a revert at which nobody is who could hear of it."""
    ended = {"status": RunJob.Status.STOPPED, "reason": life.stopped_by(actor), "finished_at": timezone.now()}
    RunJob.objects.unfinished().filter(run=run, kind=RunJob.Kind.REVERT).update(**ended)


def _stop_repair(run: BackfillRun, actor: str) -> str:
    """End a repair that waits at once; whoever is at one hears of it."""
    ended = {"status": RunJob.Status.STOPPED, "reason": life.stopped_by(actor), "finished_at": timezone.now()}
    waiting = RunJob.objects.filter(run=run, kind=RunJob.Kind.REPAIR, status=RunJob.Status.QUEUED)
    if waiting.update(**ended):
        record(run.audit_tag, actor, [Event("repair.stopped", f"run:{run.run_id}")])
        return f"The repair of run {run.run_id} is stopped. Repaired once more, it goes on with what is left."
    what = "revert of chosen customers" if run.taking_back else "repair"
    if not life.ask_to_stop_repair(run, actor=actor):
        return f"The {what} of run {run.run_id} was asked to stop already."
    return f"The {what} of run {run.run_id} stops: what is in flight is finished and recorded."


def pace(run: BackfillRun, chosen: Pace, *, actor: str) -> str:
    sentence = change_pace(run, chosen, actor=actor).sentence
    return f"The run {run.run_id}: {sentence}, for the rest of it."


def pause_mails(campaign: WelcomeCampaign, *, actor: str) -> str:
    already = "" if welcome.pause(campaign, actor) else "already "
    return f"The welcome mails of run {campaign.run.run_id} are {already}paused."


def resume_mails(campaign: WelcomeCampaign, *, actor: str) -> str:
    if not welcome.resume(campaign, actor):
        raise Refused(f"The welcome mails of run {campaign.run.run_id} are not paused.")
    return f"The welcome mails of run {campaign.run.run_id} go on."


def stop_mails(campaign: WelcomeCampaign, *, actor: str) -> str:
    number = welcome.stop(campaign, actor)
    run_id = campaign.run.run_id
    return f"The welcome mails of run {run_id} are stopped; {number:,} that waited are not sent."


def pace_mails(run: BackfillRun, chosen: MailPace, *, actor: str) -> str:
    campaign = WelcomeCampaign.objects.active().filter(run=run).first()
    if campaign is None:
        raise Refused(f"No welcome mails of run {run.run_id} are under way.", WAY.format(run.run_id))
    welcome.change_pace(campaign, actor, batch_size=chosen.batch_size, delay_ms=chosen.delay_ms)
    return (
        f"The welcome mails of run {run.run_id}: {campaign.batch_size:,} per batch,"
        f" {campaign.delay_ms:,} ms between batches."
    )


@transaction.atomic
def start_now(run: BackfillRun, *, actor: str) -> str:
    """Begin at once with a run that waits for its hour."""
    if not schedule.start_now(run, actor=actor):
        raise _nothing(run, "it waits for no hour")
    uploads.enqueue(run.pk)
    return f"The run {run.run_id} begins now."
