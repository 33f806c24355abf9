"""The calls that prove, before anything is planned, that Lago is there and the key opens it."""

from collections.abc import Mapping
from dataclasses import dataclass

from billing.client import LagoClient
from billing.errors import LagoError
from billing.values import Organization, Plan


@dataclass(frozen=True, slots=True)
class Target:
    """The Lago that a run is aimed at. `timezone` is the one in which Lago turns an instant into a day."""

    organization: Organization
    version: str | None
    timezone: str
    plans: Mapping[str, Plan]
    url: str


def preflight(client: LagoClient) -> Target:
    """Look around in Lago; raise LagoError, whose message says what to check, if that fails."""
    organization = client.organization(
        tries=2
    )  # somebody is waiting, and most failures here are typing errors
    return Target(
        organization=organization,
        version=client.version(),
        timezone=timezone_of(client, organization),
        plans=client.plans(),
        url=client.url,
    )


def timezone_of(client: LagoClient, organization: Organization) -> str:
    """Name the time zone in which Lago turns an instant into a day."""
    return _default_entity_timezone(client) or organization.timezone or "UTC"


def _default_entity_timezone(client: LagoClient) -> str | None:
    try:
        entities = client.billing_entities()
    except LagoError as error:
        if error.lago_code == "resource_not_found":  # a Lago from before there were billing entities
            return None
        raise
    return next((entity.timezone for entity in entities if entity.is_default), None)
