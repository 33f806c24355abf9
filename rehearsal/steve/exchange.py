"""What happens to one HTTP request between its arrival and its reply: delay, fault, work."""

import asyncio
from collections import Counter

from rehearsal.stand_in.faults import Fault, Faults, Kind
from rehearsal.stand_in.messages import HTML_502, RESET, Delivery, Reply, Request
from rehearsal.steve import rest
from rehearsal.steve.world import World

HTML_200 = Reply(200, b"<!doctype html><title>Welcome</title>", "text/html")
ERROR_500 = Reply.json({"status": 500, "error": "Internal Server Error", "message": "Sandbox fault"}, 500)

# What a fault puts in the reply's place, without and with the work done.
BEFORE = {
    Kind.RESET_BEFORE: RESET,
    Kind.ERROR_500: Delivery(ERROR_500),
    Kind.HTML_502: Delivery(HTML_502),
}
AFTER = {
    Kind.RESET_AFTER: RESET,
    Kind.ERROR_500_AFTER: Delivery(ERROR_500),
    Kind.NOT_JSON: Delivery(HTML_200),
    Kind.WRONG_JSON: Delivery(Reply.json({"unexpected": True})),
}
KINDS = {*BEFORE, *AFTER, Kind.PAUSE_BEFORE, Kind.PAUSE_AFTER}


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

    async def answer(self, request: Request) -> Delivery:
        self.counts[f"{request.method} {request.path}"] += 1
        fault = self.faults.pick(request)
        if self.latency_s:
            await asyncio.sleep(self.latency_s)
        if fault and fault.kind in BEFORE:
            return BEFORE[fault.kind]
        if fault and fault.kind is Kind.PAUSE_BEFORE:
            await fault.hold(self.counts.total())
        reply = self._work(request)
        return await self._after(fault, reply) if fault else Delivery(reply)

    def _work(self, request: Request) -> Reply:
        if self.refuse_key or not rest.is_authorised(request, self.username, self.key):
            return rest.refused(self.world, request, 401, "Full authentication is required")
        return rest.answer(self.world, request)

    async def _after(self, fault: Fault, reply: Reply) -> Delivery:
        if fault.kind is Kind.PAUSE_AFTER:
            await fault.hold(self.counts.total())
        return AFTER.get(fault.kind, Delivery(reply))
