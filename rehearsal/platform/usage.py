"""Sessions of the past into usage events for Lago: which, for whom, how much, and what is remembered.

A session that nobody is found for is left for the next time. One whose payer has no subscription is done
with, and never billed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from rehearsal.platform.database import Connection, Row
from rehearsal.platform.http_api import ApiError
from rehearsal.platform.lago import PER_PAGE, LagoApi
from rehearsal.platform.snapshot import Snapshot
from rehearsal.stand_in.messages import Json

LEAST_KWH = 0.001  # what remains below is not sent


@dataclass(frozen=True, slots=True)
class Session:
    """A session that has stopped, and what of it is billed already."""

    transaction: Json
    state: Row | None

    @property
    def pk(self) -> int:
        return int(self.transaction["id"])

    @property
    def stopped_wh(self) -> int:
        return int(self.transaction["stopValue"])

    @property
    def billed_kwh(self) -> float:
        return float(self.state["total_kwh_billed"]) if self.state else 0.0

    @property
    def kwh(self) -> float:
        used = (self.stopped_wh - int(self.transaction["startValue"])) / 1000
        return round(used - self.billed_kwh, 3)

    def from_wh(self) -> int:
        return int(self.state["last_synced_meter_value"] if self.state else self.transaction["startValue"])


@dataclass(frozen=True, slots=True)
class Due:
    """A session, the mapping that pays for it and the subscription that is billed, if there is one."""

    session: Session
    mapping: Row
    subscription: str | None

    @property
    def is_billable(self) -> bool:
        return self.subscription is not None and self.session.kwh > LEAST_KWH

    def event(self, metric_code: str) -> Json:
        transaction = self.session.transaction
        stopped_at = datetime.fromisoformat(transaction["stopTimestamp"])
        return {
            "transaction_id": f"steve_tx_{self.session.pk}_final",
            "external_subscription_id": self.subscription,
            "code": metric_code,
            "timestamp": int(stopped_at.timestamp()),
            "properties": properties(transaction, stopped_at, f"{self.session.kwh:.3f}"),
        }


@dataclass(slots=True)
class UsageCounts:
    processed: int = 0
    sent: int = 0
    errors: list[str] = field(default_factory=list)


def properties(transaction: Json, stopped_at: datetime, kwh: str) -> dict[str, str]:
    minutes = (stopped_at - datetime.fromisoformat(transaction["startTimestamp"])).total_seconds() / 60
    return {
        "value": kwh,
        "kwh": kwh,
        "charger_id": transaction["chargeBoxId"],
        "connector_id": str(transaction["connectorId"]),
        "session_duration_minutes": str(round(minutes)),
        "start_timestamp": transaction["startTimestamp"],
        "stop_timestamp": transaction["stopTimestamp"],
    }


def sessions(snapshot: Snapshot, since: datetime) -> Iterator[Session]:
    """Give what stopped, began since then and is not done with, oldest first."""
    for transaction in sorted(snapshot.transactions, key=lambda one: int(one["id"])):
        state = snapshot.states.get(transaction["id"])
        is_done = transaction["stopTimestamp"] is None or bool(state and state["is_finalized"])
        if not is_done and datetime.fromisoformat(transaction["startTimestamp"]) >= since:
            yield Session(transaction, state)


@dataclass(frozen=True, slots=True)
class Billing:
    connection: Connection
    lago: LagoApi
    metric_code: str
    run_id: int

    def bill(
        self,
        snapshot: Snapshot,
        active: Mapping[str, list[Json]],
        now: datetime,
        look_back: timedelta,
    ) -> UsageCounts:
        """Send what is due, and only then write down, at once, what became of all of it."""
        counts, payers = UsageCounts(), snapshot.payers()
        found = [
            Due(session, mapping, _subscription(mapping, active))
            for session in sessions(snapshot, now - look_back)
            if (mapping := payers.of(session.transaction["ocppIdTag"]))
        ]
        counts.processed = len(found)
        sent = self._send([one for one in found if one.is_billable], counts)
        with self.connection.transaction():
            for one in [*sent, *(one for one in found if not one.is_billable)]:
                self._record(one)
        return counts

    def _send(self, due: list[Due], counts: UsageCounts) -> list[Due]:
        """Send in batches. Lago takes or refuses each as a whole, and a refused one stays due for ever."""
        sent: list[Due] = []
        for start in range(0, len(due), PER_PAGE):
            batch = due[start : start + PER_PAGE]
            try:
                self.lago.send([one.event(self.metric_code) for one in batch])
            except ApiError as error:
                counts.errors.append(f"{error} to a batch of {len(batch)} usage events")
                continue
            sent += batch
        counts.sent = len(sent)
        return sent

    def _record(self, due: Due) -> None:
        """Mark a session as done with. Where there is no subscription, that is all that will ever be."""
        kwh = max(due.session.kwh, 0)
        state_id = self._finish(due.session, kwh)
        if due.subscription:
            suffix = "_final" if due.is_billable else "_final_noop"
            self._note_event(due.session, due.mapping, state_id, suffix, kwh)

    def _note_event(self, session: Session, mapping: Row, state_id: int, suffix: str, kwh: float) -> None:
        self.connection.execute(
            "insert into synced_transaction_events (steve_transaction_id, transaction_sync_state_id,"
            " lago_event_transaction_id, user_mapping_id, kwh_delta, meter_value_from, meter_value_to,"
            " is_final, sync_run_id) values (%s, %s, %s, %s, %s, %s, %s, true, %s)",
            [
                session.pk,
                state_id,
                f"steve_tx_{session.pk}{suffix}",
                mapping["id"],
                kwh,
                session.from_wh(),
                session.stopped_wh,
                self.run_id,
            ],
        )

    def _finish(self, session: Session, kwh: float) -> int:
        """Mark a session as done with, at so many kWh more, and return the number of its row."""
        row: Any = self.connection.execute(
            "insert into transaction_sync_state as state (steve_transaction_id, last_synced_meter_value,"
            " total_kwh_billed, last_sync_run_id, is_finalized) values (%s, %s, %s, %s, true)"
            " on conflict (steve_transaction_id) do update set"
            " last_synced_meter_value = excluded.last_synced_meter_value,"
            " total_kwh_billed = state.total_kwh_billed + excluded.total_kwh_billed,"
            " last_sync_run_id = excluded.last_sync_run_id, is_finalized = true, updated_at = now()"
            " returning id",
            [session.pk, session.stopped_wh, kwh, self.run_id],
        ).fetchone()
        return int(row["id"])


def _subscription(mapping: Row, active: Mapping[str, list[Json]]) -> str | None:
    """Take the mapping's own, unchecked; else the first that its customer has running."""
    named: str | None = mapping["lago_subscription_external_id"]
    running = active.get(mapping["lago_customer_external_id"] or "", [])
    return named or next((one["external_id"] for one in running), None)
