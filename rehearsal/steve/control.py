"""SteVe's own controls below /sandbox, beside those that every stand-in has.

GET state; POST mapping, usage, latency, and what an administrator or the network does to a SteVe:
charge-boxes, id-tags, reservations, users, key, api, clock, cost, proxy.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from rehearsal.stand_in.messages import Json
from rehearsal.stand_in.steering import Controls
from rehearsal.steve import id_tags, transactions
from rehearsal.steve.exchange import SteveExchange
from rehearsal.steve.logins import WebUser
from rehearsal.steve.proxy import Proxy
from rehearsal.steve.tables import instant, iso
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
    tags = list(world.tags.values())
    return {
        "charge_boxes": sorted(world.charge_boxes),
        "id_tags": id_tags.overviews(world, tags),
        "transactions": [transactions.shown(world, session) for session in world.sessions.values()],
        "failed_stops": [failed.to_json() for failed in world.failed_stops],
        "reservations": [reservation.to_json() for reservation in world.reservations.values()],
        "user_links": [[tag.user_pk, tag.pk] for tag in tags if tag.user_pk is not None],
        "events": list(steve.usage.sent),
        "skipped": list(steve.usage.skipped),
        "mapping": dict(steve.mapping),
        "requests": dict(steve.exchange.log.counts),
        "cost_ms": steve.exchange.cost.spent_ms,
        "now": iso(world.now()),
    }


def _mapping(steve: Steve, body: Json) -> None:
    """Add rules idTag → subscription's external_id; null takes one away."""
    for id_tag, subscription in body.items():
        steve.mapping.pop(id_tag, None)
        if subscription:
            steve.mapping[id_tag] = str(subscription)


def _charge_boxes(steve: Steve, body: Json) -> None:
    """Have charge boxes, with a password (none: "") and an answer to their boot, if those are given."""
    for charge_box_id in body["charge_boxes"]:
        steve.world.add_charge_box(
            str(charge_box_id), password=body.get("password"), registration=body.get("registration")
        )


def _id_tags(steve: Steve, body: Json) -> Json:
    """Insert or change an idTag, into states that the API would refuse too (expired, for example)."""
    given = _checked(steve.world, {name: value for name, value in body.items() if name != "id_tag"})
    tag = steve.world.tag(body["id_tag"]) or steve.world.add_tag(body["id_tag"])
    for name, value in given.items():
        setattr(tag, name, value)
    return id_tags.overview(steve.world, tag)


def _checked(world: World, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields as the table keeps them; raise ValueError for what it could not keep."""
    for name, value in given.items():
        kinds = FIELDS.get(name)
        if kinds is None or isinstance(value, bool) or not isinstance(value, kinds):
            raise ValueError(f"settable: {', '.join(sorted(FIELDS))}, each of its kind")
    if not world.knows_parent(given.get("parent_id_tag")):
        raise ValueError("there is no such parent")
    expiry_date = given.get("expiry_date")
    return {**given, "expiry_date": instant(expiry_date)} if expiry_date else dict(given)


def _reservations(steve: Steve, body: Json) -> Json:
    """Reserve a charge box for an idTag, for an hour."""
    expires_at = steve.world.now() + timedelta(hours=1)
    return steve.world.reserve(body["id_tag"], str(body["charge_box_id"]), expires_at).to_json()


def _users(steve: Steve, body: Json) -> None:
    """Change or add a user of the API. SteVe notices when what it has read is ten minutes old."""
    user = WebUser(str(body["key"]), enabled=bool(body.get("enabled", True)))
    steve.exchange.logins.change(str(body["username"]), user)


def _key(steve: Steve, body: Json) -> None:
    """Refuse every key, at once."""
    steve.exchange.logins.refuse = bool(body["refuse"])


def _api(steve: Steve, body: Json) -> None:
    """Switch the API off or on, as if SteVe had been started so."""
    steve.exchange.logins.exposed = bool(body["on"])


def _clock(steve: Steve, body: Json) -> Json:
    """Put SteVe's clock so many seconds ahead of ours, or behind."""
    steve.world.offset = timedelta(seconds=float(body["offset_s"]))
    return {"now": iso(steve.world.now())}


def _cost(steve: Steve, body: Json) -> Json:
    """Let calls cost what they cost a real SteVe, times a factor; 0 switches it off."""
    cost = steve.exchange.cost
    cost.factor = float(body["factor"])
    return {"spent_ms": cost.spent_ms}


def _proxy(steve: Steve, body: Json) -> None:
    """Put a proxy in the way; without a word take it away."""
    steve.exchange.proxy = Proxy(**body)


def _usage(steve: Steve, body: Json) -> None:
    """Set how the platform behaves; what is not given goes back to normal."""
    steve.usage.behaviour = UsageBehaviour(**body)


def _latency(steve: Steve, body: Json) -> None:
    steve.exchange.latency_s = float(body["seconds"])


FIELDS: dict[str, tuple[type, ...]] = {
    "max_active_transaction_count": (int,),
    "parent_id_tag": (str, type(None)),
    "expiry_date": (str, type(None)),
    "note": (str, type(None)),
    "user_pk": (int, type(None)),
}

ACTIONS: dict[tuple[str, str], Callable[[Steve, Json], Json | None]] = {
    ("GET", "state"): _state,
    ("POST", "mapping"): _mapping,
    ("POST", "charge-boxes"): _charge_boxes,
    ("POST", "id-tags"): _id_tags,
    ("POST", "reservations"): _reservations,
    ("POST", "users"): _users,
    ("POST", "key"): _key,
    ("POST", "api"): _api,
    ("POST", "clock"): _clock,
    ("POST", "cost"): _cost,
    ("POST", "proxy"): _proxy,
    ("POST", "usage"): _usage,
    ("POST", "latency"): _latency,
}
