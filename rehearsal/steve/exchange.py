"""How SteVe's requests are met: past a proxy, with a login or not at all, and with what it costs."""

from dataclasses import replace
from functools import partial

from rehearsal.stand_in.exchange import Exchange, Work
from rehearsal.stand_in.faults import Faults, Kind
from rehearsal.stand_in.messages import HTML_502, Reply, Request
from rehearsal.steve import pages, proxy, rest
from rehearsal.steve.cost import Cost
from rehearsal.steve.logins import Logins, RefusedLoginError
from rehearsal.steve.proxy import Proxy
from rehearsal.steve.world import World

HTML_200 = Reply(200, b"<!doctype html><title>Welcome</title>", "text/html")
ERROR_500 = Reply.json({"status": 500, "error": "Internal Server Error", "message": "Sandbox fault"}, 500)

INSTEAD = {
    Kind.ERROR_500: ERROR_500,
    Kind.ERROR_500_AFTER: ERROR_500,
    Kind.HTML_502: HTML_502,
    Kind.NOT_JSON: HTML_200,
    Kind.WRONG_JSON: Reply.json({"unexpected": True}),
}


class SteveExchange(Exchange):
    kinds = frozenset({*INSTEAD, Kind.RESET_BEFORE, Kind.RESET_AFTER, Kind.PAUSE_BEFORE, Kind.PAUSE_AFTER})

    def __init__(self, world: World, logins: Logins, cost: Cost) -> None:
        super().__init__(INSTEAD, Faults())
        self.world = world
        self.logins = logins
        self.cost = cost
        self.proxy = Proxy()

    def work(self, request: Request) -> Work:
        name = rest.shape(request, self.world.version)
        if self.proxy.strikes(request):
            if self.proxy.does == proxy.SAYS_404:
                return Work(name, partial(pages.jetty, request, 404))
            request = _without_login(request)
        return Work(name, partial(self._do, request), partial(self._done_at, request))

    def _do(self, request: Request) -> Reply:
        reply = self._reply(request)
        return replace(reply, body=b"") if request.method == "HEAD" else reply

    def _reply(self, request: Request) -> Reply:
        if len(request.path) + len(request.query) > pages.LONGEST_ADDRESS:
            return pages.TOO_LONG
        if not rest.is_below(request):
            return pages.outside_the_api(request)
        try:
            turned_away = self.logins.turned_away(request)
        except RefusedLoginError as refusal:
            return rest.refused(self.world, request, 401, str(refusal))
        return turned_away or rest.answer(self.world, request)

    def _done_at(self, request: Request, now_s: float) -> float:
        return self.cost.done_at(now_s, self._work_ms(request))

    def _work_ms(self, request: Request) -> float:
        """Return what a call costs: nothing without a login, its check alone where that fails."""
        if not rest.is_below(request):
            return 0.0
        try:
            turned_away = self.logins.turned_away(request)
        except RefusedLoginError:
            return self.cost.of()
        return 0.0 if turned_away else rest.work_ms(self.world, request, self.cost)


def _without_login(request: Request) -> Request:
    headers = {name: value for name, value in request.headers.items() if name != "authorization"}
    return replace(request, headers=headers)
