"""The two steps in Lago, customer and subscription. Here it is decided that nobody is billed by accident."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from billing import reports
from billing.client import LagoClient
from billing.comparison import Live, compare_customer, compare_subscription, differing
from billing.errors import LagoError
from billing.values import Customer, Plan, Subscription
from kernel import (
    Action,
    Divergence,
    Made,
    Removal,
    Removed,
    StepName,
    Verdict,
    Wanted,
)

NEW = Verdict(Action.CREATE)


def utc_now() -> datetime:
    return datetime.now(UTC)


class LagoCustomerStep:
    """A Lago customer under the row's external_id. One that exists is adopted and never written to."""

    name = StepName.LAGO_CUSTOMER

    def __init__(self, client: LagoClient, plans: Mapping[str, Plan]) -> None:
        self.client = client
        self.plans = plans

    def look_up(self, wanted: Sequence[Wanted]) -> Mapping[str, Customer]:
        return self.client.customers_by_id({row.external_id for row in wanted if row.external_id})

    def check(self, wanted: Wanted, found: Mapping[str, Any]) -> Verdict:
        customer: Customer | None = found.get(wanted.external_id)
        if customer is None:
            return NEW
        plan = self.plans.get(wanted.plan_code)
        if plan and customer.currency and customer.currency != plan.amount_currency:
            return Verdict(None, problems=(reports.currency_conflict(wanted, customer, plan),))
        differs = differing(wanted, customer)
        return Verdict(
            Action.ADOPT,
            ref=customer.lago_id,
            exists=(reports.customer_exists(wanted),),
            warnings=(reports.customer_differs(wanted, differs),) if differs else (),
            since=customer.created_at,
        )

    def create(self, wanted: Wanted, verdict: Verdict) -> Made:
        made = self.client.create_customer(
            external_id=wanted.external_id, name=wanted.display_name, email=wanted.email
        )
        return Made(made.customer.lago_id, adopted=made.existed)

    def remove(self, wanted: Wanted, ref: str, undo: Mapping[str, Any], found: Mapping[str, Any]) -> Removed:
        """Delete the customer that the run made, after seeing that nothing is left that Lago would bill."""
        customer: Customer | None = found.get(wanted.external_id)
        if customer is None:
            return Removed(Removal.GONE)
        if customer.lago_id != ref:
            return Removed(Removal.KEPT, "another Lago customer has this external_id by now")
        for subscription in self.client.subscriptions_of_customer(wanted.external_id):
            _terminate(self.client, subscription)
        gone = self.client.delete_customer(wanted.external_id) is None
        return Removed(Removal.GONE if gone else Removal.REMOVED)

    def compare(self, wanted: Wanted, ref: str, found: Mapping[str, Any]) -> Sequence[Divergence]:
        return compare_customer(wanted, ref, found.get(wanted.external_id))


class LagoSubscriptionStep:
    """One subscription per customer, under a deterministic id, on the row's plan from the row's date."""

    name = StepName.LAGO_SUBSCRIPTION

    def __init__(self, client: LagoClient, now: Callable[[], datetime] = utc_now) -> None:
        self.client = client
        self.now = now

    def look_up(self, wanted: Sequence[Wanted]) -> Mapping[str, list[Subscription]]:
        live = self.client.subscriptions_of({row.external_id for row in wanted if row.external_id})
        return Live(live, self.client)

    def check(self, wanted: Wanted, found: Mapping[str, Any]) -> Verdict:
        subscriptions: list[Subscription] = found.get(wanted.external_id, [])
        if any(s.external_customer_id != wanted.external_id for s in subscriptions):
            return Verdict(None, problems=(reports.id_mismatch(wanted),))
        others = [s for s in subscriptions if wanted.plan_code and s.plan_code != wanted.plan_code]
        if others:
            return Verdict(None, problems=(reports.other_plan(wanted, others),))
        if not subscriptions:
            return NEW
        return self._adopt(wanted, subscriptions)

    def _adopt(self, wanted: Wanted, subscriptions: Sequence[Subscription]) -> Verdict:
        """Take ours first. One under our id that starts otherwise is a conflict: nothing is changed."""
        chosen = next(_under_our_id(wanted, subscriptions), subscriptions[0])
        is_ours = chosen.external_id == wanted.subscription_external_id
        if is_ours and wanted.subscription_at and chosen.subscription_at != wanted.subscription_at:
            return Verdict(None, problems=(reports.other_start(wanted, chosen),))
        return Verdict(
            Action.ADOPT,
            ref=chosen.lago_id,
            key=chosen.external_id,
            since=chosen.created_at,
            exists=(reports.subscription_exists(wanted, chosen),),
        )

    def create(self, wanted: Wanted, verdict: Verdict) -> Made:
        if wanted.subscription_at is None:
            raise ValueError("a subscription needs a start")
        made = self.client.create_subscription(
            external_id=wanted.subscription_external_id,
            external_customer_id=wanted.external_id,
            plan_code=wanted.plan_code,
            subscription_at=wanted.subscription_at,
            billing_time=wanted.billing_time,
        )
        return Made(made.lago_id, key=made.external_id)

    def remove(self, wanted: Wanted, ref: str, undo: Mapping[str, Any], found: Mapping[str, Any]) -> Removed:
        """End what is under our id; the active one first, since with it goes a downgrade that waits."""
        ours = list(_under_our_id(wanted, found.get(wanted.external_id, [])))
        if any(one.external_customer_id != wanted.external_id for one in ours):
            return Removed(Removal.KEPT, "another Lago customer has this subscription id by now")
        ours.sort(key=lambda one: one.status != "active")
        ended = [_terminate(self.client, one) for one in ours]
        return Removed(Removal.REMOVED if any(ended) else Removal.GONE)

    def compare(self, wanted: Wanted, ref: str, found: Mapping[str, Any]) -> Sequence[Divergence]:
        live = found if isinstance(found, Live) else Live(found, self.client)
        return compare_subscription(wanted, ref, live, self.now())


def _under_our_id(wanted: Wanted, subscriptions: Sequence[Subscription]) -> Iterator[Subscription]:
    return (s for s in subscriptions if s.external_id == wanted.subscription_external_id)


def _terminate(client: LagoClient, subscription: Subscription) -> bool:
    """End it without invoice and credit note; it may have become active, or ended, since it was looked up."""
    if not subscription.can_end_unbilled:
        raise LagoError(
            "lago_refused", "This Lago is older than 1.32 and would bill when a subscription ends"
        )
    pending = subscription.status == "pending"
    return any(
        client.terminate_subscription(subscription.external_id, pending=state) is not None
        for state in (pending, not pending)
    )
