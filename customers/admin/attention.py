"""What needs somebody now: each with the way to where it is put right. All from our own tables."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Count, Exists, Max, OuterRef, Q
from django.urls import reverse

from auditlog.people import with_names
from customers.backfill.ledger import at_work
from customers.backfill.ledger.standing import REVERT_INTERRUPTED, REVERT_PAUSED, shown_status
from customers.models import BackfillRun, PlanApproval, RunJob, WelcomeCampaign, WelcomeMail, WorkerBeat
from kernel.wording import counted

EACH = 5  # of a kind; the list behind the link has all
Status, State = BackfillRun.Status, WelcomeMail.State
TO_CONTINUE = (Status.PAUSED, Status.INTERRUPTED, Status.FAILED, Status.PARTIAL, Status.CANARY)
CALM = (Status.PARTIAL, Status.CANARY)
AT_WORK = (Status.RUNNING, Status.REVERTING)  # or dead: then people see them as interrupted
TAKEN_BACK = (Status.REVERTING, Status.REVERTED)
WORDS = {
    Status.INTERRUPTED: "was interrupted",
    Status.FAILED: "failed",
    Status.PARTIAL: "went in in part",
    Status.CANARY: "waits at its first customers",
    Status.PAUSED: "is paused",
    REVERT_PAUSED: "is being reverted, and that is paused",
    REVERT_INTERRUPTED: "was being reverted, and that was interrupted",
}


@dataclass(frozen=True, slots=True)
class Attention:
    """`which`, linked to `url`, and `what` is with it; `why` says more. `at` is when it came about."""

    what: str
    which: str
    url: str
    why: str = ""
    at: datetime | None = None
    is_urgent: bool = False


def attention() -> list[Attention]:
    """Return all there is, the most urgent first."""
    return [*_worker(), *_runs(), *_taking_back(), *_approvals(), *_campaigns(), *_divergences(), *_mails()]


def _worker() -> Iterator[Attention]:
    if not WorkerBeat.is_fresh():
        why = "Imports, reverts and mails wait. Start one: python manage.py qcluster"
        yield Attention("", "No worker is running", "#systems", why, WorkerBeat.last(), True)


def _runs() -> Iterator[Attention]:
    found = BackfillRun.objects.filter(status__in=(*TO_CONTINUE, *AT_WORK)).order_by("-id")
    running = at_work.runs_at_work()
    shown = [(run, status) for run in found[: 10 * EACH] if (status := shown_status(run, running)) in WORDS]
    for run, status in shown[:EACH]:
        at = run.paused_at or run.finished_at or run.settled_at or run.started_at
        yield Attention(
            WORDS[status], run.run_id, _page(run.pk), with_names(run.reason), at, status not in CALM
        )
    if len(shown) > EACH:
        yield Attention(
            "were interrupted, failed, went in in part or wait",
            "More runs",
            reverse("admin:customers_backfillrun_changelist"),
        )


def _taking_back() -> Iterator[Attention]:
    """Name the runs whose chosen customers are gone in part, while nobody is at it."""
    begun = BackfillRun.objects.exclude(taking_back=[]).exclude(pk__in=at_work.runs_at_work())
    for run in begun.order_by("-id")[:EACH]:
        what = f"was losing {counted(len(run.taking_back), 'chosen customer')}, and that is not through"
        yield Attention(what, run.run_id, _page(run.pk), at=run.settled_at, is_urgent=True)


def _approvals() -> Iterator[Attention]:
    """Name the plans that wait for somebody's word, where one is required."""
    if settings.BACKFILL_REQUIRE_APPROVAL:
        for plan in PlanApproval.objects.waiting().without_facts().order_by("asked_at")[:EACH]:
            url = reverse("admin:customers_backfillrun_plan", args=[plan.pk])
            yield Attention("waits for approval", plan.name, url, at=plan.asked_at)


def _campaigns() -> Iterator[Attention]:
    paused = WelcomeCampaign.objects.filter(status=WelcomeCampaign.Status.PAUSED).select_related("run")
    for campaign in paused[:EACH]:
        yield Attention(
            "has its welcome mails paused",
            campaign.run.run_id,
            _page(campaign.run_id),
            with_names(campaign.reason),
        )


def _divergences() -> Iterator[Attention]:
    """Go by the last reconcile of each run that stands."""
    jobs = RunJob.objects.filter(kind=RunJob.Kind.RECONCILE, status=RunJob.Status.DONE)
    last = jobs.exclude(run__status__in=TAKEN_BACK).order_by("-run_id", "-id").distinct("run_id")
    found = last.values_list("run_id", "run__run_id", "finished_at", "result__divergences_total")
    diverging = [one for one in found[: 10 * EACH] if one[3]]
    for pk, run_id, at, number in diverging[:EACH]:
        what = f"has {number:,} divergence{'' if number == 1 else 's'} at the last reconcile"
        yield Attention(what, run_id, reverse("admin:customers_backfillrun_reconcile", args=[pk]), at=at)


def _mails() -> Iterator[Attention]:
    """Count who has got no mail for sure, and has neither signed in nor got a later one."""
    later = WelcomeMail.objects.filter(user=OuterRef("user"), pk__gt=OuterRef("pk"))
    lost = WelcomeMail.objects.filter(_matters(), Q(state__in=(State.FAILED, State.UNKNOWN))).exclude(
        Exists(later.exclude(state=State.SKIPPED))
    )
    by_run = lost.values_list("campaign__run", "campaign__run__run_id")
    counted = by_run.annotate(number=Count("pk"), at=Max("claimed_at")).order_by("-campaign__run")
    for pk, run_id, number, at in counted[:EACH]:
        what = f"has {number:,} welcome mail{'' if number == 1 else 's'} that failed, or may not have arrived"
        yield Attention(what, run_id, _page(pk), at=at)


def _matters() -> Q:
    return Q(user__is_active=True, user__last_login=None)


def _page(run_pk: int) -> str:
    return reverse("admin:customers_backfillrun_change", args=[run_pk])
