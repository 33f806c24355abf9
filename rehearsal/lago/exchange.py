"""What happens to one request between its arrival and its reply: delay, limit, fault, work."""

import asyncio
import time

from rehearsal.lago.api import UNROUTED, Lago
from rehearsal.lago.routing import Match
from rehearsal.stand_in.faults import Fault, Faults, Kind
from rehearsal.stand_in.messages import HTML_502, RESET, Delivery, Reply, Request
from rehearsal.stand_in.request_log import Entry, RequestLog

ERROR_500 = Reply.json({"status": 500, "error": "Internal Server Error"}, 500)
CLOUD_LIMIT = 50  # calls per second that Lago's own cloud allows
TOO_MANY = {"status": 429, "error": "Too Many Requests"}


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


class Exchange:
    def __init__(self, lago: Lago, latency_s: float, rate_limit: int) -> None:
        self.lago = lago
        self.log = RequestLog()
        self.faults = Faults()
        self.latency_s = latency_s
        self.rate_limit = RateLimit(rate_limit)

    async def answer(self, request: Request) -> Delivery:
        found = self.lago.route(request)
        entry = self.log.open(request.method, request.path, found.route.name if found else UNROUTED)
        try:
            delivery = await self._answer(request, found, entry)
        finally:
            self.log.close()
        entry.status = delivery.reply.status if delivery.reply else None
        return delivery

    async def _answer(self, request: Request, found: Match | None, entry: Entry) -> Delivery:
        """Half of the latency passes before the work and half after, so that a client can die in either."""
        arrived = asyncio.get_running_loop().time()
        if not self.rate_limit.admit():
            return Delivery(Reply.json(TOO_MANY, 429, self.rate_limit.headers()))
        fault = self.faults.pick(request)
        entry.fault = fault.kind.value if fault else None
        await _until(arrived + self.latency_s / 2)
        refusal = await _before(fault, entry) if fault else None
        if refusal:
            return refusal
        reply = self.lago.answer(request, found)
        if self.rate_limit.per_second:
            reply = Reply(reply.status, reply.body, reply.content_type, self.rate_limit.headers())
        await _until(arrived + self.latency_s)
        return await _after(fault, entry, reply) if fault else Delivery(reply)


async def _until(moment: float) -> None:
    """Sleep to a point in time, so that the delays of one call do not add up their inaccuracies."""
    left = moment - asyncio.get_running_loop().time()
    if left > 0:
        await asyncio.sleep(left)


async def _before(fault: Fault, entry: Entry) -> Delivery | None:
    """Give the answer of a call whose work is not done, or None to go on with the work."""
    match fault.kind:
        case Kind.RESET_BEFORE:
            return RESET
        case Kind.HANG_BEFORE:
            await asyncio.sleep(fault.seconds)
            return RESET
        case Kind.ERROR_500:
            return Delivery(ERROR_500)
        case Kind.HTML_502:
            return Delivery(HTML_502)
        case Kind.TOO_MANY:
            return Delivery(Reply.json(TOO_MANY, 429, quota(CLOUD_LIMIT, 0)))
        case Kind.PAUSE_BEFORE:
            await fault.hold(entry.number)
    return None


async def _after(fault: Fault, entry: Entry, reply: Reply) -> Delivery:
    """Give the answer of a call whose work is done."""
    match fault.kind:
        case Kind.RESET_AFTER:
            return RESET
        case Kind.TIMEOUT_AFTER:
            await asyncio.sleep(fault.seconds)
            return RESET
        case Kind.ERROR_500_AFTER:
            return Delivery(ERROR_500)
        case Kind.TRUNCATED:
            return Delivery(reply, cut=len(reply.body) // 2)
        case Kind.WRONG_JSON:
            return Delivery(Reply.json(["unexpected"]))
        case Kind.NOT_JSON:
            return Delivery(Reply(200, b"<!doctype html><title>Welcome</title>"))
        case Kind.PAUSE_AFTER:
            await fault.hold(entry.number)
    return Delivery(reply)
