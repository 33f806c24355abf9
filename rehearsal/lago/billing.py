"""Charge and give back: one function for each way in which Lago does it, written into the journal."""

from rehearsal.lago.journal import CreditNote, Invoice, Why
from rehearsal.lago.tables import Subscription
from rehearsal.lago.world import World


def period_invoice(world: World, subscription: Subscription, why: Why) -> None:
    """Charge the plan's amount: at the start of a period in advance, at its end in arrears."""
    _invoice(world, subscription, why, world.plan_of(subscription).amount_cents)


def close_invoice(world: World, subscription: Subscription, why: Why) -> None:
    """Charge what is left at the end: the fee of a plan in arrears, or usage alone (0) if paid in advance."""
    plan = world.plan_of(subscription)
    _invoice(world, subscription, why, 0 if plan.pay_in_advance else plan.amount_cents)


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


def _invoice(world: World, subscription: Subscription, why: Why, amount_cents: int) -> None:
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
        issued_at=world.now(),
    )
    world.journal.invoices.append(invoice)
