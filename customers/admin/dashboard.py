"""The first page of the admin: how everything stands, with links; each figure only for who may see it."""

from typing import Any

from django.db.models import Count, Q
from django.http import HttpRequest

from auditlog.people import actor_names
from customers.admin.access import AUDIT, ID_TAGS, ON_CUSTOMERS, ON_RUNS, RUN, may
from customers.admin.attention import attention
from customers.admin.people.counting import counted
from customers.admin.reachable import systems
from customers.admin.runs.figures import segments
from customers.backfill import unasked
from customers.backfill.beside import platform_place
from customers.backfill.ledger import at_work
from customers.backfill.ledger.counts import counts_of
from customers.backfill.ledger.looks import since
from customers.backfill.ledger.standing import shown_status
from customers.models import BackfillRun, IdTagMapping, RunJob, User, WelcomeCampaign, WelcomeMail
from customers.sign_in.client import NOT_TOLD_APART, client_address

MailState = WelcomeMail.State

RUNS_SHOWN = 5


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Fill in the index page; django-unfold calls this."""
    user = request.user
    context["may_import"] = may(user, RUN)
    context["may_audit"] = may(user, AUDIT)
    if context["may_audit"] and client_address(request) is None:
        context["proxies"] = NOT_TOLD_APART
    if may(user, *ON_CUSTOMERS):
        context |= {"people": _people(), "counted": "look" in request.GET}
        context |= counted() if context["counted"] else {}
    if may(user, *ID_TAGS):
        context["cards"] = _cards()
    if may(user, *ON_RUNS):
        context["attention"] = attention()
        context |= {"runs": _runs(), "mails": _mails()}
        context["reconcile"] = last = _last_reconcile()
        context["since_reconcile"] = since(last.run, last, by_hand=True) if last else None
        context["systems"] = systems(look="look" in request.GET)
        context |= {"platform_place": platform_place(), "platform_unasked": unasked.remarks()}
    return context


def _people() -> dict[str, int]:
    customers = User.objects.filter(role=User.Role.CUSTOMER)
    return customers.aggregate(
        customers=Count("pk"), signed_in=Count("pk", filter=Q(last_login__isnull=False))
    )


def _cards() -> dict[str, int]:
    return IdTagMapping.objects.aggregate(id_tags=Count("pk"), billed=Count("pk", filter=Q(is_active=True)))


def _runs() -> list[dict[str, Any]]:
    runs = list(BackfillRun.objects.all()[:RUNS_SHOWN])
    counts, names, running = counts_of(runs), actor_names(run.actor for run in runs), at_work.runs_at_work()
    return [
        {
            "run": run,
            "status": shown_status(run, running),
            "who": names[run.actor],
            "rows": sum(counts.get(run.pk, {}).values()),
            "bar": segments(counts.get(run.pk, {})),
        }
        for run in runs
    ]


def _last_reconcile() -> RunJob | None:
    done = RunJob.objects.filter(kind=RunJob.Kind.RECONCILE, status=RunJob.Status.DONE)
    return done.select_related("run").first()


def _mails() -> dict[str, Any]:
    """Count the mails by what they want; `run` is the one whose page tells more, if there is one."""
    last = WelcomeCampaign.objects.values_list("run", flat=True).first()
    counted = dict(WelcomeMail.objects.values_list("state").annotate(Count("pk")).order_by())
    return {
        "run": last,
        "waiting": counted.get(MailState.QUEUED, 0) + counted.get(MailState.SENDING, 0),
        "sent": counted.get(MailState.SENT, 0),
        "attention": counted.get(MailState.FAILED, 0) + counted.get(MailState.UNKNOWN, 0),
    }
