"""Whether Lago has a charging session: the platform sends its energy in parts, `steve_tx_…`, as it looks."""

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

from django.core.exceptions import ImproperlyConfigured

from billing.client import LagoClient
from billing.values import Event
from customers.backfill.systems import lago_client
from customers.models import IdTagMapping
from kernel import RemoteError

TIMEOUT_S = 4.0  # somebody looks at a page and waits
CLOCKS_DIFFER = timedelta(minutes=10)  # events are dated by the platform's, the session by SteVe's


@dataclass(frozen=True, slots=True)
class Billed:
    """`is_well` is None where it is not known, or may still come right by itself."""

    is_well: bool | None
    told: str


def billed(
    card: IdTagMapping, transaction_pk: int, begun_at: datetime, *, timeout_s: float = TIMEOUT_S
) -> Billed:
    """Ask Lago now, once and not for long. What goes wrong is told in words, never raised."""
    try:
        with closing(lago_client(timeout_s=timeout_s, tries=1)) as lago:
            return _found(lago, card.lago_subscription_external_id, f"steve_tx_{transaction_pk}_", begun_at)
    except (RemoteError, ImproperlyConfigured) as error:
        return Billed(None, f"whether Lago has it cannot be told: {error}")


def _found(lago: LagoClient, subscription: str, prefix: str, begun_at: datetime) -> Billed:
    events = lago.events(subscription, since=begun_at - CLOCKS_DIFFER) if subscription else []
    parts = [event for event in events if event.transaction_id.startswith(prefix)]
    if parts:
        return Billed(True, f"{_energy(parts)} in Lago, on this card's subscription")
    stray = lago.event(f"{prefix}final")
    if stray is not None:
        return Billed(False, f"in Lago on another subscription: {stray.external_subscription_id or 'none'}")
    return Billed(None, "not in Lago, or not yet: the platform sends it when it next looks")


def _energy(parts: list[Event]) -> str:
    try:
        return f"{sum((Decimal(str(part.properties.get('value'))) for part in parts), Decimal(0)):.3f} kWh"
    except InvalidOperation:
        return "an event without a number"
