"""Rows of the sandbox and the ordered collections that hold them.

Rows are mutable, since they stand for database rows; nothing outside the sandbox sees them.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import uuid4

from rehearsal.stand_in.messages import Json

Row = TypeVar("Row")


def new_id() -> str:
    return str(uuid4())


@dataclass(slots=True)
class Customer:
    external_id: str
    sequential_id: int
    billing_entity_code: str
    created_at: datetime
    updated_at: datetime
    lago_id: str = field(default_factory=new_id)
    deleted_at: datetime | None = None
    columns: Json = field(default_factory=dict)
    shipping_address: Json = field(default_factory=dict)
    billing_configuration: Json = field(default_factory=dict)
    metadata: list[Json] = field(default_factory=list)


@dataclass(slots=True)
class Plan:
    code: str
    name: str
    amount_cents: int
    currency: str
    interval: str
    pay_in_advance: bool
    created_at: datetime
    metered: bool = True  # has a charge on every billable metric
    trial_period: float = 0.0  # days
    bill_charges_monthly: bool = False
    bill_fixed_charges_monthly: bool = False
    fixed_charges: list[Json] = field(default_factory=list)
    pending_deletion: bool = False
    description: str = ""
    lago_id: str = field(default_factory=new_id)
    deleted_at: datetime | None = None


@dataclass(slots=True)
class Subscription:
    external_id: str
    customer_id: str
    plan_id: str
    status: str
    billing_time: str
    subscription_at: datetime
    created_at: datetime
    name: str = ""
    lago_id: str = field(default_factory=new_id)
    started_at: datetime | None = None
    activated_at: datetime | None = None
    ending_at: datetime | None = None
    terminated_at: datetime | None = None
    canceled_at: datetime | None = None
    previous_id: str | None = None
    on_termination_invoice: str = "generate"
    on_termination_credit_note: str | None = None
    trial_ended_at: datetime | None = None
    paid_until: datetime | None = None  # up to where the fee of a plan in advance is invoiced
    billed_until: datetime | None = None  # the period boundary up to which the billing days have run
    due_at: datetime | None = None  # the run of a job that will next do something with it


@dataclass(slots=True)
class Event:
    transaction_id: str
    code: str
    external_subscription_id: str | None
    timestamp: datetime
    created_at: datetime
    properties: Json = field(default_factory=dict)
    precise_total_amount_cents: str | None = None
    lago_id: str = field(default_factory=new_id)


@dataclass(slots=True)
class Wallet:
    """Credits that are worth `rate_amount` each; decimal numbers are kept as text."""

    customer_id: str
    currency: str
    rate_amount: str
    created_at: datetime
    name: str | None = None
    code: str | None = None
    status: str = "active"
    credits_balance: str = "0.0"
    consumed_credits: str = "0.0"
    expiration_at: datetime | None = None
    last_consumed_at: datetime | None = None
    terminated_at: datetime | None = None
    lago_id: str = field(default_factory=new_id)


@dataclass(slots=True)
class WalletTransaction:
    """What came into a wallet (`purchased`, `granted`) or went out of it (`invoiced`, `voided`)."""

    wallet_id: str
    transaction_status: str
    credit_amount: str
    amount: str
    created_at: datetime
    lago_id: str = field(default_factory=new_id)


@dataclass(slots=True)
class Coupon:
    code: str
    name: str
    coupon_type: str  # fixed_amount or percentage
    frequency: str  # once, recurring or forever
    created_at: datetime
    percentage_rate: str | None = None
    amount_cents: int | None = None
    amount_currency: str | None = None
    frequency_duration: int | None = None
    reusable: bool = True
    plan_codes: list[str] = field(default_factory=list)
    billable_metric_codes: list[str] = field(default_factory=list)
    expiration_at: datetime | None = None
    terminated_at: datetime | None = None
    deleted_at: datetime | None = None
    lago_id: str = field(default_factory=new_id)


@dataclass(slots=True)
class AppliedCoupon:
    """A coupon of a customer, with what was agreed when it was applied; `credits` are off invoices."""

    coupon_id: str
    customer_id: str
    frequency: str
    created_at: datetime
    percentage_rate: str | None = None
    amount_cents: int | None = None
    amount_currency: str | None = None
    frequency_duration: int | None = None
    frequency_duration_remaining: int | None = None
    credits: list[Json] = field(default_factory=list)
    status: str = "active"
    terminated_at: datetime | None = None
    lago_id: str = field(default_factory=new_id)


@dataclass(slots=True)
class Metric:
    code: str
    created_at: datetime
    name: str = "EV charging energy"
    aggregation_type: str = "sum_agg"
    field_name: str | None = "value"
    recurring: bool = False
    lago_id: str = field(default_factory=new_id)


def columns(row: Any) -> Json:
    """Return a row's values by name; nested ones are the row's own (`asdict` copies, ten times as slow)."""
    return {name: getattr(row, name) for name in row.__slots__}


class Ordered(Generic[Row]):
    """Rows kept in the order in which Lago lists them, so that a page is a slice."""

    def __init__(self, key: Callable[[Row], Any]) -> None:
        self._key = key
        self._rows: list[Row] = []

    def add(self, row: Row) -> None:
        insort(self._rows, row, key=self._key)

    def remove(self, row: Row) -> None:
        """Take out a row whose key has not changed since it was added."""
        at = bisect_left(self._rows, self._key(row), key=self._key)
        while self._rows[at] is not row:
            at += 1
        del self._rows[at]

    def rows(self) -> list[Row]:
        return self._rows

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows)
