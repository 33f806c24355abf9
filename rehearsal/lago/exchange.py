"""How Lago's requests are met: by route, within a limit, with Lago's words where a fault strikes."""

import time
from functools import partial

from rehearsal.lago.api import UNROUTED, Lago
from rehearsal.lago.clock import http_date
from rehearsal.lago.routing import Match
from rehearsal.stand_in.exchange import Exchange, Work
from rehearsal.stand_in.faults import Faults, Kind
from rehearsal.stand_in.messages import HTML_502, Reply, Request

API = "/api/v1"
CLOUD_LIMIT = 50  # calls per second that Lago's own cloud allows
ERROR_500 = Reply.json({"status": 500, "error": "Internal Server Error"}, 500)


class RateLimit:
    """A limit per second over all keys, as a gateway keeps it; 0 is no limit."""

    def __init__(self, per_second: int) -> None:
        self.per_second = per_second
        self._second = 0
        self._used = 0

    def admit(self) -> bool:
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._used = second, 0
        self._used += 1
        return not self.per_second or self._used <= self.per_second

    def headers(self) -> dict[str, str]:
        return quota(self.per_second, max(self.per_second - self._used, 0)) if self.per_second else {}


def quota(limit: int, remaining: int) -> dict[str, str]:
    figures = {"Limit": limit, "Remaining": remaining, "Reset": 1}
    return {f"X-RateLimit-{name}": str(figure) for name, figure in figures.items()}


def too_many(headers: dict[str, str]) -> Reply:
    return Reply.json({"status": 429, "error": "Too Many Requests"}, 429, headers)


INSTEAD = {
    Kind.ERROR_500: ERROR_500,
    Kind.ERROR_500_AFTER: ERROR_500,
    Kind.HTML_502: HTML_502,
    Kind.TOO_MANY: too_many(quota(CLOUD_LIMIT, 0)),
    Kind.WRONG_JSON: Reply.json(["unexpected"]),
    Kind.NOT_JSON: Reply(200, b"<!doctype html><title>Welcome</title>"),
}


class LagoExchange(Exchange):
    """Half of the latency passes before the work and half after, so that a client can die in either."""

    def __init__(self, lago: Lago, latency_s: float, rate_limit: int) -> None:
        super().__init__(INSTEAD, Faults(API))
        self.lago = lago
        self.latency_s = self.latency_after_s = latency_s / 2
        self.rate_limit = RateLimit(rate_limit)

    def work(self, request: Request) -> Work:
        found = self.lago.route(request)
        return Work(found.route.name if found else UNROUTED, partial(self._do, request, found))

    def turned_away(self) -> Reply | None:
        return None if self.rate_limit.admit() else too_many(self.rate_limit.headers())

    def _do(self, request: Request, found: Match | None) -> Reply:
        reply, clock = self.lago.answer(request, found), self.lago.world.clock
        headers = self.rate_limit.headers()
        if clock.is_set:  # Lago sends none, a proxy before it does: so it is known what day it is here
            headers["Date"] = http_date(clock.now())
        return Reply(reply.status, reply.body, reply.content_type, headers) if headers else reply
