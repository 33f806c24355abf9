"""A session's energy on its way into Lago: the platform sends it when it next looks, which takes minutes."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

from django.conf import settings

from billing.client import LagoClient, LagoError
from billing.values import Event
from charging.ocpp_session import Session
from customers.backfill.engine.stop import Stop
from customers.backfill.verify.checks import Check

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0
TOLERANCE_KWH = Decimal("0.001")  # the platform sends three decimals
CLOCKS_DIFFER = timedelta(minutes=10)  # the platform's, which dates the events, and SteVe's or ours
EVENT = "usage event in Lago"


@dataclass(frozen=True, slots=True)
class Look:
    """What Lago has of the session at one moment. `trouble`: why Lago did not say."""

    received: list[Event] = field(default_factory=list)
    stray: Event | None = None  # went to another subscription
    trouble: str = ""

    @property
    def energy_kwh(self) -> Decimal | None:
        """Sum what was received; None where an event carries no number."""
        try:
            return sum((Decimal(str(event.properties.get("value"))) for event in self.received), Decimal(0))
        except InvalidOperation:
            return None


def _begun_by_any_clock(session: Session) -> datetime:
    """Return when it began by SteVe's clock or ours, whichever is behind: events are dated by either."""
    return min(session.started_at, session.started_at + session.clock_ahead)


class Follower:
    """Looks for the usage events of one session on the subscription that has to pay for it."""

    def __init__(
        self,
        lago: LagoClient,
        subscription_key: str,
        session: Session,
        timeout_s: float,
        stop: Stop,
        nudge: Callable[[], None] = lambda: None,
    ) -> None:
        """`nudge` is called before each look: it hurries up whoever sends the events."""
        self._nudge = nudge
        self._lago = lago
        self._key = subscription_key
        self._prefix = f"steve_tx_{session.transaction_id}_"
        self._final = f"{self._prefix}final"
        self._since = _begun_by_any_clock(session) - CLOCKS_DIFFER
        self._sent_kwh = Decimal(session.energy_wh) / 1000
        self._timeout_s = timeout_s
        self._stop = stop

    def follow(self) -> Check:
        """Look, ever less often, until the energy is there or the time is over; raises nothing."""
        deadline, pause_s = time.monotonic() + self._timeout_s, FIRST_PAUSE_S
        look = self._look()
        while not self._is_settled(look) and not self._stop.requested and time.monotonic() < deadline:
            self._stop.sleep(min(pause_s, max(0.0, deadline - time.monotonic())))
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            look = self._look()
        why = self._wrong(look)
        return Check(EVENT, not why, self._compared(look), why)

    def _look(self) -> Look:
        self._nudge()
        try:
            final = self._lago.event(self._final)
            if final and final.external_subscription_id != self._key:
                return Look(stray=final)
            events = self._lago.events(self._key, since=self._since)
        except LagoError as error:
            return Look(trouble=str(error))
        return Look([event for event in events if event.transaction_id.startswith(self._prefix)])

    def _is_settled(self, look: Look) -> bool:
        """Return whether waiting longer changes nothing: the energy is whole, or the platform is done."""
        is_done = any(event.transaction_id == self._final for event in look.received)
        return look.stray is not None or is_done or self._is_whole(look)

    def _is_whole(self, look: Look) -> bool:
        energy = look.energy_kwh
        return bool(look.received) and energy is not None and abs(energy - self._sent_kwh) <= TOLERANCE_KWH

    def _compared(self, look: Look) -> str:
        if look.trouble:
            return f"{self._sent_kwh:f} kWh sent"
        there = "no number" if look.energy_kwh is None else f"{look.energy_kwh:f} kWh"
        return f"{self._sent_kwh:f} kWh sent, {there} on {self._key} (events: {len(look.received)})"

    def _wrong(self, look: Look) -> str:
        if look.trouble:
            return f"whether it came cannot be told: {look.trouble}"
        if not look.received:
            return self._absent(look)
        codes = sorted({event.code for event in look.received})
        if codes != [settings.LAGO_METRIC_CODE]:
            return f"the events are for {', '.join(codes)}, not for {settings.LAGO_METRIC_CODE}"
        return "" if self._is_whole(look) else "the energy is not what was sent"

    def _absent(self, look: Look) -> str:
        """Tell an event that went astray from one that never came."""
        stray = look.stray or self._stray()
        if stray is not None:
            return f"the event went to another subscription: {self._named(stray)}"
        if self._stop.requested:
            return f"stopped while waiting; look later for {self._prefix}… in Lago"
        return (
            f"no event came within {self._timeout_s:,.0f} s; look at the platform's sync,"
            " or wait longer (--timeout)"
        )

    def _stray(self) -> Event | None:
        """Look everywhere: what is sent while a session runs has an id that nobody can foretell."""
        try:
            events = self._lago.events_since(self._since)
        except LagoError:
            return None
        return next(
            (
                event
                for event in events
                if event.transaction_id.startswith(self._prefix)
                and event.external_subscription_id != self._key
            ),
            None,
        )

    def _named(self, stray: Event) -> str:
        key = stray.external_subscription_id or "none"
        try:
            found = self._lago.subscription(key)
        except LagoError:
            found = None
        return f"{key} of the customer {found.external_customer_id}" if found else key
