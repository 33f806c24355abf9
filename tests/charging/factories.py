"""Factories of the tests around SteVe."""

from datetime import UTC, date, datetime, timedelta

from charging import SteveClient
from kernel import Wanted
from rehearsal.steve import SteveSandbox

LAST_YEAR = datetime(2025, 11, 22, 12, tzinfo=UTC)
NEXT_YEAR = datetime(2030, 11, 22, 12, tzinfo=UTC)


def client_of(steve: SteveSandbox, *, key: str = "", timeout_s: float = 60.0, tries: int = 3) -> SteveClient:
    return SteveClient(
        steve.url, steve.username, key or steve.key, timeout_s=timeout_s, tries=tries, backoff_s=0
    )


def wanted(id_tag: str = "A1B2C3D4") -> Wanted:
    return Wanted(
        line=2,
        email="alice@example.com",
        display_name="Alice Example",
        external_id="LEGACY-001",
        id_tag=id_tag,
        plan_code="standard",
        start_date=date(2024, 1, 1),
        subscription_at=datetime(2024, 1, 1, tzinfo=UTC),
    )


def charged(
    steve: SteveSandbox, id_tag: str, *, started_at: datetime | None = None, charge_box: str = "TEST-1"
) -> int:
    """Leave a finished session of 5 kWh behind."""
    pk = charging(steve, id_tag, started_at=started_at, charge_box=charge_box)
    session = steve.world.sessions[pk]
    steve.world.stop(pk, 5000, session.started_at + timedelta(hours=1), "Local")
    return pk


def charging(
    steve: SteveSandbox, id_tag: str, *, started_at: datetime | None = None, charge_box: str = "TEST-1"
) -> int:
    """Leave a running session behind."""
    session, _ = steve.world.start(charge_box, 1, id_tag, 0, started_at or datetime.now(UTC))
    return session.pk
