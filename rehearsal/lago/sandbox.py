"""Lago's stand-in as an object, with a method for each of its controls."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from rehearsal.lago.api import Lago
from rehearsal.lago.behaviour import Compat
from rehearsal.lago.control import controls
from rehearsal.lago.exchange import LagoExchange
from rehearsal.lago.housekeeping import Housekeeping
from rehearsal.lago.prepaid.coupons import parse_coupon, put_coupons
from rehearsal.lago.seeds import DEFAULT_PLANS, PlanSpec, parse_plan, put_plans
from rehearsal.lago.state_file import load
from rehearsal.lago.webhooks.courier import Courier
from rehearsal.stand_in.faults import parse_fault
from rehearsal.stand_in.messages import Json
from rehearsal.stand_in.stand_in import StandIn

POLL_S = 0.005
SANDBOX_KEY = "5a4db0c5-0000-4000-8000-000000000001"  # well known: it opens nothing but a sandbox


class Sandbox(StandIn):
    """A Lago of one's own: `with Sandbox() as sandbox: … sandbox.url, sandbox.key`.

    `plans`, `coupons`, `payment_providers` and `faults` are as on the command line; `port` 0 takes a free
    one; `rate_limit` is in calls per second, 0 is none. `webhooks` are addresses that hear of what happens,
    signed with jwt. If there is a `state_file`, its state goes on, and all that is named is added to it.
    `breaks_on_quarterly`, with `compat` head: as its main branch of August 2026 did.
    `on_a_quiet_day`: on the first of a month it is the second there.
    """

    name = "Lago"

    def __init__(
        self,
        plans: Sequence[str | PlanSpec] = (),
        *,
        key: str = SANDBOX_KEY,
        latency_ms: float = 0,
        compat: str = Compat.RELEASED,
        host: str = "127.0.0.1",
        port: int = 0,
        faults: Sequence[str] = (),
        rate_limit: int = 0,
        webhooks: Sequence[str] = (),
        state_file: Path | None = None,
        coupons: Sequence[str] = (),
        payment_providers: Sequence[str] = (),
        on_a_quiet_day: bool = False,
        breaks_on_quarterly: bool = False,
    ) -> None:
        """Raise ValueError if an argument, or the state in `state_file`, makes no sense."""
        if latency_ms < 0 or rate_limit < 0:
            raise ValueError("Neither a latency nor a rate limit can be below 0.")
        self.key, self.compat = key, Compat(compat)
        specs = [parse_plan(one) if isinstance(one, str) else one for one in plans]
        wanted = [parse_coupon(one) for one in coupons]
        lago = Lago(
            self.compat,
            key,
            specs or [parse_plan(one) for one in DEFAULT_PLANS],
            wanted,
            payment_providers,
            on_a_quiet_day=on_a_quiet_day,
        )
        if state_file and state_file.exists():
            load(lago.world, state_file)
            put_plans(lago.world, specs)
            put_coupons(lago.world, wanted)
            known = lago.world.organization.payment_providers
            known.extend(one for one in payment_providers if one not in known)
        else:
            lago.begin()
        lago.world.organization.breaks_on_quarterly |= breaks_on_quarterly
        lago.world.webhooks.add(webhooks, lago.world.now())
        exchange = LagoExchange(lago, latency_ms / 1000, rate_limit)
        exchange.faults.all = [parse_fault(text) for text in faults]
        super().__init__(exchange, controls(exchange), host=host, port=port)
        self._housekeeping = Housekeeping(exchange, state_file)
        self._courier = Courier(lambda: lago.world, lambda: self.url)

    @property
    def url(self) -> str:
        """The base without /api/v1, as LAGO_API_URL wants it."""
        return f"http://{self.host}:{self.port}"

    def variables(self) -> Mapping[str, str]:
        return {"LAGO_API_URL": self.url, "LAGO_API_KEY": self.key}

    @asynccontextmanager
    async def beside(self) -> AsyncIterator[None]:
        """Follow the clock and deliver webhooks meanwhile; save the state at the end if there is a file."""
        chores = [asyncio.create_task(it.go_on()) for it in (self._housekeeping, self._courier)]
        try:
            yield
        finally:
            for chore in chores:
                chore.cancel()
            await asyncio.gather(*chores, return_exceptions=True)
        self._housekeeping.save()

    def state(self, *, live: bool = False, volatile: bool = False) -> Json:
        """Return all rows, sorted and comparable between equal histories.

        `live` leaves out deleted customers and ended subscriptions, which Lago keeps as history;
        `volatile` adds the ids and times that Lago itself gives.
        """
        return self.steer("GET", "state", live=live, volatile=volatile)

    def journal(self) -> Json:
        """Return the invoices and credit notes, each with `why`, oldest first."""
        return self.steer("GET", "journal")

    def reset(self) -> None:
        """Begin again: no customers, subscriptions, invoices, faults, logged requests; real time."""
        self.steer("POST", "reset")

    def set_clock(self, at: str, *, frozen: bool = False) -> None:
        """Set the sandbox's time (ISO 8601); what is due then happens."""
        self.steer("POST", "clock", at=at, frozen=frozen)

    def right_clock(self) -> None:
        """Show the time outside again."""
        self.steer("POST", "clock", right=True)

    def advance_clock(self, seconds: float) -> None:
        self.steer("POST", "clock", advance_s=seconds)

    def hold_jobs(self) -> None:
        """Keep background jobs (after DELETE of a customer or plan) waiting from now on."""
        self.steer("POST", "jobs/hold")

    def run_jobs(self) -> int:
        """Run the waiting jobs once; later ones still wait."""
        ran: int = self.steer("POST", "jobs/run")["ran"]
        return ran

    def webhooks(self) -> Json:
        """Return whether webhooks are `held`, the `waiting` ones and the `deliveries`."""
        return self.steer("GET", "webhooks")

    def hold_webhooks(self) -> None:
        """Keep webhooks waiting from now on."""
        self.steer("POST", "webhooks/hold")

    def release_webhooks(self) -> None:
        self.steer("POST", "webhooks/release")

    def wait_webhooks(self, timeout_s: float = 60) -> list[Json]:
        """Wait until all that happened has been told, as far as it can be, and return the deliveries."""
        deadline = time.monotonic() + timeout_s
        while (told := self.webhooks()) and not _all_told(told):
            if time.monotonic() > deadline:
                raise TimeoutError("webhooks are still under way")
            time.sleep(POLL_S)
        deliveries: list[Json] = told["deliveries"]
        return deliveries

    def put_plans(self, *plans: str | Json) -> None:
        """Add or change plans, as text of the command line or as fields of PlanSpec."""
        self.steer("POST", "plans", plans=list(plans))

    def put_coupons(self, *coupons: str | Json) -> None:
        """Add or change coupons, as text of the command line or as fields of CouponSpec."""
        self.steer("POST", "coupons", coupons=list(coupons))

    def put_metrics(self, *metrics: Json) -> None:
        """Replace the billable metrics; none leaves the plans without a charge."""
        self.steer("POST", "metrics", metrics=list(metrics))

    def set_organization(self, **settings: Any) -> None:
        """Change settings: `version="v1.31.0"`, `billing_entity_timezone="Europe/Berlin"`, permissions…"""
        self.steer("POST", "organization", **settings)


def _all_told(webhooks: Json) -> bool:
    return not webhooks["waiting"] and all(delivery["is_over"] for delivery in webhooks["deliveries"])
