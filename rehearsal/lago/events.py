"""Usage events: single, in batches, and read back."""

import math
from datetime import UTC, datetime
from typing import Any

from rehearsal.lago.clock import milliseconds, seconds
from rehearsal.lago.errors import invalid, invalid_field, not_found, raise_if_any, root_missing
from rehearsal.lago.paging import page
from rehearsal.lago.params import Call, as_string, root, scalar
from rehearsal.lago.subscriptions.dates import instant
from rehearsal.lago.tables import Event
from rehearsal.lago.world import World
from rehearsal.stand_in.messages import Json

MAX_BATCH = 100


def event_json(row: Event) -> Json:
    return {
        "lago_id": row.lago_id,
        "transaction_id": row.transaction_id,
        "lago_customer_id": None,
        "code": row.code,
        "timestamp": milliseconds(row.timestamp),
        "precise_total_amount_cents": row.precise_total_amount_cents,
        "properties": row.properties,
        "lago_subscription_id": None,
        "external_subscription_id": row.external_subscription_id,
        "created_at": seconds(row.created_at),
    }


def create(world: World, call: Call) -> Json:
    sent = root(call.params, "event")
    if sent is None:
        raise root_missing("event")
    event, problems = _read(world, sent)
    raise_if_any(problems)
    world.add_event(event)
    return {"event": event_json(event)}


def create_batch(world: World, call: Call) -> Json:
    """Store all or none; problems are told by position."""
    items = call.params.get("events")
    if not isinstance(items, list) or not items:
        raise invalid_field("events", "no_events")
    if len(items) > MAX_BATCH:
        raise invalid_field("events", "too_many_events")
    read = [_read(world, item if isinstance(item, dict) else {}) for item in items]
    _flag_repeats(read)
    bad = {str(at): problems for at, (_, problems) in enumerate(read) if problems}
    if bad:
        raise invalid(bad)
    for event, _ in read:
        world.add_event(event)
    return {"events": [event_json(event) for event, _ in read]}


def _flag_repeats(read: list[tuple[Event, dict[str, list[str]]]]) -> None:
    """The later one of a transaction id is at fault, even where the subscriptions differ."""
    seen: set[str] = set()
    for event, problems in read:
        if event.transaction_id in seen:
            problems["transaction_id"] = ["value_already_exist"]
        seen.add(event.transaction_id)


def _read(world: World, sent: Json) -> tuple[Event, dict[str, list[str]]]:
    problems = {name: ["value_is_mandatory"] for name in ("transaction_id", "code") if not sent.get(name)}
    at = world.now() if sent.get("timestamp") is None else _unix(sent["timestamp"])
    if at is None:
        problems["timestamp"] = ["invalid_format"]
    event = Event(
        transaction_id=as_string(sent.get("transaction_id")) or "",
        code=as_string(sent.get("code")) or "",
        external_subscription_id=as_string(sent.get("external_subscription_id")),
        timestamp=at or world.now(),
        created_at=world.now(),
        properties=sent["properties"] if isinstance(sent.get("properties"), dict) else {},
        precise_total_amount_cents=as_string(sent.get("precise_total_amount_cents")),
    )
    if not problems and world.knows_event(event):
        problems["transaction_id"] = ["value_already_exist"]
    return event, problems


def _unix(value: Any) -> datetime | None:
    """Read Unix seconds, as a number or as the text of one."""
    try:
        number = float(value) if isinstance(value, int | float | str) else math.nan
        return datetime.fromtimestamp(number, UTC)
    except (ValueError, OverflowError):
        return None


def index(world: World, call: Call) -> Json:
    params = call.params
    bounds = {name: _bound(params, name) for name in ("timestamp_from", "timestamp_to")}
    code, subscription = scalar(params, "code"), scalar(params, "external_subscription_id")
    first, last = bounds["timestamp_from"], bounds["timestamp_to"]
    chosen = [
        row
        for row in world.events
        if (not code or row.code == code)
        and (not subscription or row.external_subscription_id == subscription)
        and (first is None or row.timestamp >= first)
        and (last is None or row.timestamp <= last)
    ]
    rows, meta = page(chosen, params)
    return {"events": [event_json(row) for row in rows], "meta": meta}


def _bound(params: Json, name: str) -> datetime | None:
    value = scalar(params, name)
    if not value:
        return None
    at = instant(value)
    if at is None:
        raise invalid_field(name, "invalid_date")
    return at


def show(world: World, call: Call) -> Json:
    found = next((row for row in world.events if row.transaction_id == call.id), None)
    if found is None:
        raise not_found("event")
    return {"event": event_json(found)}
