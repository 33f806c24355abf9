"""What Lago tells us, as values.

`of` reads a JSON object; it raises KeyError, TypeError, ValueError or AttributeError if that is another one.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Self

from kernel.struct import struct

Json = Mapping[str, Any]

# A customer is made by one call, whose two times may be read just before and just after a second is full.
SAME_MOMENT = timedelta(seconds=1)
# What people and other programs give a customer, and an import only where its file has it.
FURNITURE = (
    "firstname", "lastname", "legal_name", "legal_number", "tax_identification_number", "phone", "url",
    "address_line1", "address_line2", "city", "zipcode", "state", "country", "external_salesforce_id",
    "metadata",
)  # fmt: skip
CONFIGURED = ("document_locale", "payment_provider", "payment_provider_code", "provider_customer_id")
NO_DETAILS: Json = {}


@dataclass(frozen=True, slots=True)
class Organization:
    lago_id: str
    name: str
    timezone: str | None
    default_currency: str | None

    @classmethod
    def of(cls, data: Json) -> Self:
        return cls(
            lago_id=text(data, "lago_id"),
            name=text(data, "name"),
            timezone=text_or_none(data, "timezone"),
            default_currency=text_or_none(data, "default_currency"),
        )


@dataclass(frozen=True, slots=True)
class Greeting:
    """What Lago's first answer tells. `served_at` and `rate_per_s` are None where it does not say."""

    organization: Organization
    served_at: datetime | None
    rate_per_s: int | None


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """Where Lago sends webhooks. `kinds` is empty where it sends all of them."""

    url: str
    signed_with: str
    kinds: tuple[str, ...]

    @classmethod
    def of(cls, data: Json) -> Self:
        kinds = tuple(str(kind) for kind in data.get("event_types") or ())
        return cls(text(data, "webhook_url"), text(data, "signature_algo"), () if "*" in kinds else kinds)

    def hears(self, kind: str) -> bool:
        return not self.kinds or kind in self.kinds


@dataclass(frozen=True, slots=True)
class BillingEntity:
    code: str
    is_default: bool
    timezone: str | None
    taxes_by_country: bool = False  # taxes follow the customer's country and number for taxes

    @classmethod
    def of(cls, data: Json) -> Self:
        return cls(
            code=text(data, "code"),
            is_default=bool(data.get("is_default")),
            timezone=text_or_none(data, "timezone"),
            taxes_by_country=bool(data.get("eu_tax_management")),
        )


@dataclass(frozen=True, slots=True)
class FixedCharge:
    """A plan's fee of its own: a number of units, each at `unit_amount` in the plan's currency.

    `unit_amount` is None where the price depends on how many there are (graduated, volume).
    """

    units: Decimal
    unit_amount: Decimal | None
    pay_in_advance: bool
    prorated: bool

    @classmethod
    def of(cls, data: Json) -> Self:
        standard = text(data, "charge_model") == "standard"
        return cls(
            units=number(data, "units"),
            unit_amount=number(data["properties"], "amount") if standard else None,
            pay_in_advance=bool(data.get("pay_in_advance")),
            prorated=bool(data.get("prorated")),
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """`interval` and `amount_cents` may be None: plans of Lago's product catalogue have neither.

    `trial_period` is in days. `fixed_charges` is None in the list of plans, which does not tell them.
    """

    lago_id: str
    code: str
    name: str
    interval: str | None
    amount_cents: int | None
    amount_currency: str | None
    pay_in_advance: bool
    pending_deletion: bool
    metric_codes: tuple[str, ...]
    trial_period: float = 0.0
    bill_charges_monthly: bool = False
    bill_fixed_charges_monthly: bool = False
    fixed_charges: tuple[FixedCharge, ...] | None = None

    @classmethod
    def of(cls, data: Json) -> Self:
        codes = (text_or_none(charge, "billable_metric_code") for charge in data.get("charges") or ())
        amount, fixed = data.get("amount_cents"), data.get("fixed_charges")
        return cls(
            lago_id=text(data, "lago_id"),
            code=text(data, "code"),
            name=text_or_none(data, "name") or "",
            interval=text_or_none(data, "interval"),
            amount_cents=None if amount is None else int(amount),
            amount_currency=text_or_none(data, "amount_currency"),
            pay_in_advance=bool(data.get("pay_in_advance")),
            pending_deletion=bool(data.get("pending_deletion")),
            metric_codes=tuple(dict.fromkeys(code for code in codes if code)),
            trial_period=float(data.get("trial_period") or 0),
            bill_charges_monthly=bool(data.get("bill_charges_monthly")),
            bill_fixed_charges_monthly=bool(data.get("bill_fixed_charges_monthly")),
            fixed_charges=None if fixed is None else tuple(map(FixedCharge.of, fixed)),
        )


@struct
class Customer:
    lago_id: str
    external_id: str
    name: str | None
    email: str | None
    currency: str | None
    applicable_timezone: str | None
    created_at: datetime
    updated_at: datetime | None = None  # when a value last changed; a POST that changes none leaves it
    sequential_id: int | None = None  # Lago numbers its customers as it makes them, and no number twice
    details: Json = field(default_factory=dict)  # what else it has, by Lago's names; nothing that is blank

    @classmethod
    def of(cls, data: Json) -> Self:
        return cls(
            lago_id=text(data, "lago_id"),
            external_id=text(data, "external_id"),
            name=text_or_none(data, "name"),
            email=text_or_none(data, "email"),
            currency=word_or_none(data, "currency"),
            applicable_timezone=word_or_none(data, "applicable_timezone"),
            created_at=instant(data, "created_at"),
            updated_at=instant_or_none(data, "updated_at"),
            sequential_id=None if data.get("sequential_id") is None else int(data["sequential_id"]),
            details=_details(data),
        )

    def changed_after(self, moment: timedelta) -> bool:
        """Return whether it was changed after it was made, by Lago's own two times, which are to the second.

        `moment` is how long making it takes. If its clock was set back since, the later one is the smaller.
        """
        return self.updated_at is not None and abs(self.updated_at - self.created_at) > moment


@dataclass(frozen=True, slots=True)
class CreatedCustomer:
    """The answer to a customer POST. `existed`: somebody else had made it, and the POST has updated it.

    `is_connected`: a payment provider that was sent is there, or none was sent.
    """

    customer: Customer
    existed: bool
    is_connected: bool = True


def _details(data: Json) -> Json:
    found = {name: value for name in FURNITURE if (value := data.get(name))}
    if (days := data.get("net_payment_term")) is not None:
        found["net_payment_term"] = days
    configuration = data.get("billing_configuration") or NO_DETAILS
    found |= {name: value for name in CONFIGURED if (value := configuration.get(name))}
    return found or NO_DETAILS


@struct
class Subscription:
    """`started_at` is None while pending; `status` is pending, active, terminated, canceled or incomplete."""

    lago_id: str
    external_id: str
    external_customer_id: str
    plan_code: str
    status: str
    billing_time: str | None
    subscription_at: datetime | None
    started_at: datetime | None
    created_at: datetime
    ending_at: datetime | None = None  # when it ends by itself
    terminated_at: datetime | None = None
    can_end_unbilled: bool = True  # a Lago before 1.32 does not know how, and bills
    period_ends_at: datetime | None = None  # the last second of the current billing period
    next_plan_code: str | None = None  # a change of plan that waits for the end of the period
    plan_amount_cents: int | None = None  # its own, where a plan was overridden for it

    @classmethod
    def of(cls, data: Json) -> Self:
        amount = data.get("plan_amount_cents")
        return cls(
            can_end_unbilled="on_termination_invoice" in data,
            lago_id=text(data, "lago_id"),
            external_id=text(data, "external_id"),
            external_customer_id=text(data, "external_customer_id"),
            plan_code=word(data, "plan_code"),
            status=word(data, "status"),
            billing_time=word_or_none(data, "billing_time"),
            subscription_at=instant_or_none(data, "subscription_at"),
            started_at=instant_or_none(data, "started_at"),
            ending_at=instant_or_none(data, "ending_at"),
            terminated_at=instant_or_none(data, "terminated_at"),
            created_at=instant(data, "created_at"),
            period_ends_at=instant_or_none(data, "current_billing_period_ending_at"),
            next_plan_code=word_or_none(data, "next_plan_code"),
            plan_amount_cents=None if amount is None else int(amount),
        )


@dataclass(frozen=True, slots=True)
class Event:
    transaction_id: str
    code: str
    timestamp: datetime
    external_subscription_id: str | None
    properties: Json

    @classmethod
    def of(cls, data: Json) -> Self:
        return cls(
            transaction_id=text(data, "transaction_id"),
            code=text(data, "code"),
            timestamp=instant(data, "timestamp"),
            external_subscription_id=text_or_none(data, "external_subscription_id"),
            properties=dict(data.get("properties") or {}),
        )


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice that Lago has made; `net_cents` is what is due before taxes."""

    lago_id: str
    external_customer_id: str
    net_cents: int
    currency: str
    created_at: datetime
    is_void: bool

    @classmethod
    def of(cls, data: Json) -> Self:
        return cls(
            lago_id=text(data, "lago_id"),
            external_customer_id=text(data["customer"], "external_id"),
            net_cents=int(data["sub_total_excluding_taxes_amount_cents"]),
            currency=text(data, "currency"),
            created_at=instant(data, "created_at"),
            is_void=data.get("status") == "voided",
        )


@dataclass(frozen=True, slots=True)
class BaseFee:
    """What an invoice charges for a subscription itself, and the instants between which its days lie."""

    lago_invoice_id: str | None
    external_customer_id: str | None
    from_date: datetime | None
    to_date: datetime | None

    @classmethod
    def of(cls, data: Json) -> Self:
        return cls(
            lago_invoice_id=text_or_none(data, "lago_invoice_id"),
            external_customer_id=text_or_none(data, "external_customer_id"),
            from_date=instant_or_none(data, "from_date"),
            to_date=instant_or_none(data, "to_date"),
        )


@dataclass(frozen=True, slots=True)
class Metric:
    code: str
    aggregation_type: str
    field_name: str | None

    @property
    def counts_energy(self) -> bool:
        """Return whether it adds up what the platform sends; else sessions cost nothing, without a word."""
        return self.aggregation_type == "sum_agg" and self.field_name == "value"

    @classmethod
    def of(cls, data: Json) -> Self:
        return cls(
            code=text(data, "code"),
            aggregation_type=text(data, "aggregation_type"),
            field_name=text_or_none(data, "field_name"),
        )


def text(data: Json, key: str) -> str:
    value = data[key]
    if not isinstance(value, str):
        raise TypeError(key)
    return value


def text_or_none(data: Json, key: str) -> str | None:
    value = data.get(key)
    if value is None or isinstance(value, str):
        return value
    raise TypeError(key)


def word(data: Json, key: str) -> str:
    """Read a text that many things have in common: it is kept once."""
    return sys.intern(text(data, key))


def word_or_none(data: Json, key: str) -> str | None:
    value = text_or_none(data, key)
    return None if value is None else sys.intern(value)


def number(data: Json, key: str) -> Decimal:
    """Read an exact number, which Lago writes as text or as a number."""
    try:
        found = Decimal(str(data[key]))
    except InvalidOperation:
        raise ValueError(key) from None
    if not found.is_finite():
        raise ValueError(key)
    return found


def instant(data: Json, key: str) -> datetime:
    """Read an ISO 8601 instant; Lago means UTC where it gives no offset."""
    return instant_of(text(data, key))


@lru_cache(maxsize=4096)  # nearly all subscriptions of a file share theirs, and so does what was made at once
def instant_of(written: str) -> datetime:
    moment = datetime.fromisoformat(written)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def instant_or_none(data: Json, key: str) -> datetime | None:
    value = text_or_none(data, key)
    return None if value is None else instant_of(value)
