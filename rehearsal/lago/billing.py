"""Charge and give back: one function for each way in which Lago does it, written into the journal."""

from datetime import datetime, timedelta

from rehearsal.lago.fees import base_fee, begins, bounds, fixed_fees, fixed_interval, trial_days_end
from rehearsal.lago.journal import CreditNote, Invoice, Why
from rehearsal.lago.prepaid.applied import take_off
from rehearsal.lago.prepaid.wallets import spend
from rehearsal.lago.tables import Subscription
from rehearsal.lago.world import World
from rehearsal.stand_in.messages import Json

BLINK = timedelta(seconds=1)


def start_invoice(
    world: World, subscription: Subscription, at: datetime, why: Why = Why.START_IN_ADVANCE
) -> None:
    """Charge what is paid in advance for the first period. A trial spares the plan's amount, nothing else."""
    fees = fixed_fees(world, subscription, at, in_advance=True)
    if world.plan_of(subscription).pay_in_advance and not trial_days_end(world, subscription):
        fees = [_base_in_advance(world, subscription, at), *fees]
    if fees:
        _invoice_fees(world, subscription, why, at, fees)


def trial_invoice(world: World, subscription: Subscription, at: datetime) -> None:
    """Charge what the trial has left of the period around its end, or around now if it is long over."""
    _invoice_fees(world, subscription, Why.TRIAL_END, at, [_base_in_advance(world, subscription, at)])


def period_invoice(world: World, subscription: Subscription, boundary: datetime, at: datetime) -> None:
    """Charge, where two periods meet, one in arrears and the next in advance; 0 makes an invoice too."""
    fees, plan = [], world.plan_of(subscription)
    if begins(world, subscription, boundary, plan.interval):
        fees.append(_base_fee(world, subscription, boundary))
    if begins(world, subscription, boundary, fixed_interval(plan)):
        fees += fixed_fees(world, subscription, boundary - BLINK, in_advance=False)
        fees += fixed_fees(world, subscription, boundary, in_advance=True)
    _invoice_fees(world, subscription, Why.BILLING_DAY, at, fees)


def last_period_invoice(world: World, subscription: Subscription, boundary: datetime, at: datetime) -> None:
    """Charge what is owed in arrears for the period after which a cheaper plan takes over."""
    fees = fixed_fees(world, subscription, boundary - BLINK, in_advance=False)
    if not world.plan_of(subscription).pay_in_advance:
        fees = [base_fee(world, subscription, boundary - BLINK), *fees]
    if fees:
        _invoice_fees(world, subscription, Why.DOWNGRADE, at, fees)


def _base_fee(world: World, subscription: Subscription, boundary: datetime) -> Json:
    """Charge nothing in advance during a trial, nor what the end of a trial has charged already."""
    if not world.plan_of(subscription).pay_in_advance:
        return base_fee(world, subscription, boundary - BLINK)
    in_trial = trial_days_end(world, subscription) is not None and subscription.trial_ended_at is None
    if in_trial or (subscription.paid_until and subscription.paid_until > boundary):
        return base_fee(world, subscription, boundary, due=False)
    return _base_in_advance(world, subscription, boundary)


def _base_in_advance(world: World, subscription: Subscription, at: datetime) -> Json:
    subscription.paid_until = bounds(world, subscription, at, world.plan_of(subscription).interval)[1]
    return base_fee(world, subscription, at)


def close_invoice(world: World, subscription: Subscription, why: Why) -> None:
    """Charge what is left at the end: the fee of a plan in arrears, or usage alone (0) if paid in advance."""
    plan = world.plan_of(subscription)
    _invoice(world, subscription, why, 0 if plan.pay_in_advance else plan.amount_cents, world.now(), [])


def credit_note(world: World, subscription: Subscription, why: Why) -> None:
    """Give back the fee paid in advance; a back-dated start was never invoiced, so nothing comes back."""
    paid = world.journal.invoice_in_advance(subscription.lago_id)
    if paid is None:
        return
    note = CreditNote(
        number=f"{paid.number}-CN{len(world.journal.credit_notes) + 1:03}",
        why=why,
        kind=subscription.on_termination_credit_note or "credit",
        invoice_id=paid.lago_id,
        invoice_number=paid.number,
        customer_id=paid.customer_id,
        external_customer_id=paid.external_customer_id,
        subscription_id=subscription.lago_id,
        external_subscription_id=subscription.external_id,
        amount_cents=paid.amount_cents,
        currency=paid.currency,
        issued_at=world.now(),
    )
    world.journal.credit_notes.append(note)


def _invoice_fees(world: World, subscription: Subscription, why: Why, at: datetime, fees: list[Json]) -> None:
    _invoice(world, subscription, why, sum(fee["amount_cents"] for fee in fees), at, fees)


def _invoice(
    world: World, subscription: Subscription, why: Why, amount_cents: int, at: datetime, fees: list[Json]
) -> None:
    plan, customer = world.plan_of(subscription), world.customer_of(subscription)
    invoice = Invoice(
        number=f"SAN-0001-{customer.sequential_id:03}-{len(world.journal.invoices) + 1:03}",
        why=why,
        customer_id=customer.lago_id,
        external_customer_id=customer.external_id,
        subscription_id=subscription.lago_id,
        external_subscription_id=subscription.external_id,
        plan_code=plan.code,
        amount_cents=amount_cents,
        currency=plan.currency,
        issued_at=at,
        plan_id=plan.lago_id,
        fees=fees,
    )
    invoice.coupons_amount_cents = take_off(world, customer, plan, invoice)
    left = amount_cents - invoice.coupons_amount_cents
    invoice.prepaid_credit_amount_cents = spend(world, customer, left, plan.currency)
    world.journal.invoices.append(invoice)
