"""The stand-in's REST API: its addresses, and what each does, as SteVe's OpenAPI description has them."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote

from rehearsal.stand_in.messages import Reply, Request
from rehearsal.steve import id_tags, pages, transactions
from rehearsal.steve.cost import Cost
from rehearsal.steve.forms import TagForm
from rehearsal.steve.queries import Query, whole_number
from rehearsal.steve.tables import iso
from rehearsal.steve.tag_table import RefusalError
from rehearsal.steve.versions import V3_7, V3_12, V3_15, Version
from rehearsal.steve.world import World

PREFIX = f"{pages.CONTEXT}/api"
JSON, CSV = "application/json", "text/csv"


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an address. `pk` is the number in its path, 0 if there is none."""

    world: World
    request: Request
    pk: int

    @property
    def query(self) -> Query:
        return Query(self.request.query)

    def form(self) -> TagForm:
        return TagForm.read(self.request, self.world.version, self.world.now())


@dataclass(frozen=True, slots=True)
class Route:
    """An address of the API: `/v1/ocppTags/:pk`, there from a version on."""

    method: str
    shape: str
    do: Callable[[Call], Reply]
    since: Version = V3_7
    gives: str = JSON
    pattern: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        pattern = re.compile(re.escape(PREFIX + self.shape).replace(":pk", "([^/]+)"))
        object.__setattr__(self, "pattern", pattern)


def is_below(request: Request) -> bool:
    """Say whether an address belongs to the API at all."""
    return request.path == PREFIX or request.path.startswith(f"{PREFIX}/")


def routes_of(path: str, version: Version) -> list[Route]:
    """Return what an address can do; one that is spelled out goes before one with a number in it."""
    there = [one for one in ROUTES if one.since <= version and one.pattern.fullmatch(path)]
    return [one for one in there if one.shape == there[0].shape]


def shape(request: Request, version: Version) -> str:
    """Name what is asked for, without numbers and values: `/steve/api/v1/ocppTags?idTag`, for example."""
    found = routes_of(request.path, version)
    names = sorted({name for name, _ in parse_qsl(request.query, keep_blank_values=True)})
    path = PREFIX + found[0].shape if found else request.path
    return f"{path}?{'&'.join(names)}" if names else path


def work_ms(world: World, request: Request, cost: Cost) -> float:
    """Return what a call costs that has a login: whatever is about one idTag is paid for by all there are."""
    found = routes_of(request.path, world.version)
    match found[0].shape if found else "":
        case "/v1/ocppTags" if request.method == "GET" and not request.query:
            return cost.of(listed=len(world.tags))
        case path if path.startswith("/v1/ocppTags"):
            return cost.of(viewed=len(world.tags))
        case "/v1/transactions" if not request.query:
            return cost.of(listed=len(world.sessions))
    return cost.of()


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
        "error": HTTPStatus(status).phrase,
        "message": message,
        "path": request.path,
    }
    return Reply.json(body, status)


def _answer(world: World, request: Request) -> Reply:
    found = routes_of(request.path, world.version)
    methods = {one.method for one in found}
    if request.method == "OPTIONS" and found:
        return Reply(200, b"", headers={"Allow": ",".join(sorted(methods | {"OPTIONS"}))})
    wanted = "GET" if request.method == "HEAD" else request.method
    route = next((one for one in found if one.method == wanted), None)
    if route is None or not pages.takes(request, route.gives):
        return pages.no_such(request, world.version)
    return route.do(Call(world, request, _pk(route, request.path)))


def _pk(route: Route, path: str) -> int:
    """Read the number in a path; one that is none is refused."""
    match = route.pattern.fullmatch(path)
    return whole_number(unquote(match[1])) if match and match.groups() else 0


# --- IdTags ------------------------------------------------------------------------------------------


def _list_id_tags(call: Call) -> Reply:
    return Reply.json(id_tags.overviews(call.world, id_tags.filtered(call.world, call.query)))


def _create_id_tag(call: Call) -> Reply:
    return Reply.json(id_tags.overview(call.world, id_tags.create(call.world, call.form())), 201)


def _show_id_tag(call: Call) -> Reply:
    return Reply.json(id_tags.overview(call.world, call.world.tag_by_pk(call.pk)))


def _replace_id_tag(call: Call) -> Reply:
    form, tag = call.form(), call.world.tag_by_pk(call.pk)
    id_tags.replace(call.world, tag, form)
    return Reply.json(id_tags.overview(call.world, tag))


def _delete_id_tag(call: Call) -> Reply:
    shown = id_tags.overview(call.world, call.world.tag_by_pk(call.pk))
    call.world.delete_tag(call.pk)
    return Reply.json(shown)


def _expire_id_tag(call: Call) -> Reply:
    tag = call.world.tag_by_pk(call.pk)
    id_tags.expire(call.world, tag)
    return Reply.json(id_tags.overview(call.world, tag))


# --- Transactions ------------------------------------------------------------------------------------


def _list_transactions(call: Call) -> Reply:
    found = transactions.filtered(call.world, call.query)
    return Reply.json([transactions.shown(call.world, session) for session in found])


def _show_transaction(call: Call) -> Reply:
    session = transactions.by_pk(call.world, call.pk)
    return Reply.json(transactions.details(call.world, session))


def _stop_transaction(call: Call) -> Reply:
    transactions.stop(call.world, transactions.by_pk(call.world, call.pk))
    return Reply(200, b"")


def _report(call: Call) -> Reply:
    return Reply(200, transactions.report(call.world, call.query), CSV)


ROUTES = (
    Route("GET", "/v1/ocppTags", _list_id_tags),
    Route("POST", "/v1/ocppTags", _create_id_tag),
    Route("GET", "/v1/ocppTags/:pk", _show_id_tag),
    Route("PUT", "/v1/ocppTags/:pk", _replace_id_tag),
    Route("DELETE", "/v1/ocppTags/:pk", _delete_id_tag),
    Route("PATCH", "/v1/ocppTags/:pk/expire", _expire_id_tag, V3_15),
    Route("GET", "/v1/transactions", _list_transactions),
    Route("GET", "/v1/transactions/reports/csv", _report, V3_15, CSV),
    Route("GET", "/v1/transactions/:pk", _show_transaction, V3_12),
    Route("PATCH", "/v1/transactions/:pk/stop", _stop_transaction, V3_15),
)
