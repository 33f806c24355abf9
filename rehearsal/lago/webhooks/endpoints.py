"""The endpoints that webhooks go to, and the public key that they are checked with."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from rehearsal.lago.clock import seconds
from rehearsal.lago.errors import not_found, raise_if_any, root_missing
from rehearsal.lago.paging import page
from rehearsal.lago.params import Call, as_string, root
from rehearsal.lago.webhooks.outbox import WebhookEndpoint
from rehearsal.lago.webhooks.signature import public_key
from rehearsal.lago.world import World
from rehearsal.stand_in.messages import Json, Reply

ALGORITHMS = ("jwt", "hmac")


def endpoint_json(world: World, row: WebhookEndpoint) -> Json:
    return {
        "lago_id": row.lago_id,
        "lago_organization_id": world.organization.lago_id,
        "webhook_url": row.webhook_url,
        "signature_algo": row.signature_algo,
        "name": row.name,
        "event_types": row.event_types,
        "created_at": seconds(row.created_at),
    }


def index(world: World, call: Call) -> Json:
    rows, meta = page(world.webhooks.endpoints, call.params)
    return {"webhook_endpoints": [endpoint_json(world, row) for row in rows], "meta": meta}


def show(world: World, call: Call) -> Json:
    return {"webhook_endpoint": endpoint_json(world, _find(world, call.id))}


def create(world: World, call: Call) -> Json:
    sent = _sent(call)
    _check(world, sent, None)
    row = WebhookEndpoint(str(sent["webhook_url"]), "jwt", created_at=world.now())
    _change(row, sent)
    world.webhooks.endpoints.append(row)
    return {"webhook_endpoint": endpoint_json(world, row)}


def update(world: World, call: Call) -> Json:
    row, sent = _find(world, call.id), _sent(call)
    _check(world, sent, row)
    row.webhook_url = str(sent["webhook_url"])
    _change(row, sent)
    return {"webhook_endpoint": endpoint_json(world, row)}


def delete(world: World, call: Call) -> Json:
    row = _find(world, call.id)
    world.webhooks.endpoints.remove(row)
    return {"webhook_endpoint": endpoint_json(world, row)}


def key(world: World, call: Call) -> Reply:
    return Reply(200, public_key().encode(), "text/plain; charset=utf-8")


def json_key(world: World, call: Call) -> Json:
    return {"webhook": {"public_key": public_key()}}


def _sent(call: Call) -> Json:
    sent = root(call.params, "webhook_endpoint")
    if sent is None:
        raise root_missing("webhook_endpoint")
    return sent


def _find(world: World, lago_id: str) -> WebhookEndpoint:
    found = next((row for row in world.webhooks.endpoints if row.lago_id == lago_id), None)
    if found is None:
        raise not_found("webhook_endpoint")
    return found


def _check(world: World, sent: Json, row: WebhookEndpoint | None) -> None:
    problems: dict[str, list[str]] = {}
    url = as_string(sent.get("webhook_url")) or ""
    taken = any(other.webhook_url == url for other in world.webhooks.endpoints if other is not row)
    if not url:
        problems["webhook_url"] = ["value_is_mandatory"]
    elif urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
        problems["webhook_url"] = ["url_is_invalid"]
    elif taken:
        problems["webhook_url"] = ["value_already_exist"]
    if sent.get("signature_algo") not in (None, *ALGORITHMS):
        problems["signature_algo"] = ["value_is_invalid"]
    raise_if_any(problems)


def _change(row: WebhookEndpoint, sent: Mapping[str, object]) -> None:
    if sent.get("signature_algo"):
        row.signature_algo = str(sent["signature_algo"])
    if "name" in sent:
        row.name = as_string(sent["name"])
    if "event_types" in sent:
        kinds = sent["event_types"]
        row.event_types = [str(kind) for kind in kinds] if isinstance(kinds, list) and kinds else None
