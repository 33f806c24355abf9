"""What the stand-in remembers: SteVe's tables, as far as they are needed, and their JSON."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

UNLIMITED = -1


def iso(instant: datetime | None) -> str | None:
    """Write an instant as SteVe does: UTC, milliseconds, `Z`."""
    if instant is None:
        return None
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def instant(text: str) -> datetime:
    """Read ISO 8601, without a time zone as UTC; raise TypeError or ValueError where it is none."""
    read = datetime.fromisoformat(text)
    return read if read.tzinfo else read.replace(tzinfo=UTC)


@dataclass(slots=True)
class Tag:
    pk: int
    id_tag: str
    max_active_transaction_count: int
    parent_id_tag: str | None = None
    expiry_date: datetime | None = None
    note: str | None = None
    user_pk: int | None = None

    @property
    def is_blocked(self) -> bool:
        return self.max_active_transaction_count == 0

    def is_expired(self, now: datetime) -> bool:
        return self.expiry_date is not None and self.expiry_date <= now


@dataclass(slots=True)
class Session:
    """A transaction. `id_tag` is spelled as the charger sent it; `meter_wh` is the last value it told."""

    pk: int
    charge_box_id: str
    connector_id: int
    id_tag: str
    tag_pk: int
    started_at: datetime
    start_wh: int
    meter_wh: int
    stopped_at: datetime | None = None
    stop_wh: int | None = None
    stop_reason: str | None = None
    billed_kwh: float = 0.0
    flushed_s: int = 0  # Unix second in the id of the last event that was sent while it ran

    @property
    def is_running(self) -> bool:
        return self.stopped_at is None

    def to_json(self, charge_box_pk: int, user_pk: int | None) -> dict[str, Any]:
        """Return the OpenAPI description's `Transaction`."""
        return {
            "id": self.pk,
            "connectorId": self.connector_id,
            "chargeBoxPk": charge_box_pk,
            "ocppTagPk": self.tag_pk,
            "userId": user_pk,
            "chargeBoxId": self.charge_box_id,
            "ocppIdTag": self.id_tag,
            "startTimestamp": iso(self.started_at),
            "startValue": str(self.start_wh),
            "stopTimestamp": iso(self.stopped_at),
            "stopValue": None if self.stop_wh is None else str(self.stop_wh),
            "stopReason": self.stop_reason,
            "stopEventActor": None if self.stopped_at is None else "station",
        }
