"""What happens to one HTTP request between its arrival and its reply: delay, fault, work."""

import asyncio
from collections import Counter

from billing.sandbox.faults import Fault, Faults, Kind
from billing.sandbox.values import Reply, Request
from customers.steve_sandbox import rest
from customers.steve_sandbox.world import World

HTML_502 = Reply(502, b"<html><body><h1>502 Bad Gateway</h1></body></html>", "text/html")
HTML_200 = Reply(200, b"<!doctype html><title>Welcome</title>", "text/html")
ERROR_500 = Reply.json({"status": 500, "error": "Internal Server Error", "message": "Sandbox fault"}, 500)

# What a fault puts in the reply's place (None: the connection is lost), without and with the work done.
BEFORE: dict[Kind, Reply | None] = {
    Kind.RESET_BEFORE: None,
    Kind.ERROR_500: ERROR_500,
    Kind.HTML_502: HTML_502,
}
AFTER: dict[Kind, Reply | None] = {
    Kind.RESET_AFTER: None,
    Kind.ERROR_500_AFTER: ERROR_500,
    Kind.NOT_JSON: HTML_200,
    Kind.WRONG_JSON: Reply.json({"unexpected": True}),
}


class Exchange:
    """`refuse_key` answers every call with 401, whatever its key; `latency_s` passes before the work."""

    def __init__(self, world: World, username: str, key: str) -> None:
        self.world = world
        self.username = username
        self.key = key
        self.refuse_key = False
        self.latency_s = 0.0
        self.faults = Faults()
        self.counts: Counter[str] = Counter()

    async def answer(self, request: Request) -> Reply | None:
        self.counts[f"{request.method} {request.path}"] += 1
        fault = self.faults.pick(request)
        if self.latency_s:
            await asyncio.sleep(self.latency_s)
        if fault and fault.kind in BEFORE:
            return BEFORE[fault.kind]
        if fault and fault.kind is Kind.PAUSE_BEFORE:
            await fault.hold(self.counts.total())
        reply = self._work(request)
        return await self._after(fault, reply) if fault else reply

    def _work(self, request: Request) -> Reply:
        if self.refuse_key or not rest.is_authorised(request, self.username, self.key):
            return rest.refused(self.world, request, 401, "Full authentication is required")
        return rest.answer(self.world, request)

    async def _after(self, fault: Fault, reply: Reply) -> Reply | None:
        if fault.kind is Kind.PAUSE_AFTER:
            await fault.hold(self.counts.total())
        return AFTER.get(fault.kind, reply)
