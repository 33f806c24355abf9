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
class ChargeBox:
    """`registration` is how a boot is answered: Accepted, Pending or Rejected. No password: an open box."""

    pk: int
    charge_box_id: str
    password: str = ""
    registration: str = "Accepted"


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
    stop_actor: str = "station"
    billed_kwh: float = 0.0
    flushed_s: int = 0  # Unix second in the id of the last event that was sent while it ran

    @property
    def is_running(self) -> bool:
        return self.stopped_at is None

    def to_json(self, charge_box_pk: int) -> dict[str, Any]:
        """Return the OpenAPI description's `Transaction`, but for the user."""
        return {
            "id": self.pk,
            "connectorId": self.connector_id,
            "chargeBoxPk": charge_box_pk,
            "ocppTagPk": self.tag_pk,
            "chargeBoxId": self.charge_box_id,
            "ocppIdTag": self.id_tag,
            "startTimestamp": iso(self.started_at),
            "startValue": str(self.start_wh),
            "stopTimestamp": iso(self.stopped_at),
            "stopValue": None if self.stop_wh is None else str(self.stop_wh),
            "stopReason": self.stop_reason,
            "stopEventActor": None if self.stopped_at is None else self.stop_actor,
        }


@dataclass(slots=True)
class MeterValue:
    """What a charge box told of a connector. It outlives its session: `session_pk` is None then."""

    charge_box_id: str
    connector_id: int
    session_pk: int | None
    told_at: datetime
    wh: int

    def to_json(self) -> dict[str, Any]:
        """Return the OpenAPI description's `MeterValues`."""
        return {
            "valueTimestamp": iso(self.told_at),
            "value": str(self.wh),
            "readingContext": "Sample.Periodic",
            "format": "Raw",
            "measurand": "Energy.Active.Import.Register",
            "location": None,
            "unit": "Wh",
            "phase": None,
        }


@dataclass(frozen=True, slots=True)
class Reservation:
    pk: int
    tag_pk: int
    charge_box_id: str
    expires_at: datetime

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.pk,
            "ocppTagPk": self.tag_pk,
            "chargeBoxId": self.charge_box_id,
            "expiryDate": iso(self.expires_at),
        }


@dataclass(frozen=True, slots=True)
class FailedStop:
    """A stop that SteVe answered and did not carry out, with its reason."""

    session_pk: int
    charge_box_id: str
    reason: str

    def to_json(self) -> dict[str, Any]:
        return {
            "transaction_pk": self.session_pk,
            "charge_box_id": self.charge_box_id,
            "reason": self.reason,
        }
