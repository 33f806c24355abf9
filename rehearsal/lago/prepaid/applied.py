"""Coupons of customers: applied, taken off invoices, taken away."""

from decimal import ROUND_HALF_UP, Decimal

from rehearsal.lago.clock import seconds
from rehearsal.lago.currency import settle_currency
from rehearsal.lago.errors import invalid_field, not_allowed, not_found, root_missing
from rehearsal.lago.journal import Invoice
from rehearsal.lago.paging import page
from rehearsal.lago.params import Call, as_string, root, scalar
from rehearsal.lago.prepaid.coupons import is_active
from rehearsal.lago.tables import AppliedCoupon, Coupon, Customer, Plan, new_id
from rehearsal.lago.world import World
from rehearsal.stand_in.messages import Json

STATUSES = ("active", "terminated")


def create(world: World, call: Call) -> Json:
    sent = root(call.params, "applied_coupon")
    if sent is None:
        raise root_missing("applied_coupon")
    customer = world.customer(as_string(sent.get("external_customer_id")) or "")
    if customer is None:
        raise not_found("customer")
    coupon = world.purses.coupon(as_string(sent.get("coupon_code")) or "")
    if coupon is None or not is_active(world, coupon):
        raise not_found("coupon")
    _check_others(world, customer, coupon)
    applied = _agreed(world, customer, coupon, sent)
    if coupon.coupon_type == "fixed_amount":
        settle_currency(world, customer, applied.amount_currency)
    world.purses.apply(applied)
    return {"applied_coupon": applied_json(world, applied)}


def _check_others(world: World, customer: Customer, coupon: Coupon) -> None:
    active = [world.purses.coupon_of(one) for one in world.purses.active_applied_of(customer)]
    if any(_overlap(world, coupon, other) for other in active):
        raise not_allowed("plan_overlapping")
    had = {one.coupon_id for one in world.purses.applied_of(customer)}
    if not coupon.reusable and coupon.lago_id in had:
        raise invalid_field("coupon", "coupon_is_not_reusable")


def _overlap(world: World, new: Coupon, old: Coupon) -> bool:
    """Two coupons with limits must not concern the same; every metered plan charges all metrics here."""
    if not (new.plan_codes or new.billable_metric_codes):
        return False
    metered = {plan.code for plan in world.plans if plan.metered}
    metrics = {metric.code for metric in world.metrics}
    plans = set(new.plan_codes) | (metered if metrics & set(new.billable_metric_codes) else set())
    named = set(new.billable_metric_codes) | (metrics if metered & set(new.plan_codes) else set())
    return bool(plans & set(old.plan_codes) or named & set(old.billable_metric_codes))


def _agreed(world: World, customer: Customer, coupon: Coupon, sent: Json) -> AppliedCoupon:
    """Take what the coupon says, where the call does not say otherwise."""
    duration = sent.get("frequency_duration") or coupon.frequency_duration
    return AppliedCoupon(
        coupon_id=coupon.lago_id,
        customer_id=customer.lago_id,
        frequency=sent.get("frequency") or coupon.frequency,
        created_at=world.now(),
        percentage_rate=as_string(sent.get("percentage_rate")) or coupon.percentage_rate,
        amount_cents=sent.get("amount_cents") or coupon.amount_cents,
        amount_currency=sent.get("amount_currency") or coupon.amount_currency,
        frequency_duration=duration,
        frequency_duration_remaining=duration,
    )


def take_off(world: World, customer: Customer, plan: Plan, invoice: Invoice) -> int:
    """Take the customer's coupons off an invoice, the oldest first, and return how much that was."""
    cents = invoice.amount_cents
    taken = 0
    for applied in world.purses.active_applied_of(customer):
        coupon = world.purses.coupon_of(applied)
        if coupon.billable_metric_codes or (coupon.plan_codes and plan.code not in coupon.plan_codes):
            continue
        if applied.amount_currency not in (None, plan.currency):
            continue
        part = min(_worth(applied, cents - taken), cents - taken)
        if part:
            taken += part
            _use(world, applied, part, invoice)
    return taken


def _worth(applied: AppliedCoupon, cents: int) -> int:
    if applied.percentage_rate is not None:
        exact = cents * Decimal(applied.percentage_rate) / 100
        return int(exact.quantize(Decimal(1), ROUND_HALF_UP))
    amount = applied.amount_cents or 0
    return amount - _used(applied) if applied.frequency == "once" else amount


def _used(applied: AppliedCoupon) -> int:
    return sum(credit["amount_cents"] for credit in applied.credits)


def _use(world: World, applied: AppliedCoupon, cents: int, invoice: Invoice) -> None:
    """One for once ends when it is used up, one for some periods with the last of them."""
    credit = {"lago_id": new_id(), "amount_cents": cents, "currency": invoice.currency}
    applied.credits.append(credit | {"invoice_id": invoice.lago_id})
    if applied.frequency_duration_remaining is not None:
        applied.frequency_duration_remaining -= 1
    is_spent = applied.percentage_rate is not None or _used(applied) >= (applied.amount_cents or 0)
    if (applied.frequency == "once" and is_spent) or applied.frequency_duration_remaining == 0:
        terminate(world, applied)


def terminate(world: World, applied: AppliedCoupon) -> None:
    applied.status, applied.terminated_at = "terminated", world.now()


def delete(world: World, call: Call) -> Json:
    external_id, _, lago_id = call.id.rpartition("/applied_coupons/")
    customer = world.customer(external_id)
    if customer is None:
        raise not_found("customer")
    applied = next((one for one in world.purses.applied_of(customer) if one.lago_id == lago_id), None)
    if applied is None:
        raise not_found("applied_coupon")
    if applied.status == "active":
        terminate(world, applied)
    return {"applied_coupon": applied_json(world, applied)}


def index(world: World, call: Call) -> Json:
    """List the coupons of all customers that there are, or of one; ended ones too unless told otherwise."""
    wanted = scalar(call.params, "external_customer_id")
    customers = [row for row in (world.customer(wanted),) if row] if wanted else list(world.customers)
    return _listed(world, customers, call.params)


def index_of_customer(world: World, call: Call) -> Json:
    customer = world.customer(call.id)
    if customer is None:
        raise not_found("customer")
    return _listed(world, [customer], call.params)


def _listed(world: World, customers: list[Customer], params: Json) -> Json:
    status = scalar(params, "status")
    found = [
        one
        for customer in customers
        for one in world.purses.applied_of(customer)
        if status not in STATUSES or one.status == status
    ]
    newest_first = sorted(found, key=lambda one: one.created_at, reverse=True)
    rows, meta = page(newest_first, params)
    return {
        "applied_coupons": [{**applied_json(world, one), "credits": _credits(world, one)} for one in rows],
        "meta": meta,
    }


def _credits(world: World, applied: AppliedCoupon) -> list[Json]:
    coupon = world.purses.coupon_of(applied)
    item = {"lago_item_id": coupon.lago_id, "type": "coupon", "code": coupon.code, "name": coupon.name}
    return [
        {
            "lago_id": credit["lago_id"],
            "amount_cents": credit["amount_cents"],
            "amount_currency": credit["currency"],
            "before_taxes": True,
            "item": item,
            "invoice": {"lago_id": credit["invoice_id"], "payment_status": "pending"},
        }
        for credit in applied.credits
    ]


def applied_json(world: World, applied: AppliedCoupon) -> Json:
    coupon, customer = world.purses.coupon_of(applied), world.customer_by_id(applied.customer_id)
    left = (applied.amount_cents or 0) - _used(applied)
    has_rest = applied.frequency == "once" and applied.amount_cents is not None
    return {
        "lago_id": applied.lago_id,
        "lago_coupon_id": coupon.lago_id,
        "coupon_code": coupon.code,
        "coupon_name": coupon.name,
        "lago_customer_id": customer.lago_id,
        "external_customer_id": customer.external_id,
        "status": applied.status,
        "amount_cents": applied.amount_cents,
        "amount_cents_remaining": left if has_rest else None,
        "amount_currency": applied.amount_currency,
        "percentage_rate": applied.percentage_rate,
        "frequency": applied.frequency,
        "frequency_duration": applied.frequency_duration,
        "frequency_duration_remaining": applied.frequency_duration_remaining,
        "expiration_at": seconds(coupon.expiration_at),
        "created_at": seconds(applied.created_at),
        "terminated_at": seconds(applied.terminated_at),
    }
