"""A customer's metadata: a payload replaces the set, and what it keeps it must name by id."""

from datetime import datetime

from rehearsal.lago.clock import seconds
from rehearsal.lago.errors import invalid_field
from rehearsal.lago.params import as_string
from rehearsal.lago.tables import new_id
from rehearsal.stand_in.messages import Json

MAX_ITEMS = 5
KEY_LENGTH = 20
VALUE_LENGTH = 100


def replaced(existing: list[Json], sent: Json, now: datetime) -> list[Json]:
    """Return the set that a payload leaves; raise RefusedError.

    New items are made before the unnamed old ones go: a key that is sent again without its id clashes
    with itself, as it does in Lago.
    """
    payload = sent.get("metadata")
    if not isinstance(payload, list):
        return existing
    items = [item for item in payload if isinstance(item, dict)]
    if len(items) > MAX_ITEMS:
        raise invalid_field("metadata", "invalid_count")
    taken = {item["key"] for item in existing}
    created = [_created(item, taken, now) for item in items if not item.get("id")]
    named = {item["id"]: item for item in items if item.get("id")}
    kept = [_updated(item, named[item["lago_id"]]) for item in existing if item["lago_id"] in named]
    return kept + created


def _created(item: Json, taken: set[str], now: datetime) -> Json:
    made: Json = {
        "lago_id": new_id(),
        "key": as_string(item.get("key")) or "",
        "value": as_string(item.get("value")) or "",
        "display_in_invoice": bool(item.get("display_in_invoice", False)),
        "created_at": seconds(now),
    }
    if made["key"] in taken:
        raise invalid_field("key", "value_already_exist")
    _check(made)
    taken.add(made["key"])
    return made


def _updated(old: Json, sent: Json) -> Json:
    texts: Json = {name: as_string(sent[name]) or "" for name in ("key", "value") if name in sent}
    made = {**old, **texts}
    if "display_in_invoice" in sent:
        made["display_in_invoice"] = bool(sent["display_in_invoice"])
    _check(made)
    return made


def _check(item: Json) -> None:
    for name, longest in (("key", KEY_LENGTH), ("value", VALUE_LENGTH)):
        if not item[name].strip():
            raise invalid_field(name, "value_is_mandatory")
        if len(item[name]) > longest:
            raise invalid_field(name, "value_is_too_long")
