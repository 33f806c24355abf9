"""Plans, and the plan as JSON wherever one appears."""

from uuid import UUID, uuid5

from rehearsal.lago.clock import seconds
from rehearsal.lago.codes import CURRENCIES
from rehearsal.lago.errors import invalid_field, not_found, raise_if_any, root_missing
from rehearsal.lago.fixed_charges import kept, shown
from rehearsal.lago.jobs import Job
from rehearsal.lago.paging import page
from rehearsal.lago.params import Call, as_string, root
from rehearsal.lago.subscriptions.lifecycle import end_all_of_plan
from rehearsal.lago.tables import Metric, Plan
from rehearsal.lago.world import World
from rehearsal.stand_in.messages import Json

INTERVALS = frozenset({"weekly", "monthly", "quarterly", "semiannual", "yearly"})
REQUIRED = ("name", "code", "interval", "amount_cents", "amount_currency")


def plan_json(world: World, plan: Plan) -> Json:
    return {
        "lago_id": plan.lago_id,
        "name": plan.name,
        "invoice_display_name": None,
        "created_at": seconds(plan.created_at),
        "code": plan.code,
        "interval": plan.interval,
        "description": plan.description,
        "amount_cents": plan.amount_cents,
        "amount_currency": plan.currency,
        "trial_period": plan.trial_period,
        "pay_in_advance": plan.pay_in_advance,
        "bill_charges_monthly": plan.bill_charges_monthly or None,
        "bill_fixed_charges_monthly": plan.bill_fixed_charges_monthly,
        "customers_count": 0,
        "active_subscriptions_count": 0,
        "draft_invoices_count": 0,
        "parent_id": None,
        "pending_deletion": plan.pending_deletion,
        "charges": [_charge_json(plan, metric) for metric in world.metrics] if plan.metered else [],
        "entitlements": [],
        "usage_thresholds": [],
        "applicable_usage_thresholds": [],
        "taxes": [],
    }


def _charge_json(plan: Plan, metric: Metric) -> Json:
    return {
        "lago_id": str(uuid5(UUID(plan.lago_id), metric.lago_id)),
        "lago_billable_metric_id": metric.lago_id,
        "billable_metric_code": metric.code,
        "code": metric.code,
        "invoice_display_name": None,
        "created_at": seconds(plan.created_at),
        "charge_model": "standard",
        "pay_in_advance": False,
        "invoiceable": True,
        "regroup_paid_fees": None,
        "prorated": False,
        "min_amount_cents": 0,
        "properties": {"amount": "0.39"},
        "filters": [],
        "taxes": [],
        "lago_parent_id": None,
    }


def find(world: World, code: str) -> Plan:
    plan = world.plan(code)
    if plan is None:
        raise not_found("plan")
    return plan


def index(world: World, call: Call) -> Json:
    rows, meta = page(world.plans.rows(), call.params)
    return {"plans": [plan_json(world, row) for row in rows], "meta": meta}


def show(world: World, call: Call) -> Json:
    plan = find(world, call.id)
    return {"plan": {**plan_json(world, plan), "fixed_charges": shown(plan, plan.fixed_charges)}}


def create(world: World, call: Call) -> Json:
    sent = _sent(call)
    raise_if_any({name: ["value_is_mandatory"] for name in REQUIRED if sent.get(name) in (None, "")})
    _check(world, sent, None)
    plan = Plan(
        code=str(sent["code"]),
        name=str(sent["name"]),
        amount_cents=int(sent["amount_cents"]),
        currency=sent["amount_currency"],
        interval=sent["interval"],
        pay_in_advance=bool(sent.get("pay_in_advance", False)),
        created_at=world.now(),
        trial_period=float(sent.get("trial_period") or 0),
        bill_charges_monthly=bool(sent.get("bill_charges_monthly")),
        bill_fixed_charges_monthly=bool(sent.get("bill_fixed_charges_monthly")),
        fixed_charges=_fixed_charges(sent),
        description=as_string(sent.get("description")) or "",
    )
    world.add_plan(plan)
    return {"plan": plan_json(world, plan)}


def _fixed_charges(sent: Json) -> list[Json]:
    try:
        return kept(sent.get("fixed_charges"))
    except ValueError:
        raise invalid_field("fixed_charges", "value_is_invalid") from None


def update(world: World, call: Call) -> Json:
    plan, sent = find(world, call.id), _sent(call)
    _check(world, sent, plan)
    if sent.get("code"):
        world.rename_plan(plan, str(sent["code"]))
    plan.name = as_string(sent.get("name")) or plan.name
    plan.description = as_string(sent.get("description")) or plan.description
    plan.amount_cents = int(sent.get("amount_cents", plan.amount_cents))
    return {"plan": plan_json(world, plan)}


def _sent(call: Call) -> Json:
    sent = root(call.params, "plan")
    if sent is None:
        raise root_missing("plan")
    return sent


def _check(world: World, sent: Json, plan: Plan | None) -> None:
    """Refuse a taken code and values that no plan can have."""
    problems: dict[str, list[str]] = {}
    holder = world.plan(str(sent.get("code", "")))
    if holder is not None and holder is not plan:
        problems["code"] = ["value_already_exist"]
    if "interval" in sent and sent["interval"] not in INTERVALS:
        problems["interval"] = ["value_is_invalid"]
    if "amount_currency" in sent and sent["amount_currency"] not in CURRENCIES:
        problems["amount_currency"] = ["value_is_invalid"]
    raise_if_any(problems)
    if not str(sent.get("amount_cents", 0)).isdigit():
        raise invalid_field("amount_cents", "value_is_out_of_range")


def delete(world: World, call: Call) -> Json:
    """Mark at once; a job then ends the plan's subscriptions, with billing, and discards the plan."""
    plan = find(world, call.id)
    plan.pending_deletion = True
    answer = {"plan": plan_json(world, plan)}
    world.jobs.enqueue(Job("discard_plan", plan.code, lambda: _discard(world, plan)))
    return answer


def _discard(world: World, plan: Plan) -> None:
    if plan.deleted_at is None:  # a second DELETE queues a second job
        end_all_of_plan(world, plan)
        world.discard_plan(plan)
