"""Wallets and coupons as Lago tells them, as values. `of` is as in `billing.values`."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Self

from billing.values import Json, instant, instant_or_none, number, text, text_or_none


@dataclass(frozen=True, slots=True)
class Wallet:
    """Credits of a customer, each worth `rate_amount`. `is_active`: it has not been ended, or expired."""

    lago_id: str
    external_customer_id: str
    name: str | None
    is_active: bool
    currency: str | None
    rate_amount: Decimal
    balance: Decimal
    consumed: Decimal
    created_at: datetime

    @property
    def put_in(self) -> Decimal:
        """How many credits came in so far, less those that were taken back."""
        return self.balance + self.consumed

    @classmethod
    def of(cls, data: Json) -> Self:
        return cls(
            lago_id=text(data, "lago_id"),
            external_customer_id=text(data, "external_customer_id"),
            name=text_or_none(data, "name"),
            is_active=text(data, "status") == "active",
            currency=text_or_none(data, "currency"),
            rate_amount=number(data, "rate_amount"),
            balance=number(data, "credits_balance"),
            consumed=number(data, "consumed_credits"),
            created_at=instant(data, "created_at"),
        )


@dataclass(frozen=True, slots=True)
class Discount:
    """What a coupon takes off: a share of the bill, or else an amount; once, for some periods, or always."""

    percentage_rate: Decimal | None
    amount_cents: int | None
    amount_currency: str | None
    frequency: str
    frequency_duration: int | None

    @property
    def is_all(self) -> bool:
        """Return whether nothing is left to pay, ever."""
        return (self.percentage_rate or 0) >= 100 and self.frequency == "forever"

    @classmethod
    def of(cls, data: Json) -> Self:
        has_rate, cents = data.get("percentage_rate") is not None, data.get("amount_cents")
        return cls(
            percentage_rate=number(data, "percentage_rate") if has_rate else None,
            amount_cents=None if cents is None else int(cents),
            amount_currency=text_or_none(data, "amount_currency"),
            frequency=text(data, "frequency"),
            frequency_duration=data.get("frequency_duration"),
        )


@dataclass(frozen=True, slots=True)
class Coupon:
    """`plan_codes` and `metric_codes`: what it is limited to; empty for everything."""

    code: str
    discount: Discount
    reusable: bool
    plan_codes: tuple[str, ...]
    metric_codes: tuple[str, ...]
    expires_at: datetime | None
    terminated_at: datetime | None

    @property
    def is_limited(self) -> bool:
        return bool(self.plan_codes or self.metric_codes)

    @property
    def makes_free(self) -> bool:
        """Return whether nothing that the customer charges is ever to be paid."""
        return self.discount.is_all and not self.is_limited

    @classmethod
    def of(cls, data: Json) -> Self:
        return cls(
            code=text(data, "code"),
            discount=Discount.of(data),
            reusable=data.get("reusable") is not False,
            plan_codes=tuple(data.get("plan_codes") or ()),
            metric_codes=tuple(data.get("billable_metric_codes") or ()),
            expires_at=instant_or_none(data, "expiration_at"),
            terminated_at=instant_or_none(data, "terminated_at"),
        )


@dataclass(frozen=True, slots=True)
class AppliedCoupon:
    """A coupon of a customer; what was agreed may differ from what the coupon itself says.

    `was_used`: it has been taken off an invoice.
    """

    lago_id: str
    coupon_code: str
    external_customer_id: str
    is_active: bool
    was_used: bool
    discount: Discount
    created_at: datetime

    @classmethod
    def of(cls, data: Json) -> Self:
        return cls(
            lago_id=text(data, "lago_id"),
            coupon_code=text(data, "coupon_code"),
            external_customer_id=text(data, "external_customer_id"),
            is_active=text(data, "status") == "active",
            was_used=bool(data.get("credits")),
            discount=Discount.of(data),
            created_at=instant(data, "created_at"),
        )
