"""From a raw path to an endpoint, as Rails' router does it.

Patterns match the path as it came over the wire; the id is decoded afterwards. So `%2F` and `%2E` are
part of an id, while a bare dot in a customer's id starts a format suffix and names another customer.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from urllib.parse import unquote

from rehearsal.lago import events, invoices, organization, plans
from rehearsal.lago.customers import endpoints as customers
from rehearsal.lago.customers import upsert, usage
from rehearsal.lago.params import Call
from rehearsal.lago.prepaid import applied, coupons, wallets
from rehearsal.lago.subscriptions import create as subscription_create
from rehearsal.lago.subscriptions import endpoints as subscriptions
from rehearsal.lago.webhooks import endpoints as webhook_endpoints
from rehearsal.lago.world import World
from rehearsal.stand_in.messages import Json, Reply

Endpoint = Callable[[World, Call], Json | Reply]

API = "/api/v1"
FORMAT = r"(?:\.[^/.]+)?"
PLAIN = rf"(?P<id>[^/.]+){FORMAT}"  # a dot ends the id
DOTTED = r"(?P<id>[^/]+)"
ANYTHING = r"(?P<id>.+)"
PLAN_NESTED = r"[^/]+/(?:charges|entitlements|fixed_charges|metadata)(?:/|$)"


@dataclass(frozen=True, slots=True)
class Route:
    """`name` is how the request counters call it; `resource` is the permission it needs."""

    method: str
    name: str
    pattern: re.Pattern[str]
    endpoint: Endpoint
    resource: str
    public: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    route: Route
    id: str


def normalized(path: str) -> str:
    """Drop a trailing slash and repeated ones."""
    return re.sub("//+", "/", path).rstrip("/") or "/"


def match(method: str, path: str, *, dotted_subscription_ids: bool) -> Match | None:
    path = normalized(path)
    for route in routes(dotted_subscription_ids=dotted_subscription_ids):
        if route.method == method and (found := route.pattern.fullmatch(path)):
            return Match(route, unquote(found.groupdict().get("id") or ""))
    return None


@cache
def routes(*, dotted_subscription_ids: bool) -> tuple[Route, ...]:
    subscription = DOTTED if dotted_subscription_ids else PLAIN
    return (
        Route("GET", "/health", re.compile("/health"), organization.health, "", public=True),
        Route("GET", "/ready", re.compile("/ready"), organization.ready, "", public=True),
        _route("GET", "/organizations", "", organization.show, "organization"),
        _route("GET", "/billing_entities", "", organization.billing_entities, "billing_entity"),
        _route("GET", "/billable_metrics", "", organization.metrics, "billable_metric"),
        _route("GET", "/billable_metrics", PLAIN, organization.metric, "billable_metric"),
        _route("POST", "/customers", "", upsert.upsert, "customer"),
        _route("GET", "/customers", "", customers.index, "customer"),
        _route("GET", "/customers", PLAIN, customers.show, "customer"),
        _route("DELETE", "/customers", PLAIN, customers.delete, "customer"),
        _of_customer("subscriptions", subscriptions.index_of_customer, "subscription"),
        _of_customer("current_usage", usage.current_usage, "customer"),
        _route("POST", "/subscriptions", "", subscription_create.create, "subscription"),
        _route("GET", "/subscriptions", "", subscriptions.index, "subscription"),
        _route("GET", "/subscriptions", subscription, subscriptions.show, "subscription"),
        _route("PUT", "/subscriptions", subscription, subscriptions.update, "subscription"),
        _route("DELETE", "/subscriptions", subscription, subscriptions.delete, "subscription"),
        _route("POST", "/events", "", events.create, "event"),
        _route("GET", "/events", "", events.index, "event"),
        Route("POST", "/events/batch", re.compile(f"{API}/events/batch"), events.create_batch, "event"),
        _route("GET", "/events", DOTTED, events.show, "event"),
        _route("GET", "/invoices", "", invoices.index, "invoice"),
        _route("GET", "/invoices", PLAIN, invoices.show, "invoice"),
        _route("GET", "/fees", "", invoices.fees, "fee"),
        _route("GET", "/credit_notes", "", invoices.credit_notes, "credit_note"),
        _route("POST", "/plans", "", plans.create, "plan"),
        _route("GET", "/plans", "", plans.index, "plan"),
        *_prepaid_routes(),
        _route("GET", "/webhooks/public_key", "", webhook_endpoints.key, "webhook_jwt_public_key"),
        _route("GET", "/webhooks/json_public_key", "", webhook_endpoints.json_key, "webhook_jwt_public_key"),
        _route("GET", "/webhook_endpoints", "", webhook_endpoints.index, "webhook_endpoint"),
        _route("POST", "/webhook_endpoints", "", webhook_endpoints.create, "webhook_endpoint"),
        *_webhook_endpoint_routes(),
        *_plan_routes(),
    )


def _prepaid_routes() -> list[Route]:
    nested = re.compile(rf"{API}/wallets/(?P<id>[^/.]+)/wallet_transactions{FORMAT}")
    one_of_customer = re.compile(rf"{API}/customers/(?P<id>[^/.]+/applied_coupons/[^/.]+){FORMAT}")
    name = "/customers/:id/applied_coupons/:id"
    return [
        _route("POST", "/wallets", "", wallets.create, "wallet"),
        _route("GET", "/wallets", "", wallets.index, "wallet"),
        _route("GET", "/wallets", PLAIN, wallets.show, "wallet"),
        _route("DELETE", "/wallets", PLAIN, wallets.delete, "wallet"),
        Route("GET", "/wallets/:id/wallet_transactions", nested, wallets.transactions, "wallet_transaction"),
        _route("POST", "/wallet_transactions", "", wallets.create_transactions, "wallet_transaction"),
        _route("POST", "/coupons", "", coupons.create, "coupon"),
        _route("GET", "/coupons", "", coupons.index, "coupon"),
        _route("GET", "/coupons", DOTTED, coupons.show, "coupon"),
        _route("DELETE", "/coupons", DOTTED, coupons.delete, "coupon"),
        _route("POST", "/applied_coupons", "", applied.create, "applied_coupon"),
        _route("GET", "/applied_coupons", "", applied.index, "applied_coupon"),
        _of_customer("applied_coupons", applied.index_of_customer, "applied_coupon"),
        Route("DELETE", name, one_of_customer, applied.delete, "applied_coupon"),
    ]


def _plan_routes() -> list[Route]:
    """A plan's code may hold slashes and dots, as long as it does not look like a nested resource."""
    code = rf"(?!{PLAN_NESTED}){ANYTHING}"
    verbs: dict[str, Endpoint] = {"GET": plans.show, "PUT": plans.update, "DELETE": plans.delete}
    return [_route(verb, "/plans", code, endpoint, "plan") for verb, endpoint in verbs.items()]


def _webhook_endpoint_routes() -> list[Route]:
    verbs: dict[str, Endpoint] = {
        "GET": webhook_endpoints.show,
        "PUT": webhook_endpoints.update,
        "DELETE": webhook_endpoints.delete,
    }
    path = "/webhook_endpoints"
    return [_route(verb, path, PLAIN, endpoint, "webhook_endpoint") for verb, endpoint in verbs.items()]


def _of_customer(nested: str, endpoint: Endpoint, resource: str) -> Route:
    pattern = re.compile(rf"{API}/customers/(?P<id>[^/.]+)/{nested}{FORMAT}")
    return Route("GET", f"/customers/:id/{nested}", pattern, endpoint, resource)


def _route(method: str, collection: str, member: str, endpoint: Endpoint, resource: str) -> Route:
    if member:
        pattern = re.compile(f"{API}{collection}/{member}")
        return Route(method, f"{collection}/:id", pattern, endpoint, resource)
    return Route(method, collection, re.compile(f"{API}{collection}{FORMAT}"), endpoint, resource)
