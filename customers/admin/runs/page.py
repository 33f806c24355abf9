"""What the page of a run shows: one value for the part that is polled, one for the rest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.paginator import Page, Paginator
from django.http import QueryDict
from django.utils import timezone

from auditlog.models import AuditEntry
from auditlog.people import Told, actor_names, told, with_names
from customers.admin.following import Following
from customers.admin.runs.figures import Pace, Segment, pace, segments
from customers.backfill import uploads as staging
from customers.backfill.beside import platform_place
from customers.backfill.ledger import log_parts
from customers.backfill.ledger.attempts import Attempt, last_continuation
from customers.backfill.ledger.counts import OUTCOMES, counts_of, step_states, warning_counts
from customers.backfill.ledger.kept import Kept, kept_of
from customers.backfill.ledger.looks import Since, since
from customers.backfill.ledger.shares import Sharing, sharing_of
from customers.backfill.ledger.standing import (
    REVERT_INTERRUPTED,
    REVERT_PAUSED,
    shown_status,
    waiting_rows,
    waiting_sentence,
)
from customers.backfill.settling_in import SettlingIn
from customers.backfill.steps import alterations, label
from customers.backfill.systems import PLATFORM
from customers.backfill.welcome import CampaignStatus, latest_campaign
from customers.backfill.welcome import status as campaign_status
from customers.jobs import ONLY, REVERTED
from customers.jobs.verifying import KINDS
from customers.models import (
    BackfillRow,
    BackfillRun,
    BackfillStep,
    BackfillUpload,
    Notice,
    PlanApproval,
    RunJob,
    SharedRun,
    WelcomeCampaign,
)

Status, State = BackfillRun.Status, BackfillStep.State
AT_WORK = (Status.QUEUED, Status.RUNNING, Status.REVERTING)
ROWS_PER_PAGE = 50
ENTRIES = 50
RECONCILE = RunJob.Kind.RECONCILE
LOOKS = (RECONCILE, *KINDS)
TAKEN_BACK = (Status.REVERTING, Status.REVERTED, REVERT_INTERRUPTED, REVERT_PAUSED)
PAUSED = (Status.PAUSED, REVERT_PAUSED)
TOLD_WITHIN = timedelta(seconds=30)
STOPPED = (Status.INTERRUPTED, Status.FAILED, Status.PARTIAL)
MADE = (State.CREATED, State.INTENDED)  # of which a revert takes something back
CAN_CONTINUE = (*STOPPED, Status.CANARY)


@dataclass(frozen=True, slots=True)
class Settling:
    """How the platform takes what was written: `job` waits for its sync, or has seen what came of it."""

    job: RunJob

    @property
    def is_waiting(self) -> bool:
        return not self.job.is_over

    @property
    def until(self) -> datetime | None:
        """Return when the wait ends at the latest; None before it has begun."""
        until = self.job.result.get("until")
        return datetime.fromisoformat(until) if until else None

    @property
    def seen(self) -> SettlingIn:
        return SettlingIn.kept(self.job.result)


@dataclass(frozen=True, slots=True)
class Live:
    """The part of the page that changes while something is under way."""

    run: BackfillRun
    status: str
    counts: Mapping[str, int]
    total: int
    bar: Sequence[Segment]  # what the import made of its rows
    now: Sequence[Segment]  # what is left of it, which a revert changes
    pace: Pace | None
    jobs: Sequence[RunJob]
    since_looks: Mapping[str, Since]  # what became of the run since each of those that looked at it
    campaign: CampaignStatus | None
    is_staged: bool  # its rows are known: before the worker has planned, none is
    has_file: bool  # it was uploaded, and is kept
    kept: Kept
    continued: Attempt | None
    notices: Sequence[tuple[int, str, int, bool]]  # number, state, attempts, and whether it is new
    waiting: int = 0  # rows of the file after the first customers, where only those were to go in
    sharing: Sharing | None = None  # of a run that workers do together

    @property
    def settled(self) -> int:
        return self.total - self.counts.get("pending", 0)

    @property
    def percent(self) -> str:
        return f"{self.settled * 100 / self.total:.1f}" if self.total else "0"

    @property
    def is_importing(self) -> bool:
        return self.status in (Status.QUEUED, Status.RUNNING)

    @property
    def is_writing(self) -> bool:
        """Return whether rows and steps may change: the rest of the page is of use once that is over."""
        return self.status in AT_WORK

    @property
    def goes_on(self) -> bool:
        """Return whether its worker has died, and the next one goes on by itself."""
        died = self.status == Status.INTERRUPTED and self.run.status == Status.RUNNING
        reverting = self.revert is not None and not self.revert.is_over
        return (died and self.has_file) or (self.status == REVERT_INTERRUPTED and reverting)

    @property
    def reason(self) -> str:
        """Say why it stopped; of what died, which could not say it, too."""
        if self.goes_on:
            return ""  # it goes on, which is told where a page says what it follows
        if self.status != self.run.status and not self.run.reason:
            return "The process that was at it is gone."
        return with_names(self.run.reason)

    @property
    def can_continue(self) -> bool:
        return self.status in CAN_CONTINUE and self.has_file and not self.goes_on and not self.wants_preview

    @property
    def file_until(self) -> datetime | None:
        """Return until when a run that waits can be continued without its file."""
        ended = self.run.finished_at
        return ended + staging.KEPT if ended and self.has_file and self.status == Status.CANARY else None

    @property
    def waiting_told(self) -> str:
        return waiting_sentence(self.waiting)

    @property
    def wants_preview(self) -> bool:
        """Return whether continuing ends as it did: the file has to be looked at anew."""
        return self.status in STOPPED and staging.wants_preview(self.run)

    @property
    def is_taken_back(self) -> bool:
        return self.status in TAKEN_BACK

    @property
    def is_over(self) -> bool:
        """Return whether it is reverted, as far as it can be."""
        return self.status == Status.REVERTED and not self.kept.can_go

    @property
    def is_at_work(self) -> bool:
        """Return whether the page is to be asked for again by itself."""
        mailing = self.campaign is not None and self.campaign.status == WelcomeCampaign.Status.RUNNING
        at_work = mailing or any(not job.is_over for job in self.jobs)
        waits = self.goes_on or self.status in PAUSED  # somebody may resume it elsewhere
        return self.is_writing or waits or at_work or any(is_new for *_, is_new in self.notices)

    @property
    def following(self) -> Following:
        return Following(self.is_at_work, f"The run is {self.status}.", self.goes_on, self._stamp)

    @property
    def _stamp(self) -> str:
        """Return another value whenever the rest of the page has something else to say."""
        jobs = sorted((job.pk, job.status) for job in self.jobs)
        removed = step_states(self.run) if self.status == Status.REVERTING else {}  # rows stay as they were
        of = (
            self.status,
            (self.run.stop_requested, self.run.pause_requested, self.run.paused_at),
            (self.run.pace, self.run.starts_at),
            self.is_staged,
            sorted(self.counts.items()),
            jobs,
            removed,
            [known for *known, _ in self.notices],
        )
        return blake2b(repr(of).encode(), digest_size=8).hexdigest()

    def job(self, kind: str) -> RunJob | None:
        return next((job for job in self.jobs if job.kind == kind), None)

    @property
    def reconcile(self) -> RunJob | None:
        return self.job(RunJob.Kind.RECONCILE)

    @property
    def verify(self) -> RunJob | None:
        """Return the latest verification, with a charging session or without."""
        verified = [job for job in self.jobs if job.kind in KINDS]
        return max(verified, key=lambda job: job.pk, default=None)

    @property
    def since_reconcile(self) -> Since:
        return self.since_looks.get(RunJob.Kind.RECONCILE, Since.NOTHING)

    @property
    def since_verify(self) -> Since:
        return self.since_looks.get(self.verify.kind, Since.NOTHING) if self.verify else Since.NOTHING

    @property
    def repair(self) -> RunJob | None:
        return self.job(RunJob.Kind.REPAIR)

    @property
    def revert(self) -> RunJob | None:
        return self.job(RunJob.Kind.REVERT)

    @property
    def by_worker(self) -> bool:
        """Return whether what is under way is the worker's, and not a command's."""
        reverting = self.revert is not None and not self.revert.is_over
        return reverting if self.run.status == Status.REVERTING else self.has_file or self.sharing is not None

    @property
    def settling(self) -> Settling | None:
        """Return how the platform takes what the run is now, and nothing of before."""
        job = self.job(RunJob.Kind.SETTLE)
        if job is None or self.status in AT_WORK:
            return None
        of_revert = bool(job.options.get(REVERTED))
        told = of_revert == (self.status in TAKEN_BACK) or (of_revert and self._was_of_chosen)
        return Settling(job) if told else None

    @property
    def _was_of_chosen(self) -> bool:
        """Return whether the last revert was one of chosen customers: the run stays what it is."""
        return self.revert is not None and ONLY in self.revert.options


def live(run: BackfillRun) -> Live:
    counts = counts_of([run])[run.pk]
    upload = BackfillUpload.objects.without_content().filter(run=run).first()
    is_staged = any(counts.values())
    waiting = waiting_rows(run, sum(counts.values()))
    if not is_staged and run.input_rows:
        counts = {"pending": run.input_rows}
    total = sum(counts.values())
    status = shown_status(run)
    campaign = latest_campaign(run)
    kept = kept_of(run) if status in TAKEN_BACK else Kept()
    jobs = _latest_jobs(run)
    return Live(
        run=run,
        status=status,
        counts=counts,
        total=total,
        bar=segments(counts),
        now=_now(status, counts, kept),
        pace=pace(run, counts.get("pending", 0), timezone.now()) if status == Status.RUNNING else None,
        jobs=jobs,
        since_looks={
            job.kind: since(run, job, by_hand=job.kind == RECONCILE) for job in jobs if job.kind in LOOKS
        },
        campaign=campaign_status(campaign) if campaign else None,
        is_staged=is_staged,
        has_file=upload is not None,
        kept=kept,
        continued=last_continuation(run) if status in STOPPED else None,
        waiting=waiting,
        sharing=sharing_of(run),
        notices=_notices(run, timezone.now()),
    )


def _now(status: str, counts: Mapping[str, int], kept: Kept) -> list[Segment]:
    """Return what the bar shows: of a reverted run what is gone and what stays, and nothing in green."""
    if status != Status.REVERTED:
        return segments(counts)
    made = counts.get("created", 0) + counts.get("completed", 0)
    return segments({"kept": kept.rows, "reverted": max(made - kept.rows, 0)}, ("kept", "reverted"))


def _notices(run: BackfillRun, now: datetime) -> list[tuple[int, str, int, bool]]:
    """Return how telling of the run stands. One that is new is waited for: its first try comes at once."""
    told = run.notices.values_list("pk", "state", "attempts", "created_at", "code")
    return [
        (pk, state, attempts, state == Notice.State.WAITING and not code and created_at > now - TOLD_WITHIN)
        for pk, state, attempts, created_at, code in told
    ]


def _latest_jobs(run: BackfillRun) -> list[RunJob]:
    return list(run.jobs.order_by("kind", "-id").distinct("kind"))


# --- the rest of the page ----------------------------------------------------------------------------


def steps_of(run: BackfillRun) -> list[dict[str, Any]]:
    """Count the things of a run by kind and state, in the order in which they are made."""
    return [{"label": label(name), "states": states.items()} for name, states in step_states(run).items()]


def rows_page(run: BackfillRun, query: QueryDict) -> dict[str, Any]:
    warnings = warning_counts(run)
    warning = query.get("warning", "")
    chosen, search = query.get("outcome", ""), query.get("q", "").strip()[:255]
    rows = run.rows.order_by("line").prefetch_related("steps")
    if chosen in OUTCOMES:
        rows = rows.filter(outcome="" if chosen == "pending" else chosen)
    if warning in warnings:
        rows = rows.filter(warnings__contains=[{"code": warning}])
    if search:
        rows = rows.filter(external_id__icontains=search) | (
            rows.filter(line=int(search))
            if search.isascii() and search.isdigit() and len(search) < 9
            else rows.none()
        )
    page: Page[BackfillRow] = Paginator(rows, ROWS_PER_PAGE).get_page(query.get("page"))
    return {
        "rows": [_row(row) for row in page],
        "page": page,
        "outcome": chosen if chosen in OUTCOMES else "",
        "search": search,
        "warning": warning if warning in warnings else "",
        "warnings": sorted(warnings.items()),
        "alterations": alterations(warnings).items(),
    }


def _row(row: BackfillRow) -> dict[str, Any]:
    steps = [(label(step.name), step.state, step.code) for step in row.steps.all()]
    return {
        "can_go": bool(row.external_id) and any(state in MADE for _, state, _ in steps),
        "line": row.line,
        "external_id": row.external_id,
        "user_id": row.user_id,
        "plan_code": row.plan_code,
        "start_date": row.start_date,
        "moved_to": row.moved_to,
        "outcome": row.outcome or "pending",
        "steps": steps,
        "problems": row.problems,
        "warnings": row.warnings,
    }


def entries_of(run: BackfillRun) -> list[Told]:
    """Return what happened to the run as a whole; of its rows, the log and the audit log tell."""
    return told(AuditEntry.objects.tagged(run.audit_tag).filter(subject=f"run:{run.run_id}")[:ENTRIES])


LOGS: Mapping[str, str] = {"log": log_parts.Log.RUN, "manifest": log_parts.Log.MANIFEST}


def files_of(run: BackfillRun) -> dict[str, Path]:
    """Return the files of the run that are on this machine: they are where the worker or the command ran."""
    known = {kind: log_parts.path_of(run, settings.BACKFILL_LOG_DIR, log) for kind, log in LOGS.items()}
    return {kind: path for kind, path in known.items() if path.is_file()}


def downloads_of(run: BackfillRun) -> set[str]:
    """Name the files that can be downloaded. What workers log together is at hand on every machine."""
    logs = log_parts.logs_of(run)
    return {*files_of(run), *(kind for kind, log in LOGS.items() if log in logs)}


def is_written_together(run: BackfillRun, kind: str) -> bool:
    """Return whether workers are at what this file tells of: it is put together when they are through."""
    return SharedRun.objects.filter(run=run, is_revert=kind == "manifest").exists()


def platform_of(run: BackfillRun) -> str:
    """Name the platform's database that the run wrote to; blank where it neither did nor could have."""
    place, wrote_to = platform_place(), run.world.get(PLATFORM, "").rpartition("/")[2]
    if not wrote_to:
        return "connected, and not written to by this run" if place else ""
    return place if place.startswith(f"{wrote_to} at ") else f"{wrote_to}, which is not connected now"


def approvals_of(run: BackfillRun) -> list[dict[str, Any]]:
    """Return who approved the plan of the run and when, where somebody else had to."""
    found = list(PlanApproval.objects.held_by(run))
    names = actor_names(who for one in found for who in (one.decided_by, one.asked_by))
    return [
        {"plan": one, "decided_by": names[one.decided_by], "asked_by": names[one.asked_by]} for one in found
    ]


def who(run: BackfillRun) -> str:
    return actor_names([run.actor])[run.actor]
