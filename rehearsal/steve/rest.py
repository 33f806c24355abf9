"""The stand-in's REST API: idTags and transactions, as SteVe's OpenAPI description has them."""

import base64
import hmac
import json
import re
from typing import Any
from urllib.parse import parse_qsl

from rehearsal.stand_in.messages import Reply, Request
from rehearsal.steve import id_tags, transactions
from rehearsal.steve.tables import iso
from rehearsal.steve.world import NOT_UNDERSTOOD, RefusalError, World

PREFIX = "/steve/api"
ONE_ID_TAG = re.compile(r"/v1/ocppTags/(\d+)")
REASONS = {
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    422: "Unprocessable Entity",
    500: "Internal Server Error",
}


def answer(world: World, request: Request) -> Reply:
    try:
        with world.lock:
            return _answer(world, request)
    except RefusalError as refusal:
        return refused(world, request, refusal.status, str(refusal))


def refused(world: World, request: Request, status: int, message: str) -> Reply:
    """Return the API's `ApiErrorResponse`."""
    body = {
        "timestamp": iso(world.now()),
        "status": status,
        "error": REASONS.get(status, "Error"),
        "message": message,
        "path": request.path,
    }
    headers = {"WWW-Authenticate": "Basic"} if status == 401 else {}
    return Reply.json(body, status, headers)


def is_authorised(request: Request, username: str, key: str) -> bool:
    expected = "Basic " + base64.b64encode(f"{username}:{key}".encode()).decode()
    return hmac.compare_digest(request.headers.get("authorization", "").encode(), expected.encode())


def _answer(world: World, request: Request) -> Reply:
    path = request.path.removeprefix(PREFIX)
    query = dict(parse_qsl(request.query))
    one = ONE_ID_TAG.fullmatch(path)
    match request.method, path:
        case "GET", "/v1/ocppTags":
            return Reply.json([id_tags.overview(world, tag) for tag in id_tags.filtered(world, query)])
        case "POST", "/v1/ocppTags":
            return Reply.json(id_tags.overview(world, id_tags.create(world, _form(request))), 201)
        case "GET", "/v1/transactions":
            found = transactions.filtered(world, query)
            return Reply.json([transactions.shown(world, session) for session in found])
        case "GET" | "PUT" | "DELETE", _ if one:
            return Reply.json(_one(world, request, int(one[1])))
    raise RefusalError(404, "No message available")


def _one(world: World, request: Request, pk: int) -> dict[str, Any]:
    tag = world.tag_by_pk(pk)
    if request.method == "PUT":
        id_tags.replace(world, tag, _form(request))
    shown = id_tags.overview(world, tag)
    if request.method == "DELETE":
        world.delete_tag(pk)
    return shown


def _form(request: Request) -> dict[str, Any]:
    try:
        form = json.loads(request.body)
    except ValueError:
        form = None
    if not isinstance(form, dict):
        raise RefusalError(400, NOT_UNDERSTOOD)
    return form
