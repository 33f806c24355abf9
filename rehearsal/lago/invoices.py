"""GET of the invoices and credit notes in the journal."""

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID, uuid5

from rehearsal.lago.clock import seconds
from rehearsal.lago.customers.views import base_json
from rehearsal.lago.errors import not_found
from rehearsal.lago.journal import CreditNote, Invoice, Why
from rehearsal.lago.paging import page
from rehearsal.lago.params import Call, scalar
from rehearsal.lago.subscriptions.dates import instant
from rehearsal.lago.world import World
from rehearsal.stand_in.messages import Json


def index(world: World, call: Call) -> Json:
    wanted = scalar(call.params, "external_customer_id")
    since = scalar(call.params, "issuing_date_from")
    chosen = [
        row
        for row in reversed(world.journal.invoices)
        if (wanted is None or row.external_customer_id == wanted)
        and (since is None or row.issued_at.astimezone(world.timezone()).date().isoformat() >= since)
    ]
    rows, meta = page(chosen, call.params)
    return {"invoices": [invoice_json(world, row) for row in rows], "meta": meta}


def show(world: World, call: Call) -> Json:
    found = next((row for row in world.journal.invoices if row.lago_id == call.id), None)
    if found is None:
        raise not_found("invoice")
    fees = [fee_json(world, found, fee) for fee in found.fees]
    periods = [_billing_period(world, found)] if found.subscription_id else []
    return {
        "invoice": {**invoice_json(world, found), "billing_periods": periods, "fees": fees, "credits": []}
    }


def fees(world: World, call: Call) -> Json:
    """List what was charged, newest invoice first."""
    customer = scalar(call.params, "external_customer_id")
    kind = scalar(call.params, "fee_type")
    since = instant(scalar(call.params, "created_at_from"))
    chosen = [
        (invoice, fee)
        for invoice in reversed(world.journal.invoices)
        if (customer is None or invoice.external_customer_id == customer)
        and (since is None or invoice.issued_at >= since)
        for fee in invoice.fees
        if kind is None or fee["type"] == kind
    ]
    rows, meta = page(chosen, call.params)
    return {"fees": [fee_json(world, invoice, fee) for invoice, fee in rows], "meta": meta}


# Everything else has to do with the end of a subscription.
REASONS = {
    Why.START_IN_ADVANCE: "subscription_starting",
    Why.TRIAL_END: "subscription_starting",
    Why.BILLING_DAY: "subscription_periodic",
}


def fee_json(world: World, invoice: Invoice, fee: Json) -> Json:
    cents, currency = fee["amount_cents"], invoice.currency
    starts, ends = _days(world, fee["from_date"], fee["to_date"])
    is_base = fee["type"] == "subscription"
    return {
        "lago_id": str(uuid5(UUID(invoice.lago_id), fee["lago_item_id"])),
        "lago_invoice_id": invoice.lago_id,
        "lago_subscription_id": invoice.subscription_id,
        "lago_customer_id": invoice.customer_id,
        "lago_fixed_charge_id": None if is_base else fee["lago_item_id"],
        "external_customer_id": invoice.external_customer_id,
        "external_subscription_id": invoice.external_subscription_id,
        "item": {
            "type": fee["type"],
            "code": fee["code"],
            "name": fee["code"],
            "lago_item_id": fee["lago_item_id"],
            "item_type": "Subscription" if is_base else "AddOn",
        },
        "amount_cents": cents,
        "amount_currency": currency,
        "taxes_amount_cents": 0,
        "taxes_rate": 0,
        "total_amount_cents": cents,
        "total_amount_currency": currency,
        "sub_total_excluding_taxes_amount_cents": cents,
        "sub_total_excluding_taxes_precise_amount_cents": str(cents),
        "units": fee["units"],
        "precise_unit_amount": str(cents),
        "total_aggregated_units": fee["units"],
        "pay_in_advance": fee["pay_in_advance"],
        "invoiceable": True,
        "payment_status": "pending",
        "from_date": starts,
        "to_date": ends,
        "created_at": seconds(invoice.issued_at),
    }


def _billing_period(world: World, invoice: Invoice) -> Json:
    """Return the days of the plan's amount; without one, the day of the invoice."""
    day = invoice.issued_at.astimezone(world.timezone()).date().isoformat()
    base = next((fee for fee in invoice.fees if fee["type"] == "subscription"), None)
    starts, ends = _days(world, base["from_date"], base["to_date"]) if base else _days(world, day, day)
    return {
        "lago_subscription_id": invoice.subscription_id,
        "external_subscription_id": invoice.external_subscription_id,
        "lago_plan_id": invoice.plan_id,
        "subscription_from_datetime": starts,
        "subscription_to_datetime": ends,
        "charges_from_datetime": starts,
        "charges_to_datetime": ends,
        "invoicing_reason": REASONS.get(Why(invoice.why), "subscription_terminating"),
    }


def _days(world: World, first: str, last: str) -> tuple[str | None, str | None]:
    """Return the first and the last second of some days in the billing zone."""
    starts = datetime.combine(date.fromisoformat(first), time(), world.timezone())
    following = datetime.combine(date.fromisoformat(last) + timedelta(days=1), time(), world.timezone())
    return seconds(starts), seconds(following.astimezone(UTC) - timedelta(seconds=1))


def credit_notes(world: World, call: Call) -> Json:
    wanted = scalar(call.params, "external_customer_id")
    newest_first = reversed(world.journal.credit_notes)
    chosen = [row for row in newest_first if wanted is None or row.external_customer_id == wanted]
    rows, meta = page(chosen, call.params)
    return {"credit_notes": [credit_note_json(world, row) for row in rows], "meta": meta}


def invoice_json(world: World, row: Invoice) -> Json:
    issued, day = seconds(row.issued_at), row.issued_at.astimezone(world.timezone()).date().isoformat()
    return {
        "lago_id": row.lago_id,
        "billing_entity_code": world.organization.billing_entity_code,
        "sequential_id": int(row.number.rsplit("-", 1)[1]),
        "number": row.number,
        "issuing_date": day,
        "payment_due_date": day,
        "net_payment_term": 0,
        "payment_overdue": False,
        "invoice_type": "credit" if row.why == Why.PAID_CREDITS else "subscription",
        "status": "finalized",
        "payment_status": "pending",
        "currency": row.currency,
        **_amounts(row),
        "version_number": 4,
        "self_billed": False,
        "created_at": issued,
        "updated_at": issued,
        "customer": base_json(world, world.customer_by_id(row.customer_id)),
        "metadata": [],
        "applied_taxes": [],
        "applied_invoice_custom_sections": [],
        "applied_usage_thresholds": [],
    }


def _amounts(row: Invoice) -> Json:
    fees, after_coupons = row.amount_cents, row.amount_cents - row.coupons_amount_cents
    total = after_coupons - row.prepaid_credit_amount_cents
    return {
        "fees_amount_cents": fees,
        "coupons_amount_cents": row.coupons_amount_cents,
        "credit_notes_amount_cents": 0,
        "sub_total_excluding_taxes_amount_cents": after_coupons,
        "taxes_amount_cents": 0,
        "sub_total_including_taxes_amount_cents": after_coupons,
        "prepaid_credit_amount_cents": row.prepaid_credit_amount_cents,
        "progressive_billing_credit_amount_cents": 0,
        "total_amount_cents": total,
        "total_paid_amount_cents": 0,
        "total_due_amount_cents": total,
    }


def credit_note_json(world: World, row: CreditNote) -> Json:
    issued, day = seconds(row.issued_at), row.issued_at.astimezone(world.timezone()).date().isoformat()
    shares = {kind: row.amount_cents if row.kind == kind else 0 for kind in ("credit", "refund", "offset")}
    return {
        "lago_id": row.lago_id,
        "billing_entity_code": world.organization.billing_entity_code,
        "sequential_id": int(row.number.rsplit("-CN", 1)[1]),
        "number": row.number,
        "lago_invoice_id": row.invoice_id,
        "invoice_number": row.invoice_number,
        "issuing_date": day,
        "credit_status": "available" if row.kind == "credit" else None,
        "refund_status": "pending" if row.kind == "refund" else None,
        "reason": "order_change" if row.why == "upgrade" else "order_cancellation",
        "description": None,
        "currency": row.currency,
        "total_amount_cents": row.amount_cents,
        "taxes_amount_cents": 0,
        "taxes_rate": 0,
        "sub_total_excluding_taxes_amount_cents": row.amount_cents,
        "balance_amount_cents": shares["credit"],
        **{f"{kind}_amount_cents": cents for kind, cents in shares.items()},
        "coupons_adjustment_amount_cents": 0,
        "created_at": issued,
        "updated_at": issued,
        "self_billed": False,
        "customer": base_json(world, world.customer_by_id(row.customer_id)),
    }
