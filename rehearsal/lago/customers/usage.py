"""What a customer has used in the current period, of one subscription."""

from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from rehearsal.lago.clock import seconds
from rehearsal.lago.customers.endpoints import find
from rehearsal.lago.errors import not_allowed
from rehearsal.lago.params import Call, scalar
from rehearsal.lago.plans import plan_json
from rehearsal.lago.subscriptions.dates import local_day
from rehearsal.lago.subscriptions.views import period
from rehearsal.lago.tables import Customer, Metric, Subscription
from rehearsal.lago.world import World
from rehearsal.stand_in.messages import Json


def current_usage(world: World, call: Call) -> Json:
    customer = find(world, call.id)
    row = _running(world, customer, scalar(call.params, "external_subscription_id"))
    if row is None or row.started_at is None:
        raise not_allowed("no_active_subscription")
    first, last = period(world, row, row.started_at)
    plan = plan_json(world, world.plan_of(row))
    charges = [_charge_json(world, row, charge, first, last) for charge in plan["charges"]]
    amount_cents = sum(charge["amount_cents"] for charge in charges)
    return {
        "customer_usage": {
            "from_datetime": seconds(first),
            "to_datetime": seconds(last),
            "issuing_date": local_day(last + timedelta(seconds=1), world.timezone()).isoformat(),
            "lago_invoice_id": None,
            "currency": plan["amount_currency"],
            "amount_cents": amount_cents,
            "taxes_amount_cents": 0,
            "total_amount_cents": amount_cents,
            "charges_usage": charges,
        }
    }


def _running(world: World, customer: Customer, external_id: str | None) -> Subscription | None:
    rows = (row for row in world.subscriptions_of(customer) if row.external_id == external_id)
    return next((row for row in rows if row.status == "active"), None)


def _charge_json(world: World, row: Subscription, charge: Json, first: datetime, last: datetime) -> Json:
    metric = next(one for one in world.metrics if one.lago_id == charge["lago_billable_metric_id"])
    used = _used(world, row, metric, first, last)
    units = sum(used, Decimal())
    cents = (units * Decimal(charge["properties"]["amount"]) * 100).quantize(Decimal(1), ROUND_HALF_UP)
    return {
        "units": str(units),
        "total_aggregated_units": str(units),
        "events_count": len(used),
        "amount_cents": int(cents),
        "amount_currency": world.plan_of(row).currency,
        "charge": {name: charge[name] for name in ("lago_id", "charge_model", "invoice_display_name")},
        "billable_metric": {
            "lago_id": metric.lago_id,
            "name": metric.name,
            "code": metric.code,
            "aggregation_type": metric.aggregation_type,
        },
        "filters": [],
        "grouped_usage": [],
    }


def _used(world: World, row: Subscription, metric: Metric, first: datetime, last: datetime) -> list[Decimal]:
    """Give what each event of the period adds up; a value that is no number adds nothing."""
    events = (event for event in world.events if event.external_subscription_id == row.external_id)
    return [
        _number(event.properties.get(metric.field_name or ""))
        for event in events
        if event.code == metric.code and first <= event.timestamp < last + timedelta(seconds=1)
    ]


def _number(value: object) -> Decimal:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return Decimal()
