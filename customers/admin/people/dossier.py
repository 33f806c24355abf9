"""What else there is to know about one customer: Lago's own pages, runs, audit trail."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q

from auditlog.models import AuditEntry
from auditlog.people import Told, told
from billing.customer_step import LagoCustomerStep
from billing.subscription_step import LagoSubscriptionStep
from customers.backfill.at_lago import page_of
from customers.models import BackfillRow, BackfillStep, User

ENTRIES = 100
State = BackfillStep.State
STANDS = (State.CREATED, State.ADOPTED, State.KEPT)


@dataclass(frozen=True, slots=True)
class LagoLink:
    what: str
    lago_id: str
    url: str  # "" where LAGO_DASHBOARD_URL is not set


@dataclass(frozen=True, slots=True)
class Dossier:
    """`rows` are the rows of runs that brought the customer, newest first; empty for who may not see runs."""

    lago: Sequence[LagoLink]
    rows: Sequence[BackfillRow]
    entries: Sequence[Told]
    with_runs: bool
    with_audit: bool


def dossier_of(user: User, *, with_runs: bool, with_audit: bool) -> Dossier:
    return Dossier(
        lago=_lago_links(user),
        rows=list(user.backfill_rows.select_related("run").order_by("-run_id", "line")) if with_runs else [],
        entries=_entries(user) if with_audit else [],
        with_runs=with_runs,
        with_audit=with_audit,
    )


def _lago_links(user: User) -> list[LagoLink]:
    names = (LagoCustomerStep.name, LagoSubscriptionStep.name)
    steps = BackfillStep.objects.filter(row__user=user, name__in=names, state__in=STANDS).order_by("pk")
    refs = dict(steps.values_list("name", "ref"))
    customer, subscription = (refs.get(name, "") for name in names)
    links = []
    if customer:
        links.append(LagoLink("customer", customer, page_of(refs)))
    if customer and subscription:
        links.append(LagoLink("subscription", subscription, page_of(refs, LagoSubscriptionStep.name)))
    return links


def _entries(user: User) -> list[Told]:
    about = Q(subject=f"user:{user.pk}")
    if user.external_id:
        about |= Q(subject__in=(f"customer:{user.external_id}", f"external_id:{user.external_id}"))
    return told(AuditEntry.objects.filter(about)[:ENTRIES])
