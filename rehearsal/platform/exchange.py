"""How the platform's requests are met: each on a thread, as they wait for a database and other systems."""

from functools import partial

from rehearsal.platform.pages import PAGES, Site, missing
from rehearsal.stand_in.exchange import Exchange, Work
from rehearsal.stand_in.faults import Faults, Kind
from rehearsal.stand_in.messages import HTML_502, Reply, Request

ERROR_500 = Reply.json({"error": "Internal Server Error"}, 500)

INSTEAD = {
    Kind.ERROR_500: ERROR_500,
    Kind.ERROR_500_AFTER: ERROR_500,
    Kind.HTML_502: HTML_502,
    Kind.NOT_JSON: Reply(200, b"<!doctype html><title>Welcome</title>", "text/html"),
    Kind.WRONG_JSON: Reply.json({"unexpected": True}),
}


class PlatformExchange(Exchange):
    kinds = frozenset({*INSTEAD, Kind.RESET_BEFORE, Kind.RESET_AFTER, Kind.PAUSE_BEFORE, Kind.PAUSE_AFTER})

    def __init__(self, site: Site) -> None:
        super().__init__(INSTEAD, Faults())
        self.site = site

    def work(self, request: Request) -> Work:
        page = PAGES.get((request.method, request.path), missing)
        return Work(request.path, partial(page, self.site, request), waits=True)
