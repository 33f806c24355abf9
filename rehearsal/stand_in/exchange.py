"""What happens to one request between its arrival and its reply: delay, fault, work."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rehearsal.stand_in.faults import Fault, Faults, Kind
from rehearsal.stand_in.messages import RESET, Delivery, Reply, Request
from rehearsal.stand_in.request_log import Entry, RequestLog


@dataclass(frozen=True, slots=True)
class Work:
    """What a request asks for. `name` is how the counters call it; `do` carries it out, once.

    `done_at` is given the loop's time in seconds, when the work may begin, and tells when it is done.
    What `waits` for others is done on a thread, beside the other requests; all else in one piece.
    """

    name: str
    do: Callable[[], Reply]
    done_at: Callable[[float], float] = float
    waits: bool = False


class Exchange(ABC):
    """Every request takes this way. A stand-in says what the work is, and what its faults reply.

    `instead` holds the reply that a fault puts in the place of the real one. Kinds that need none (resets,
    pauses) are not in it. `latency_s` is spent before the work, and `latency_after_s` after it.
    """

    kinds: frozenset[Kind] = frozenset(Kind)

    def __init__(self, instead: Mapping[Kind, Reply], faults: Faults) -> None:
        self.log = RequestLog()
        self.faults = faults
        self.latency_s = 0.0
        self.latency_after_s = 0.0
        self._instead = instead

    @abstractmethod
    def work(self, request: Request) -> Work:
        """Find out what a request asks for, without doing it."""

    def turned_away(self) -> Reply | None:
        """Return the reply to a call that comes too often; None lets it pass."""
        return None

    async def answer(self, request: Request) -> Delivery:
        work = self.work(request)
        entry = self.log.open(request.method, request.path, work.name)
        try:
            delivery = await self._answer(request, work, entry)
        finally:
            self.log.close()
        entry.status = delivery.reply.status if delivery.reply else None
        return delivery

    async def _answer(self, request: Request, work: Work, entry: Entry) -> Delivery:
        arrived = asyncio.get_running_loop().time()
        too_many = self.turned_away()
        if too_many:
            return Delivery(too_many)
        fault = self.faults.pick(request)
        entry.fault = fault.kind.value if fault else None
        await _until(arrived + self.latency_s)
        refusal = await self._before(fault, entry) if fault else None
        if refusal:
            return refusal
        await _until(work.done_at(asyncio.get_running_loop().time()))
        reply = await asyncio.to_thread(work.do) if work.waits else work.do()
        await _until(arrived + self.latency_s + self.latency_after_s)
        return await self._after(fault, entry, reply) if fault else Delivery(reply)

    async def _before(self, fault: Fault, entry: Entry) -> Delivery | None:
        """Return the answer of a call whose work is not done, or None to go on with the work."""
        match fault.kind:
            case Kind.RESET_BEFORE:
                return RESET
            case Kind.HANG_BEFORE:
                await asyncio.sleep(fault.seconds)
                return RESET
            case Kind.ERROR_500 | Kind.HTML_502 | Kind.TOO_MANY:
                return Delivery(self._instead[fault.kind])
            case Kind.PAUSE_BEFORE:
                await fault.hold(entry.number)
        return None

    async def _after(self, fault: Fault, entry: Entry, reply: Reply) -> Delivery:
        """Return the answer of a call whose work is done."""
        match fault.kind:
            case Kind.RESET_AFTER:
                return RESET
            case Kind.TIMEOUT_AFTER:
                await asyncio.sleep(fault.seconds)
                return RESET
            case Kind.TRUNCATED:
                return Delivery(reply, cut=len(reply.body) // 2)
            case Kind.ERROR_500_AFTER | Kind.WRONG_JSON | Kind.NOT_JSON:
                return Delivery(self._instead[fault.kind])
            case Kind.PAUSE_AFTER:
                await fault.hold(entry.number)
        return Delivery(reply)


async def _until(moment: float) -> None:
    """Sleep to a point in time, so that the delays of one call do not add up their inaccuracies."""
    left = moment - asyncio.get_running_loop().time()
    if left > 0:
        await asyncio.sleep(left)
