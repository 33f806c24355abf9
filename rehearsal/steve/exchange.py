"""How SteVe's requests are met: with the key or not at all, with SteVe's words where a fault strikes."""

from functools import partial

from rehearsal.stand_in.exchange import Exchange, Work
from rehearsal.stand_in.faults import Faults, Kind
from rehearsal.stand_in.messages import HTML_502, Reply, Request
from rehearsal.steve import rest
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
    """`refuse_key` answers every call with 401, whatever its key."""

    kinds = frozenset({*INSTEAD, Kind.RESET_BEFORE, Kind.RESET_AFTER, Kind.PAUSE_BEFORE, Kind.PAUSE_AFTER})

    def __init__(self, world: World, username: str, key: str) -> None:
        super().__init__(INSTEAD, Faults())
        self.world = world
        self.username = username
        self.key = key
        self.refuse_key = False

    def work(self, request: Request) -> Work:
        return Work(request.path, partial(self._do, request))

    def _do(self, request: Request) -> Reply:
        if self.refuse_key or not rest.is_authorised(request, self.username, self.key):
            return rest.refused(self.world, request, 401, "Full authentication is required")
        return rest.answer(self.world, request)
