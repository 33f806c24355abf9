"""SteVe's own controls below /sandbox, beside those that every stand-in has.

GET state; POST mapping, charge-boxes, id-tags, usage, key, latency.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from rehearsal.stand_in.messages import Json
from rehearsal.stand_in.steering import Controls
from rehearsal.steve import id_tags, transactions
from rehearsal.steve.exchange import SteveExchange
from rehearsal.steve.usage import Usage, UsageBehaviour
from rehearsal.steve.world import World


@dataclass(slots=True)
class Steve:
    """All parts of one running stand-in. `mapping`: subscription by idTag, in exact spelling."""

    world: World
    exchange: SteveExchange
    usage: Usage
    mapping: dict[str, str] = field(default_factory=dict)


def controls(steve: Steve) -> Controls:
    return {name: partial(action, steve) for name, action in ACTIONS.items()}


def _state(steve: Steve, _: Json) -> Json:
    world = steve.world
    return {
        "charge_boxes": sorted(world.charge_boxes),
        "id_tags": [id_tags.overview(world, tag) for tag in world.tags.values()],
        "transactions": [transactions.shown(world, session) for session in world.sessions.values()],
        "events": list(steve.usage.sent),
        "skipped": list(steve.usage.skipped),
        "mapping": dict(steve.mapping),
        "requests": dict(steve.exchange.log.counts),
    }


def _mapping(steve: Steve, body: Json) -> None:
    """Add rules idTag → subscription's external_id; null takes one away."""
    for id_tag, subscription in body.items():
        steve.mapping.pop(id_tag, None)
        if subscription:
            steve.mapping[id_tag] = str(subscription)


def _charge_boxes(steve: Steve, body: Json) -> None:
    for charge_box_id in body["charge_boxes"]:
        steve.world.add_charge_box(str(charge_box_id))


def _id_tags(steve: Steve, body: Json) -> Json:
    """Insert or change an idTag, into states that the API would refuse too (expired, for example)."""
    given = {name: value for name, value in body.items() if name != "id_tag"}
    if given.get("expiry_date"):
        given["expiry_date"] = datetime.fromisoformat(given["expiry_date"])
    tag = steve.world.tag(body["id_tag"]) or steve.world.add_tag(body["id_tag"])
    unknown = given.keys() - ID_TAG_FIELDS
    if unknown:
        raise ValueError(f"settable: {', '.join(sorted(ID_TAG_FIELDS))}")
    for name, value in given.items():
        setattr(tag, name, value)
    return id_tags.overview(steve.world, tag)


def _usage(steve: Steve, body: Json) -> None:
    """Set how the platform behaves; what is not given goes back to normal."""
    steve.usage.behaviour = UsageBehaviour(**body)


def _key(steve: Steve, body: Json) -> None:
    steve.exchange.refuse_key = bool(body["refuse"])


def _latency(steve: Steve, body: Json) -> None:
    steve.exchange.latency_s = float(body["seconds"])


ID_TAG_FIELDS = {"max_active_transaction_count", "parent_id_tag", "expiry_date", "note", "user_pk"}

ACTIONS: dict[tuple[str, str], Callable[[Steve, Json], Json | None]] = {
    ("GET", "state"): _state,
    ("POST", "mapping"): _mapping,
    ("POST", "charge-boxes"): _charge_boxes,
    ("POST", "id-tags"): _id_tags,
    ("POST", "usage"): _usage,
    ("POST", "key"): _key,
    ("POST", "latency"): _latency,
}
