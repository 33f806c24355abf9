"""The platform's part: what a charging session tells Lago, in the platform's exact form."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import requests

from rehearsal.steve.tables import Session, iso

LEAST_KWH = 0.001  # what remains below is not sent
FLUSH_KWH = 1.0  # of a running session: no less is sent at a time
TIMEOUT_S = 10.0


@dataclass(slots=True)
class UsageBehaviour:
    """How the platform behaves, and misbehaves: late, not at all, wrong energy, another's subscription."""

    incremental: bool = False
    omit: bool = False
    delay_s: float = 0.0
    factor: float = 1.0
    external_subscription_id: str = ""


@dataclass(slots=True)
class Usage:
    """Send usage events into a Lago; keep what was sent, how it was answered and what was skipped.

    `subscription_of` finds the subscription of an idTag by exact spelling, as the platform does.
    """

    lago_url: str
    lago_key: str
    metric_code: str
    subscription_of: Callable[[str], str | None]
    behaviour: UsageBehaviour = field(default_factory=UsageBehaviour)
    sent: list[dict[str, Any]] = field(default_factory=list)
    skipped: list[dict[str, Any]] = field(default_factory=list)

    async def meter(self, session: Session) -> None:
        """Send what a running session used since the last time, if the platform is set to do so."""
        if self.behaviour.incremental and _unsent_kwh(session) >= FLUSH_KWH:
            session.flushed_s = max(int(time.time()), session.flushed_s + 1)  # no id twice, however fast
            await self._send(session, f"steve_tx_{session.pk}_{session.flushed_s}", _running_properties)

    async def stopped(self, session: Session) -> None:
        await self._send(session, f"steve_tx_{session.pk}_final", _final_properties)

    async def _send(
        self, session: Session, transaction_id: str, properties: Callable[[Session, str], Mapping[str, str]]
    ) -> None:
        subscription = self.behaviour.external_subscription_id or self.subscription_of(session.id_tag)
        kwh = _unsent_kwh(session)
        reason = self._reason_to_skip(subscription, kwh)
        if reason:
            self.skipped.append({"transaction_pk": session.pk, "reason": reason})
            return
        session.billed_kwh += kwh
        event = {
            "transaction_id": transaction_id,
            "external_subscription_id": subscription,
            "code": self.metric_code,
            "timestamp": _unix_seconds(session.stopped_at),
            "properties": dict(properties(session, f"{kwh * self.behaviour.factor:.3f}")),
        }
        await asyncio.sleep(self.behaviour.delay_s)
        self.sent.append({"event": event, "status": await asyncio.to_thread(self._post, event)})

    def _reason_to_skip(self, subscription: str | None, kwh: float) -> str:
        if self.behaviour.omit:
            return "omitted"
        if not self.lago_url:
            return "no_lago"
        if not subscription:
            return "no_mapping"
        return "" if kwh > LEAST_KWH else "no_energy"

    def _post(self, event: Mapping[str, Any]) -> int | None:
        """Make the call, once, and return its status, None without an answer."""
        try:
            response = requests.post(
                f"{self.lago_url}/api/v1/events/batch",
                json={"events": [event]},
                headers={"Authorization": f"Bearer {self.lago_key}"},
                timeout=TIMEOUT_S,
            )
        except requests.RequestException:
            return None
        return response.status_code


def _unsent_kwh(session: Session) -> float:
    return (session.meter_wh - session.start_wh) / 1000 - session.billed_kwh


def _unix_seconds(stopped_at: datetime | None) -> int:
    return int(stopped_at.timestamp() if stopped_at else time.time())


def _running_properties(session: Session, kwh: str) -> Mapping[str, str]:
    return {"value": kwh, "kwh": kwh, "charger_id": session.charge_box_id}


def _final_properties(session: Session, kwh: str) -> Mapping[str, str]:
    stopped_at = session.stopped_at or session.started_at
    minutes = (stopped_at - session.started_at).total_seconds() / 60
    return {
        **_running_properties(session, kwh),
        "connector_id": str(session.connector_id),
        "session_duration_minutes": str(round(minutes)),
        "start_timestamp": str(iso(session.started_at)),
        "stop_timestamp": str(iso(stopped_at)),
    }
