"""Switch one card off or on where a platform is connected, so that it stays so through its next sync.

Off: its row there is inactive and remembers no parent, and SteVe blocks it without a parent. A parent that is
active would open it again, and be billed for it. On: its row is active, and the platform's sync opens it; but
not before its subscription pays, as what is charged until then would never be billed. Until then the row is
inactive and has the subscription's id, by which the platform opens it on the day; one that is off has no id.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace

from django.conf import settings
from django.utils import timezone

from charging import SteveClient
from charging.values import BLOCKED, OcppTag
from customers.backfill.beside import is_beside_platform
from customers.backfill.ledger.starts import starts_of
from customers.backfill.systems import lago_client, steve_client
from customers.models import IdTagMapping
from kernel import RemoteError
from polaris import PlatformDatabase, mappings, sync

TIMEOUT_S = 10.0


def switch(card: IdTagMapping) -> str:
    """Make platform and SteVe agree with our card; say what was done. Raises RemoteError; safe to repeat.

    Blank where the platform has no such card of this customer.
    """
    with _reached() as (platform, steve):
        there = mappings.find(platform, {card.id_tag.lower()}).by_id_tag.get(card.id_tag.lower(), [])
        ours = [one for one in there if one.external_id == card.user.external_id and not one.is_of_platform]
        if not ours:
            return ""
        numbers = [one.id for one in ours]
        if card.is_active:
            return _on(platform, numbers, card.lago_subscription_external_id)
        starts_at = starts_of([card]).get(card.pk)
        waits = starts_at is not None and starts_at > timezone.now()
        platform.write(
            lambda cursor: mappings.switch_off(
                cursor, numbers, has_mirror=platform.columns.has_mirror, forget_subscription=waits
            )
        )
        blocked = [_blocked(steve, one.ocpp_tag_pk) for one in ours]
        sync.notify(platform)
        return "The card is off on the platform, too" + (", and blocked in SteVe." if any(blocked) else ".")


def switch_off(card: IdTagMapping) -> str:
    """Have a card that is off here open no charger either, with a platform or without; say what was done.

    Raises RemoteError; safe to repeat.
    """
    if is_beside_platform():
        return switch(card) or "The card is off here; the platform does not have it."
    steve = steve_client(timeout_s=TIMEOUT_S, tries=1)
    if steve is None or card.steve_ocpp_tag_pk is None:
        return "The card is off here. SteVe was not told: block it there, or it still charges."
    with closing(steve):
        blocked = _blocked(steve, card.steve_ocpp_tag_pk)
    return "The card is off" + (
        ", and blocked in SteVe." if blocked else "; SteVe does not have it any more."
    )


def _on(platform: PlatformDatabase, numbers: Sequence[int], subscription: str) -> str:
    with closing(lago_client(timeout_s=TIMEOUT_S, tries=1)) as lago:
        pays = lago.subscription(subscription) is not None
    if not pays:
        platform.write(lambda cursor: mappings.let_wait(cursor, numbers, subscription))
        return (
            "Lago has no active subscription for the card, so it stays blocked on the platform. If the"
            " subscription starts later, the platform opens it on that day."
        )
    platform.write(lambda cursor: mappings.activate(cursor, dict.fromkeys(numbers, subscription)))
    sync.notify(platform)
    return "The platform opens the card at its next sync, which begins now."


def _blocked(steve: SteveClient, ocpp_tag_pk: int) -> bool:
    tag: OcppTag | None = steve.get_id_tag(ocpp_tag_pk)
    if tag is None:
        return False
    alone = replace(tag, parent_id_tag=None) if tag.is_under_platform_customer else tag
    steve.update_id_tag(alone, max_active_transaction_count=BLOCKED)
    return True


@contextmanager
def _reached() -> Iterator[tuple[PlatformDatabase, SteveClient]]:
    steve = steve_client(timeout_s=TIMEOUT_S, tries=1)
    if steve is None:
        raise RemoteError("steve_unreachable", "SteVe is not configured, so the card cannot be blocked there")
    with closing(steve), closing(PlatformDatabase(settings.POLARIS_DATABASE_URL)) as platform:
        yield platform, steve
