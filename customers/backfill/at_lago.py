"""What Lago has of one customer: plan, price and address, read while it is looked at."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from billing.client import LagoClient
from billing.customer_step import LagoCustomerStep
from billing.normal import same_email, same_name
from billing.subscription_step import LagoSubscriptionStep
from billing.values import Customer, Plan, Subscription
from customers.backfill.systems import lago_client
from customers.models import BackfillRun, BackfillStep, User
from kernel import RemoteError
from kernel.chunks import chunks
from kernel.money import written

TIMEOUT_S = 4.0  # somebody looks at a page and waits


@dataclass(frozen=True, slots=True)
class PlanThere:
    """A subscription as Lago has it. `price` is blank where the plan has none of its own."""

    code: str
    name: str
    price: str
    status: str
    since: datetime | None
    ends_at: datetime | None
    next_code: str  # of a change of plan that waits


@dataclass(frozen=True, slots=True)
class AtLago:
    """`other` names what differs from ours: address, name. `error` says why nothing could be read."""

    is_there: bool = False
    plans: Sequence[PlanThere] = ()
    other: Sequence[str] = ()
    error: str = ""


def customer_at_lago(user: User, *, timeout_s: float = TIMEOUT_S) -> AtLago:
    """Ask Lago now, once and not for long. What goes wrong is told in words, never raised."""
    if not user.external_id:
        return AtLago(error="Without an external_id Lago cannot know this customer.")
    try:
        with closing(lago_client(timeout_s=timeout_s, tries=1)) as lago:
            return _read(lago, user, user.external_id)
    except RemoteError as error:
        return AtLago(error=f"Lago could not be asked: {error}.")
    except ImproperlyConfigured as error:
        return AtLago(error=str(error))


def page_at_lago(*parts: str) -> str:
    """Return the address of something in Lago's own pages; blank where nobody said where these are."""
    if not settings.LAGO_DASHBOARD_URL:
        return ""
    return "/".join([settings.LAGO_DASHBOARD_URL, *(quote(part, safe="") for part in parts)])


def page_of(refs: Mapping[str, str], step: str = "") -> str:
    """Return the page of a subscription in Lago, or else of its customer; `refs` are Lago's ids, by step."""
    customer, subscription = refs.get(LagoCustomerStep.name), refs.get(LagoSubscriptionStep.name)
    if not customer:
        return ""
    if step == LagoSubscriptionStep.name and subscription:
        return page_at_lago("customer", customer, "subscription", subscription, "overview")
    return page_at_lago("customer", customer)


def refs_of(run: BackfillRun, external_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return Lago's ids of what a run made or found for these customers, by customer and step."""
    names = (LagoCustomerStep.name, LagoSubscriptionStep.name)
    steps = BackfillStep.objects.filter(row__run=run, name__in=names).exclude(ref="").order_by("pk")
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for some in chunks(external_ids):
        known = steps.filter(row__external_id__in=some).values_list("row__external_id", "name", "ref")
        for external_id, name, ref in known:
            found[external_id][name] = ref
    return found


def _read(lago: LagoClient, user: User, external_id: str) -> AtLago:
    customer = lago.customer(external_id)
    if customer is None:
        return AtLago()
    subscriptions = lago.subscriptions_of_customer(external_id)
    codes = dict.fromkeys(one.plan_code for one in subscriptions)
    plans = {code: lago.plan(code) for code in codes}
    return AtLago(
        is_there=True,
        plans=[_plan(one, plans[one.plan_code]) for one in subscriptions],
        other=tuple(_other(user, customer)),
    )


def _plan(subscription: Subscription, plan: Plan | None) -> PlanThere:
    return PlanThere(
        code=subscription.plan_code,
        name=plan.name if plan else "",
        price=_price(subscription, plan) if plan else "",
        status="begins later" if subscription.status == "pending" else subscription.status,
        since=subscription.subscription_at or subscription.started_at,
        ends_at=subscription.ending_at,
        next_code=subscription.next_plan_code or "",
    )


def _price(subscription: Subscription, plan: Plan) -> str:
    """Say what the plan itself costs: its own amount where it was changed for this customer."""
    own = subscription.plan_amount_cents
    amount = plan.amount_cents if own is None else own
    if amount is None:
        return ""
    return f"{written(amount, plan.amount_currency)} {plan.interval or ''}".strip()


def _other(user: User, customer: Customer) -> Iterator[str]:
    if not same_email(user.email, customer.email):
        yield "address"
    if user.display_name and not same_name(user.display_name, customer.name):
        yield "name"
