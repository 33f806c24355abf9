"""Everything one sandbox organization holds, and the look-ups the endpoints share."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from rehearsal.lago.behaviour import Behaviour, Compat, behaviour, default_version
from rehearsal.lago.clock import Clock
from rehearsal.lago.jobs import Jobs
from rehearsal.lago.journal import Journal
from rehearsal.lago.prepaid.purse import Purses
from rehearsal.lago.tables import Customer, Event, Metric, Ordered, Plan, Subscription, new_id
from rehearsal.lago.webhooks.outbox import Webhooks

FOUNDED = datetime(2026, 1, 1, tzinfo=UTC)  # the organization, and what it starts with


@dataclass(slots=True)
class Organization:
    """What an operator can set about the organization and its only billing entity."""

    name: str = "Sandbox Charging"
    timezone: str = "UTC"
    currency: str = "EUR"
    billing_entity_code: str = "sandbox"
    billing_entity_timezone: str = "UTC"
    events_store: str = "postgres"
    version: str = ""
    eu_tax_management: bool = False
    breaks_on_quarterly: bool = False  # of the newest Lago: as its main branch of August 2026 did
    breaks_when_ended: bool = False  # the same once it has ended, which nobody has tried there
    payment_providers: list[str] = field(default_factory=list)  # each as NAME:CODE
    permissions: dict[str, list[str]] = field(default_factory=dict)  # resource not named: all allowed
    lago_id: str = field(default_factory=new_id)
    billing_entity_id: str = field(default_factory=new_id)


def _newest_first(row: Customer | Plan | Metric) -> tuple[float, str]:
    return (-row.created_at.timestamp(), row.lago_id)


def _subscription_order(row: Subscription) -> tuple[float, float, str]:
    return (-row.subscription_at.timestamp(), -row.created_at.timestamp(), row.lago_id)


def _event_order(row: Event) -> tuple[float, str, str]:
    return (-row.timestamp.timestamp(), row.transaction_id, row.lago_id)


class World:
    """The tables. Rows leave only through `deleted_at` or a status, as in Lago; history stays."""

    def __init__(self, compat: Compat) -> None:
        self.compat = compat
        self.clock = Clock()
        self.organization = Organization(version=default_version(compat))
        self.customers: Ordered[Customer] = Ordered(_newest_first)
        self.deleted_customers: list[Customer] = []
        self.plans: Ordered[Plan] = Ordered(_newest_first)
        self.metrics: Ordered[Metric] = Ordered(_newest_first)
        self.subscriptions: Ordered[Subscription] = Ordered(_subscription_order)
        self.events: Ordered[Event] = Ordered(_event_order)
        self.journal = Journal()
        self.jobs = Jobs()
        self.webhooks = Webhooks()
        self.purses = Purses()
        self._customer_by_external_id: dict[str, Customer] = {}
        self._customer_by_id: dict[str, Customer] = {}
        self._plan_by_code: dict[str, Plan] = {}
        self._plan_by_id: dict[str, Plan] = {}
        self._subscription_by_id: dict[str, Subscription] = {}
        self._by_external_id: dict[str, list[Subscription]] = defaultdict(list)
        self._by_customer: dict[str, list[Subscription]] = defaultdict(list)
        self._successors: dict[str, list[Subscription]] = defaultdict(list)
        self._event_keys: set[tuple[str, str]] = set()

    @property
    def behaviour(self) -> Behaviour:
        return behaviour(self.compat, self.organization.version)

    def now(self) -> datetime:
        return self.clock.now()

    def timezone(self) -> ZoneInfo:
        """Return the applicable time zone of every customer: a customer's own needs a premium licence."""
        return ZoneInfo(self.organization.billing_entity_timezone)

    # customers

    def customer(self, external_id: str) -> Customer | None:
        return self._customer_by_external_id.get(external_id)

    def customer_by_id(self, lago_id: str) -> Customer:
        """Return a customer, deleted ones included."""
        return self._customer_by_id[lago_id]

    def customer_of(self, subscription: Subscription) -> Customer:
        return self._customer_by_id[subscription.customer_id]

    def next_sequential_id(self) -> int:
        return len(self._customer_by_id) + 1

    def add_customer(self, customer: Customer) -> None:
        self._customer_by_id[customer.lago_id] = customer
        if customer.deleted_at:
            self.deleted_customers.append(customer)
            return
        self.customers.add(customer)
        self._customer_by_external_id[customer.external_id] = customer

    def delete_customer(self, customer: Customer) -> None:
        customer.deleted_at = self.now()
        self.customers.remove(customer)
        self.deleted_customers.append(customer)
        del self._customer_by_external_id[customer.external_id]

    # plans

    def plan(self, code: str) -> Plan | None:
        return self._plan_by_code.get(code)

    def plan_of(self, subscription: Subscription) -> Plan:
        return self._plan_by_id[subscription.plan_id]

    def add_plan(self, plan: Plan) -> None:
        self._plan_by_id[plan.lago_id] = plan
        if plan.deleted_at is None:
            self.plans.add(plan)
            self._plan_by_code[plan.code] = plan

    def rename_plan(self, plan: Plan, code: str) -> None:
        del self._plan_by_code[plan.code]
        plan.code = code
        self._plan_by_code[code] = plan

    def discard_plan(self, plan: Plan) -> None:
        plan.deleted_at = self.now()
        self.plans.remove(plan)
        del self._plan_by_code[plan.code]

    def all_plans(self) -> list[Plan]:
        return list(self._plan_by_id.values())

    # subscriptions

    def add_subscription(self, subscription: Subscription) -> None:
        self.subscriptions.add(subscription)
        self._subscription_by_id[subscription.lago_id] = subscription
        self._by_external_id[subscription.external_id].append(subscription)
        self._by_customer[subscription.customer_id].append(subscription)
        if subscription.previous_id:
            self._successors[subscription.previous_id].append(subscription)

    def subscriptions_named(self, external_id: str) -> list[Subscription]:
        return self._by_external_id.get(external_id, [])

    def subscriptions_of(self, customer: Customer) -> list[Subscription]:
        return self._by_customer.get(customer.lago_id, [])

    def previous(self, subscription: Subscription) -> Subscription | None:
        return self._subscription_by_id.get(subscription.previous_id or "")

    def successor(self, subscription: Subscription) -> Subscription | None:
        """Return the latest successor by plan change that was not cancelled."""
        rows = self._successors.get(subscription.lago_id, [])
        return next((row for row in reversed(rows) if row.status != "canceled"), None)

    def pending_successor(self, subscription: Subscription) -> Subscription | None:
        row = self.successor(subscription)
        return row if row and row.status == "pending" else None

    # events

    def knows_event(self, event: Event) -> bool:
        return (event.external_subscription_id or "", event.transaction_id) in self._event_keys

    def add_event(self, event: Event) -> None:
        self.events.add(event)
        if event.external_subscription_id is not None:
            self._event_keys.add((event.external_subscription_id, event.transaction_id))
