"""The control interface below /sandbox: look into the stand-in and steer it, over HTTP or from Python.

GET state, held; POST mapping, charge-boxes, id-tags, usage, faults, faults/clear, release, key, latency.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from rehearsal.stand_in.faults import fault, parse_fault
from rehearsal.stand_in.messages import Json
from rehearsal.steve import id_tags, transactions
from rehearsal.steve.exchange import KINDS, Exchange
from rehearsal.steve.usage import Usage, UsageBehaviour
from rehearsal.steve.world import World

PREFIX = "/sandbox/"
POLL_S = 0.002


class UnknownControlError(Exception):
    """There is no such control; the message names those there are."""


@dataclass(slots=True)
class Steve:
    """All parts of one running stand-in. `mapping`: subscription by idTag, in exact spelling."""

    world: World
    exchange: Exchange
    usage: Usage
    mapping: dict[str, str] = field(default_factory=dict)


async def control(steve: Steve, method: str, name: str, body: Json) -> Json:
    """Carry out one control; raise UnknownControlError, or ValueError, TypeError, KeyError for a bad body."""
    if (method, name) == ("GET", "held"):
        return await _held(steve, float(body.get("timeout_s", 0)))
    action = ACTIONS.get((method, name))
    if action is None:
        raise UnknownControlError(", ".join(f"{verb} {PREFIX}{path}" for verb, path in ACTIONS))
    with steve.world.lock:
        return action(steve, body) or {}


async def _held(steve: Steve, timeout_s: float) -> Json:
    """Wait until a pausing fault holds a call, at most so long."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    while not steve.exchange.faults.held() and loop.time() < deadline:
        await asyncio.sleep(POLL_S)
    return {"held": steve.exchange.faults.held()}


def _state(steve: Steve, _: Json) -> Json:
    world = steve.world
    return {
        "charge_boxes": sorted(world.charge_boxes),
        "id_tags": [id_tags.overview(world, tag) for tag in world.tags.values()],
        "transactions": [transactions.shown(world, session) for session in world.sessions.values()],
        "events": list(steve.usage.sent),
        "skipped": list(steve.usage.skipped),
        "mapping": dict(steve.mapping),
        "requests": dict(steve.exchange.counts),
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


def _faults(steve: Steve, body: Json) -> None:
    added = parse_fault(body["spec"]) if "spec" in body else fault(body)
    if added.kind not in KINDS:
        raise ValueError(f"kinds: {', '.join(sorted(KINDS))}")
    steve.exchange.faults.all.append(added)


def _clear_faults(steve: Steve, _: Json) -> None:
    steve.exchange.faults.clear()


def _release(steve: Steve, _: Json) -> None:
    steve.exchange.faults.release()


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
    ("POST", "faults"): _faults,
    ("POST", "faults/clear"): _clear_faults,
    ("POST", "release"): _release,
    ("POST", "key"): _key,
    ("POST", "latency"): _latency,
}
