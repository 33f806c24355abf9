"""The calls that prove, before anything is planned, that Lago is there and the key opens it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from billing.client import LagoClient
from billing.errors import LagoError
from billing.values import BillingEntity, Organization, Plan


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Target:
    """The Lago that a run is aimed at. `timezone` is the one in which Lago turns an instant into a day.

    `ahead` is by how much its clock, or that of the proxy before it, was ahead of ours; nothing where none
    tells its time. `taxes_by_country`: taxes follow a customer's country and number for taxes.
    """

    organization: Organization
    version: str | None
    timezone: str
    plans: Mapping[str, Plan]
    url: str
    ahead: timedelta = timedelta()
    taxes_by_country: bool = False

    def clock(self, ours: datetime) -> datetime:
        """Say what time it is at Lago when it is `ours` here."""
        return ours + self.ahead


def preflight(client: LagoClient, now: Callable[[], datetime] = utc_now) -> Target:
    """Look around in Lago; raise LagoError, whose message says what to check, if that fails."""
    greeting = client.greeting(tries=2)  # somebody is waiting, and most failures here are typing errors
    heard_at, organization = now(), greeting.organization
    entity = _default_entity(client)
    return Target(
        organization=organization,
        version=client.version(),
        timezone=_timezone(entity, organization),
        plans=client.plans(),
        url=client.url,
        ahead=greeting.served_at - heard_at if greeting.served_at else timedelta(),
        taxes_by_country=bool(entity and entity.taxes_by_country),
    )


def timezone_of(client: LagoClient, organization: Organization) -> str:
    """Name the time zone in which Lago turns an instant into a day."""
    return _timezone(_default_entity(client), organization)


def _timezone(entity: BillingEntity | None, organization: Organization) -> str:
    return (entity and entity.timezone) or organization.timezone or "UTC"


def _default_entity(client: LagoClient) -> BillingEntity | None:
    try:
        entities = client.billing_entities()
    except LagoError as error:
        if error.lago_code == "resource_not_found":  # a Lago from before there were billing entities
            return None
        raise
    return next((entity for entity in entities if entity.is_default), None)
