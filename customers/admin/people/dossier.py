"""What else there is to know about one customer: Lago's own pages, runs, audit trail."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db.models import Q

from auditlog.models import AuditEntry
from auditlog.people import Told, told
from billing.customer_step import LagoCustomerStep
from billing.subscription_step import LagoSubscriptionStep
from customers.backfill.at_lago import page_of
from customers.backfill.revert.chosen import NOT_CHOSEN
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
    """`rows` are the rows of runs that brought the customer, newest first; empty for who may not see runs.

    `goes_from` are the keys of those, one for each run, from which the customer can be taken back.
    """

    lago: Sequence[LagoLink]
    rows: Sequence[BackfillRow]
    entries: Sequence[Told]
    with_runs: bool
    with_audit: bool
    goes_from: Collection[int] = ()


def dossier_of(user: User, *, with_runs: bool, with_audit: bool, may_revert: bool = False) -> Dossier:
    rows = list(user.backfill_rows.select_related("run").order_by("-run_id", "line")) if with_runs else []
    return Dossier(
        lago=_lago_links(user),
        rows=rows,
        goes_from=_goes_from(rows) if may_revert else (),
        entries=_entries(user) if with_audit else [],
        with_runs=with_runs,
        with_audit=with_audit,
    )


def _goes_from(rows: Sequence[BackfillRow]) -> list[int]:
    """Return the first row of each run that made something of the customer and can take it back."""
    made = BackfillStep.objects.filter(row__in=rows, state__in=(State.CREATED, State.INTENDED))
    first = {row.run_id: row.pk for row in reversed(rows) if row.run.status not in NOT_CHOSEN}
    runs = {int(key) for key in made.values_list("row__run_id", flat=True)}
    return [pk for run, pk in first.items() if run in runs]


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
