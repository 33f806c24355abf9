"""What SteVe tells about idTags and charging sessions, as values."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

BLOCKED = 0
UNLIMITED = -1

# How SteVe begins the note of an idTag that it inserted itself, blocked, because a charger used it unknown.
AUTO_INSERT_NOTE = "This unknown idTag was used in a transaction"

# Under these the platform gathers a customer's cards; they are idTags of customers, never of cards.
PLATFORM_PARENTS = ("META-", "OCPP-")


def folded(id_tag: str) -> str:
    """Return what SteVe's database compares: it ignores case, accents and blanks at the end."""
    plain = "".join(c for c in unicodedata.normalize("NFD", id_tag) if not unicodedata.combining(c))
    return plain.casefold().rstrip(" ")


def _instant(text: str) -> datetime:
    """Read SteVe's ISO 8601; without a time zone it means UTC."""
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def without_zone(instant: datetime) -> str:
    """Write UTC without saying so, which all of SteVe's versions take; 3.7 takes no `Z`, not even its own."""
    utc = instant.astimezone(UTC).replace(tzinfo=None)
    return utc.isoformat(timespec="milliseconds" if utc.microsecond else "seconds")


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _id_tag(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("an idTag is a text")
    return value


@dataclass(frozen=True, slots=True)
class OcppTag:
    """An idTag as SteVe has it; `expiry_date` is kept as written. A note may be blank, or none at all."""

    ocpp_tag_pk: int
    id_tag: str
    max_active_transaction_count: int
    parent_id_tag: str | None = None
    expiry_date: str | None = None
    expires_at: datetime | None = None
    note: str | None = None
    user_pk: int | None = None
    in_transaction: bool = False

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read an `OcppTagOverview`; raise KeyError, TypeError or ValueError where it is none."""
        expiry_date = data.get("expiryDate") or None
        return cls(
            ocpp_tag_pk=int(data["ocppTagPk"]),
            id_tag=_id_tag(data["idTag"]),
            max_active_transaction_count=int(data["maxActiveTransactionCount"]),
            parent_id_tag=_text(data.get("parentIdTag")) or None,
            expiry_date=expiry_date,
            expires_at=_instant(expiry_date) if expiry_date else None,
            note=_text(data.get("note")),
            user_pk=data.get("userPk"),
            in_transaction=bool(data.get("inTransaction")),
        )

    @property
    def is_blocked(self) -> bool:
        return self.max_active_transaction_count == BLOCKED

    @property
    def was_auto_inserted(self) -> bool:
        """Return whether SteVe itself made it, on seeing an idTag that it did not know."""
        return self.is_blocked and (self.note or "").startswith(AUTO_INSERT_NOTE)

    @property
    def is_under_platform_customer(self) -> bool:
        return (self.parent_id_tag or "").upper().startswith(PLATFORM_PARENTS)

    def is_expired(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now


@dataclass(frozen=True, slots=True)
class Transaction:
    """A charging session. `id_tag` is spelled as the charger sent it, which may not be SteVe's spelling."""

    transaction_pk: int
    charge_box_id: str
    connector_id: int
    id_tag: str
    ocpp_tag_pk: int
    started_at: datetime
    start_wh: float
    stopped_at: datetime | None = None
    stop_wh: float | None = None
    stop_reason: str = ""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read a `Transaction`; raise KeyError, TypeError or ValueError where it is none."""
        stopped_at, stop_value = data.get("stopTimestamp"), data.get("stopValue")
        return cls(
            transaction_pk=int(data["id"]),
            charge_box_id=str(data["chargeBoxId"]),
            connector_id=int(data["connectorId"]),
            id_tag=str(data["ocppIdTag"]),
            ocpp_tag_pk=int(data["ocppTagPk"]),
            started_at=_instant(data["startTimestamp"]),
            start_wh=float(data["startValue"]),
            stopped_at=_instant(stopped_at) if stopped_at else None,
            stop_wh=float(stop_value) if stop_value not in (None, "") else None,
            stop_reason=data.get("stopReason") or "",
        )

    @property
    def is_running(self) -> bool:
        return self.stopped_at is None

    @property
    def has_charged(self) -> bool:
        """Return whether it is running or brought energy; what SteVe refused is kept as a session, too."""
        return self.energy_wh is None or self.energy_wh > 0

    @property
    def energy_wh(self) -> float | None:
        """Return the energy in watt-hours; None while it runs."""
        return None if self.stop_wh is None else self.stop_wh - self.start_wh
