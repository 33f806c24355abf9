"""The first page of the admin: how everything stands, with links; each figure only for who may see it."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Count, Q
from django.http import HttpRequest

from billing.client import LagoClient
from customers.admin.access import AUDIT, CUSTOMERS, ON_RUNS, RUN, may
from customers.admin.runs.figures import counts_of, names_of, segments
from customers.backfill import lock
from customers.backfill.runs import shown_status
from customers.models import BackfillRun, IdTagMapping, RunJob, User, WelcomeMail
from customers.workers import worker_is_alive, worker_seen_at
from polaris_backfill.kernel import RemoteError

MailState = WelcomeMail.State

RUNS_SHOWN = 5
LAGO_TIMEOUT_S = 2.0  # somebody waits for the page


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Fill in the index page; django-unfold calls this."""
    user = request.user
    context["may_import"] = may(user, RUN)
    context["may_audit"] = may(user, AUDIT)
    if may(user, CUSTOMERS):
        context["people"] = _people()
    if may(user, *ON_RUNS):
        context |= {"runs": _runs(), "reconcile": _last_reconcile(), "mails": _mails(), "systems": _systems()}
    return context


def _people() -> dict[str, int]:
    customers = User.objects.filter(role=User.Role.CUSTOMER)
    return {
        **customers.aggregate(
            customers=Count("pk"), signed_in=Count("pk", filter=Q(last_login__isnull=False))
        ),
        **IdTagMapping.objects.aggregate(id_tags=Count("pk"), billed=Count("pk", filter=Q(is_active=True))),
    }


def _runs() -> list[dict[str, Any]]:
    runs = list(BackfillRun.objects.all()[:RUNS_SHOWN])
    counts, names, busy = counts_of(runs), names_of(run.actor for run in runs), lock.is_busy()
    return [
        {
            "run": run,
            "status": shown_status(run, busy=busy),
            "who": names.get(run.actor, run.actor),
            "rows": sum(counts.get(run.pk, {}).values()),
            "bar": segments(counts.get(run.pk, {})),
        }
        for run in runs
    ]


def _last_reconcile() -> RunJob | None:
    done = RunJob.objects.filter(kind=RunJob.Kind.RECONCILE, status=RunJob.Status.DONE)
    return done.select_related("run").first()


def _mails() -> dict[str, int]:
    counted = dict(WelcomeMail.objects.values_list("state").annotate(Count("pk")).order_by())
    return {
        "waiting": counted.get(MailState.QUEUED, 0) + counted.get(MailState.SENDING, 0),
        "sent": counted.get(MailState.SENT, 0),
        "attention": counted.get(MailState.FAILED, 0) + counted.get(MailState.UNKNOWN, 0),
    }


def _systems() -> list[dict[str, Any]]:
    """Tell what answers: nothing here may keep the page waiting, or take it down."""
    seen_at = worker_seen_at()
    worker = {"name": "Worker", "is_well": worker_is_alive(), "seen_at": seen_at, "told": ""}
    if not worker["is_well"]:
        worker["told"] = "last seen" if seen_at else "never seen; start one: python manage.py qcluster"
    return [_lago(), worker]


def _lago() -> dict[str, Any]:
    answer = {"name": "Lago", "is_well": False, "seen_at": None, "url": settings.LAGO_DASHBOARD_URL}
    try:
        if not settings.LAGO_API_KEY:
            return {**answer, "told": "LAGO_API_KEY is not set"}
        with LagoClient(
            settings.LAGO_API_URL, settings.LAGO_API_KEY,
            rate_per_s=0, timeout_s=LAGO_TIMEOUT_S, tries=1,
        ) as lago:  # fmt: skip
            organization = lago.organization(tries=1)
    except (RemoteError, ImproperlyConfigured) as error:
        return {**answer, "told": str(error)}
    return {**answer, "is_well": True, "told": organization.name}
