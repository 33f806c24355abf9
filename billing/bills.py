"""From a plan and a start to what an operator is told that Lago will bill."""

from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from billing import reports
from billing.client import LagoClient
from billing.comparison import asked_end
from billing.forecast import Forecast, Invoice, forecast, next_invoices, whole_cents
from billing.values import Plan, Subscription
from kernel import Bill, Bills, Charge, Problem, Wanted
from kernel.zones import named_zone

ONE_SECOND = timedelta(seconds=1)

# Plan, billing time, zone, start, end and today, here and there: what decides the bills of a new one.
Case = tuple[str, str, str, date, date | None, date, date]


class Biller:
    """Knows the plans that rows use, with their fixed charges, and the zone whose days Lago bills by.

    A customer who was there may have a zone of its own; `as_of` is told by Lago's all the same.

    Rows of one plan and start share one value: a file has a hundred thousand rows and few such cases.
    """

    def __init__(self, client: LagoClient, zone: tzinfo) -> None:
        self._client = client
        self.zone = zone
        self._plans: dict[str, Plan] = {}
        self._known: dict[Case, Bills] = {}
        self._adopted: dict[tuple[Any, ...], Bills | None] = {}

    def read(self, codes: Collection[str]) -> None:
        """Read these plans, a call each, as the list of plans tells no fixed charges; raise LagoError."""
        self._plans |= self._client.plans_in_full(codes)
        self._known.clear()
        self._adopted.clear()

    def of_new(self, wanted: Wanted, now: datetime, zone: str = "") -> Bills | None:
        """Tell the bills of a subscription made at that instant; None without a start or a plan.

        `zone` names the customer's, where Lago bills it by days of its own.
        """
        plan = self._plans.get(wanted.plan_code)
        if plan is None or wanted.subscription_at is None:
            return None
        there, ends_at = self._zone(zone), asked_end(wanted)
        start, end = _day(wanted.subscription_at, there), _day(ends_at, there) if ends_at else None
        case = (
            plan.code,
            wanted.billing_time,
            str(there),
            start,
            end,
            _day(now, self.zone),
            _day(now, there),
        )
        if case not in self._known:
            self._known[case] = self._new(plan, wanted.billing_time, wanted.subscription_at, end, now, there)
        return self._known[case]

    def price_cents(self, plan_code: str) -> int | None:
        """Return a plan's amount as it was read; None if it was not, or has none."""
        plan = self._plans.get(plan_code)
        return plan.amount_cents if plan else None

    def of_adopted(self, subscription: Subscription, now: datetime, zone: str = "") -> Bills | None:
        """Tell the next invoices of one that exists, where what Lago says of it is enough."""
        case = _case(subscription, now, zone)
        if case not in self._adopted:
            self._adopted[case] = self._of_adopted(subscription, now, zone)
        return self._adopted[case]

    def _of_adopted(self, subscription: Subscription, now: datetime, zone: str) -> Bills | None:
        plan = self._plans.get(subscription.plan_code)
        if plan is None or not subscription.subscription_at or subscription.next_plan_code:
            return None
        if subscription.plan_amount_cents not in (None, plan.amount_cents):
            return None
        there = self._zone(zone)
        invoices = _next(plan, subscription, subscription.subscription_at, now, there)
        first_paid = _first_paid(plan, _day(subscription.subscription_at, there))
        end = _day(subscription.ending_at, there) if subscription.ending_at else None
        bills = [_bill(plan, invoice, first_paid) for invoice in invoices if _is_before(end, invoice)]
        if not bills:
            return None
        return Bills(_day(now, self.zone), bills[0], bills[1] if bills[1:] else None, **_price(plan))

    def _new(
        self,
        plan: Plan,
        billing_time: str,
        subscription_at: datetime,
        end: date | None,
        now: datetime,
        zone: tzinfo,
    ) -> Bills:
        told = forecast(plan, billing_time=billing_time, subscription_at=subscription_at, zone=zone, now=now)
        first_paid = _first_paid(plan, _day(subscription_at, zone))
        today = tuple(_bill(plan, invoice, first_paid) for invoice in told.today)
        there = "" if zone is self.zone else str(zone)
        return Bills(
            as_of=_day(now, self.zone),
            first=today[0] if today else _bill_before(end, plan, told.first, first_paid),
            second=_bill_before(end, plan, told.second, first_paid),
            today=today,
            tonight=tuple(
                _bill(plan, invoice, first_paid) for invoice in told.tonight if _is_before(end, invoice)
            ),
            past=(reports.invoiced_today(_day(now, zone), today, told.clear_from, there),)
            if told.invoiced_today
            else (),
            clear_from=told.clear_from,
            remarks=tuple(_remarks(plan, told, today)),
            **_price(plan),
        )

    def day_of(self, moment: datetime, zone: str = "") -> date:
        """Return the day that it is for whom Lago bills: by the customer's zone, where one is named."""
        return _day(moment, self._zone(zone))

    def _zone(self, name: str) -> tzinfo:
        """Return a customer's zone: that of all others where it is the same, or none that is known here."""
        return self.zone if name in ("", str(self.zone)) else named_zone(name) or self.zone


def _case(one: Subscription, now: datetime, zone: str) -> tuple[Any, ...]:
    """Return all of a subscription that its next invoices depend on: many have it in common."""
    moments = (one.subscription_at, one.period_ends_at, one.ending_at, now)
    return (
        one.plan_code, one.plan_amount_cents, one.next_plan_code, one.status, one.billing_time, moments, zone
    )  # fmt: skip


def _next(
    plan: Plan, subscription: Subscription, subscription_at: datetime, now: datetime, zone: tzinfo
) -> Iterable[Invoice]:
    how = {
        "billing_time": subscription.billing_time or "calendar",
        "subscription_at": subscription_at,
        "zone": zone,
        "now": now,
    }
    if subscription.status == "pending":
        told = forecast(plan, **how)  # type: ignore[arg-type]
        return [told.first, told.second] if told.first and told.second else []
    if subscription.period_ends_at is None:
        return []
    begins_on = _day(subscription.period_ends_at + ONE_SECOND, zone)
    return next_invoices(plan, begins_on=begins_on, **how)  # type: ignore[arg-type]


def _first_paid(plan: Plan, start: date) -> date:
    """Return the first day whose base amount is due: after the trial, and none before the start."""
    trial = timedelta(days=int(plan.trial_period))
    return start + trial if date.max - start > trial else date.max


def _day(moment: datetime, zone: tzinfo) -> date:
    return moment.astimezone(zone).date()


def _remarks(plan: Plan, told: Forecast, today: Iterable[Bill]) -> Iterable[Problem]:
    if told.warning:
        yield reports.unforeseen(plan, told.warning)
    elif any(bill.amount_cents == 0 for bill in today):
        yield reports.invoice_of_zero()


def _is_before(end: date | None, invoice: Invoice) -> bool:
    """Return whether it comes while the subscription lives; what Lago bills at its end cannot be told."""
    return end is None or invoice.day < end


def _bill_before(end: date | None, plan: Plan, invoice: Invoice | None, first_paid: date) -> Bill | None:
    return _bill(plan, invoice, first_paid) if invoice and _is_before(end, invoice) else None


def _bill(plan: Plan, invoice: Invoice, first_paid: date) -> Bill:
    return Bill(
        day=invoice.day,
        base_cents=invoice.base_cents,
        fixed_cents=invoice.fixed_cents,
        currency=plan.amount_currency or "",
        first=invoice.first,
        last=invoice.last,
        charges=tuple(
            Charge(
                part.cents,
                max(part.first, first_paid) if part.is_base else part.first,
                part.last,
                part.is_base,
            )
            for part in invoice.parts
            if part.cents
        ),
    )


def _price(plan: Plan) -> dict[str, Any]:
    return {"whole_cents": whole_cents(plan), "currency": plan.amount_currency or ""}
