"""One request to Lago carried out: routed, authorized, executed, answered. No I/O."""

import json
from collections.abc import Sequence
from typing import Any

from rehearsal.lago.behaviour import Compat
from rehearsal.lago.clock import quiet
from rehearsal.lago.errors import RefusedError, bad_request, forbidden, not_found, unauthorized
from rehearsal.lago.params import Call, parse_query
from rehearsal.lago.prepaid.coupons import CouponSpec, put_coupons
from rehearsal.lago.routing import Match, Route, match
from rehearsal.lago.seeds import PlanSpec, plant
from rehearsal.lago.world import World
from rehearsal.stand_in.messages import Json, Reply, Request

UNROUTED = "(unrouted)"


class Lago:
    def __init__(
        self,
        compat: Compat,
        key: str,
        plans: list[PlanSpec],
        coupons: Sequence[CouponSpec] = (),
        payment_providers: Sequence[str] = (),
        *,
        on_a_quiet_day: bool = False,
    ) -> None:
        self._compat = compat
        self._key = key
        self._plans = plans
        self._coupons = coupons
        self._payment_providers = payment_providers
        self._on_a_quiet_day = on_a_quiet_day
        self.world = World(compat)
        self._choose_day()

    def begin(self) -> None:
        """Begin, or begin again, with plans, coupons and a metric; organization and webhooks stay."""
        lago_id, webhooks = self.world.organization.lago_id, self.world.webhooks
        self.world = World(self._compat)
        self._choose_day()
        self.world.organization.lago_id = lago_id
        self.world.webhooks = webhooks
        webhooks.forget()
        plant(self.world, self._plans)
        put_coupons(self.world, self._coupons)
        self.world.organization.payment_providers = [*self._payment_providers]

    def _choose_day(self) -> None:
        now = self.world.now()
        if self._on_a_quiet_day and quiet(now) != now:
            self.world.clock.set(quiet(now), frozen=False)

    def route(self, request: Request) -> Match | None:
        dotted = self.world.behaviour.dotted_subscription_ids
        return match(request.method, request.path, dotted_subscription_ids=dotted)

    def answer(self, request: Request, found: Match | None) -> Reply:
        try:
            done = self._execute(request, found)
            return done if isinstance(done, Reply) else Reply.json(done)
        except RefusedError as refused:
            if refused.status == 400 and refused.body == bad_request().body:
                return _unparsable(request, refused)
            return Reply.json(refused.body, refused.status)

    def _execute(self, request: Request, found: Match | None) -> Json | Reply:
        if found is None:
            raise not_found("resource")
        params = _params(request)
        if not found.route.public:
            self._authorize(request, found.route)
        return found.route.endpoint(self.world, Call(found.id, params))

    def _authorize(self, request: Request, route: Route) -> None:
        """Only the second word of the header counts; the scheme is never looked at."""
        words = request.headers.get("authorization", "").split(" ")
        if len(words) < 2 or words[1] != self._key:
            raise unauthorized()
        mode = "read" if request.method == "GET" else "write"
        if mode not in self.world.organization.permissions.get(route.resource, (mode,)):
            raise forbidden(f"{mode}_action_not_allowed_for_{route.resource}")


def _params(request: Request) -> Json:
    """Merge query and JSON body, of DELETE too."""
    sent: Any = {}
    if request.body and "json" in request.headers.get("content-type", ""):
        try:
            sent = json.loads(request.body)
        except ValueError:
            raise bad_request() from None
    query = parse_query(request.query)
    return {**sent, **query} if isinstance(sent, dict) else query


def _unparsable(request: Request, refused: RefusedError) -> Reply:
    """A body that is not JSON fails before the format is settled: the answer follows `Accept`."""
    if "json" in request.headers.get("accept", ""):
        return Reply.json(refused.body, refused.status)
    return Reply(refused.status, b"", "text/html; charset=utf-8")
