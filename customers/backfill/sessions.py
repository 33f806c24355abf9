"""The charging sessions of a customer, read from SteVe whenever they are looked at; none is kept here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.core.exceptions import ImproperlyConfigured

from charging import SteveClient, Transaction
from charging.values import folded
from customers.backfill.systems import steve_client
from customers.models import IdTagMapping, User
from kernel import RemoteError

TIMEOUT_S = 4.0  # somebody looks at a page and waits
SHOWN = 50


@dataclass(frozen=True, slots=True)
class ChargingSession:
    """A session as it is shown. `is_misspelt`: the charger sent another spelling than is billed.

    `card` is the key of the card of ours that it is of.
    """

    card: int
    transaction_pk: int
    id_tag: str
    charge_box_id: str
    connector_id: int
    started_at: datetime
    stopped_at: datetime | None
    energy_kwh: float | None
    is_misspelt: bool

    @property
    def is_running(self) -> bool:
        return self.stopped_at is None


@dataclass(frozen=True, slots=True)
class Sessions:
    """The sessions of a customer, newest first, and how many there are; or why they cannot be shown.

    `last` has the last one of each card, by the card's key, also where it is not among the newest.
    """

    newest: Sequence[ChargingSession] = ()
    total: int = 0
    last: Mapping[int, ChargingSession] = field(default_factory=dict)
    error: str = ""


def recent_sessions(user: User, *, timeout_s: float = TIMEOUT_S) -> Sessions:
    """Ask SteVe now, once and not for long. What goes wrong is told in words, never raised."""
    try:
        steve = steve_client(timeout_s=timeout_s, tries=1)
        if steve is None:
            return Sessions(error="SteVe is not configured.")
        try:
            found = sessions_of(user, steve)
        finally:
            steve.close()
    except RemoteError as error:
        return Sessions(error=f"SteVe does not answer. {error}" if error.down else str(error))
    except ImproperlyConfigured as error:
        return Sessions(error=str(error))
    return Sessions(found[:SHOWN], len(found), {one.card: one for one in reversed(found)})


def sessions_of(user: User, steve: SteveClient) -> list[ChargingSession]:
    """Return all sessions of the customer's idTags, newest first; raise RemoteError."""
    mappings = list(user.id_tag_mappings.all())
    read = steve.transactions_of(mapping.id_tag for mapping in mappings)
    found = [_shown(mapping, one) for mapping in mappings for one in read if _is_of(mapping, one)]
    return sorted(found, key=lambda session: (session.started_at, session.transaction_pk), reverse=True)


def _is_of(mapping: IdTagMapping, transaction: Transaction) -> bool:
    """Go by SteVe's number where it is known: it stays the same however the idTag is spelled."""
    if mapping.steve_ocpp_tag_pk is not None:
        return transaction.ocpp_tag_pk == mapping.steve_ocpp_tag_pk
    return folded(transaction.id_tag) == folded(mapping.id_tag)


def _shown(mapping: IdTagMapping, transaction: Transaction) -> ChargingSession:
    energy_wh = transaction.energy_wh
    return ChargingSession(
        card=mapping.pk,
        transaction_pk=transaction.transaction_pk,
        id_tag=transaction.id_tag,
        charge_box_id=transaction.charge_box_id,
        connector_id=transaction.connector_id,
        started_at=transaction.started_at,
        stopped_at=transaction.stopped_at,
        energy_kwh=None if energy_wh is None else energy_wh / 1000,
        is_misspelt=transaction.id_tag != mapping.id_tag,
    )
