"""GET, PUT and DELETE of subscriptions."""

from collections.abc import Callable

from rehearsal.lago.errors import invalid_field, not_found, root_missing
from rehearsal.lago.paging import page
from rehearsal.lago.params import Call, as_string, listed, root, scalar
from rehearsal.lago.subscriptions.dates import asked_dates
from rehearsal.lago.subscriptions.lifecycle import cancel, terminate
from rehearsal.lago.subscriptions.schedule import next_due
from rehearsal.lago.subscriptions.views import check_shown, ended_json, full_json, listed_json
from rehearsal.lago.tables import Subscription
from rehearsal.lago.world import World
from rehearsal.stand_in.messages import Json

STATUSES = frozenset({"pending", "active", "terminated", "canceled", "incomplete"})
INVOICE_CHOICES = ("generate", "skip")
CREDIT_NOTE_CHOICES = ("credit", "refund", "offset", "skip")

Test = Callable[[Subscription], bool]


def index(world: World, call: Call) -> Json:
    return _listed(world, call.params, _candidates(world, call.params))


def index_of_customer(world: World, call: Call) -> Json:
    customer = world.customer(call.id)
    if customer is None:
        raise not_found("customer")
    return _listed(world, call.params, _sorted(world.subscriptions_of(customer)))


def _candidates(world: World, params: Json) -> list[Subscription]:
    """Start from the narrowest index; a deleted customer's rows are not reachable through its id."""
    external_customer_id, external_id = scalar(params, "external_customer_id"), _external_id(world, params)
    if not external_customer_id:
        return _sorted(world.subscriptions_named(external_id)) if external_id else world.subscriptions.rows()
    customer = world.customer(external_customer_id)
    return _sorted(world.subscriptions_of(customer)) if customer else []


def _external_id(world: World, params: Json) -> str | None:
    return scalar(params, "external_id") if world.behaviour.external_id_filter else None


def _sorted(rows: list[Subscription]) -> list[Subscription]:
    newest_first = sorted(rows, key=lambda row: row.created_at, reverse=True)
    return sorted(newest_first, key=lambda row: row.subscription_at, reverse=True)


def _listed(world: World, params: Json, candidates: list[Subscription]) -> Json:
    tests = _tests(world, params)
    chosen = _of_status(candidates, params)
    if tests:
        chosen = [row for row in chosen if all(test(row) for test in tests)]
    rows, meta = page(chosen, params)
    for row in rows:
        check_shown(world, row)
    return {"subscriptions": [listed_json(world, row) for row in rows], "meta": meta}


def _of_status(rows: list[Subscription], params: Json) -> list[Subscription]:
    """Leave out other statuses: each page goes through all rows, so this takes no call for one."""
    statuses = set(listed(params, "status")) or {"active"}
    if not statuses <= STATUSES:  # one unknown status, and Lago drops the whole filter
        return rows
    return [row for row in rows if row.status in statuses]


def _tests(world: World, params: Json) -> list[Test]:
    if any(code != world.organization.billing_entity_code for code in listed(params, "billing_entity_codes")):
        raise not_found("billing_entity")
    tests: list[Test] = []
    external_id, plan_code = _external_id(world, params), scalar(params, "plan_code")
    if external_id:
        tests.append(lambda row: row.external_id == external_id)
    if plan_code:
        tests.append(lambda row: world.plan_of(row).code == plan_code)
    return tests


def _find(world: World, external_id: str, status: str) -> Subscription:
    """Return the row of that status that ended, or else started, last."""
    rows = [row for row in world.subscriptions_named(external_id) if row.status == status]
    if not rows:
        raise not_found("subscription")
    return max(rows, key=lambda row: (row.terminated_at or row.created_at, row.started_at or row.created_at))


def show(world: World, call: Call) -> Json:
    row = _find(world, call.id, scalar(call.params, "status") or "active")
    check_shown(world, row)
    return {"subscription": full_json(world, row)}


def delete(world: World, call: Call) -> Json:
    """Terminate the active one, or cancel the pending one if that is asked for."""
    pending = call.params.get("status") == "pending"
    row = _find(world, call.id, "pending" if pending else "active")
    if pending:
        cancel(world, row)
    else:
        options = (row.on_termination_invoice, row.on_termination_credit_note)
        _set_options(world, row, call.params)
        if options != (row.on_termination_invoice, row.on_termination_credit_note):
            world.webhooks.tell("subscription.updated", row)
        terminate(world, row)
    check_shown(world, row)
    return {"subscription": ended_json(world, row)}


def _set_options(world: World, row: Subscription, params: Json) -> None:
    """Store the options of a termination after checking both; servers before 1.32 do not know them."""
    if not world.behaviour.termination_options:
        return
    invoice = params.get("on_termination_invoice") or row.on_termination_invoice
    if invoice not in INVOICE_CHOICES:
        raise invalid_field("on_termination_invoice", "invalid_value")
    note = params.get("on_termination_credit_note") or row.on_termination_credit_note
    in_advance = world.plan_of(row).pay_in_advance
    if in_advance and note is not None and note not in CREDIT_NOTE_CHOICES:
        raise invalid_field("on_termination_credit_note", "invalid_value")
    row.on_termination_invoice = invoice
    row.on_termination_credit_note = note if in_advance else None


def update(world: World, call: Call) -> Json:
    """Change name, end, termination options and, while it waits, the start; never the plan."""
    sent = root(call.params, "subscription")
    if sent is None:
        raise root_missing("subscription")
    row = _for_update(world, call)
    _set_options(world, row, sent)
    if "subscription_at" in sent and row.status == "pending":
        row.subscription_at, _ = asked_dates(
            {"subscription_at": sent["subscription_at"]}, world.now(), world.timezone()
        )
    if "ending_at" in sent:
        _, row.ending_at = asked_dates({"ending_at": sent["ending_at"]}, world.now(), world.timezone())
    if "name" in sent:
        row.name = as_string(sent["name"]) or ""
    row.due_at = next_due(world, row, world.now())
    world.webhooks.tell("subscription.updated", row)
    check_shown(world, row)
    return {"subscription": full_json(world, row)}


def _for_update(world: World, call: Call) -> Subscription:
    """A single row is taken whatever its status."""
    rows = world.subscriptions_named(call.id)
    if len(rows) == 1:
        return rows[0]
    return _find(world, call.id, "pending" if call.params.get("status") == "pending" else "active")
