"""What the platform's database has of one customer, or of one card: read while it is looked at."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from customers.backfill.beside import is_beside_platform
from customers.backfill.ledger.starts import starts_of
from customers.models import IdTagMapping, User
from kernel import RemoteError, as_login
from polaris import PlatformDatabase, mappings, users
from polaris.mappings import META, Mappings, PlatformMapping
from polaris.sign_ins import standings
from polaris.users import PlatformUser

TIMEOUT_S = 4.0  # somebody looks at a page and waits
NOT_CONNECTED = "No platform is connected (POLARIS_DATABASE_URL)."
BLOCKS = "the platform's next sync blocks the card"


@dataclass(frozen=True, slots=True)
class CardThere:
    """A card of ours as the platform has it. `state` is a word for people; `remarks` say what is not well."""

    id_tag: str
    state: str
    is_well: bool
    subscription: str = ""
    begins_at: datetime | None = None  # of a card that waits for its start
    remarks: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class OnPlatform:
    """`role` is blank where there is no such user; `error` says, in words, why nothing could be read."""

    place: str = ""
    role: str = ""
    has_signed_in: bool = False
    remarks: Sequence[str] = ()
    cards: Sequence[CardThere] = ()
    parent: str = ""
    more_cards: int = 0
    error: str = ""


def customer_on_platform(user: User, now: datetime, *, timeout_s: float = TIMEOUT_S) -> OnPlatform:
    """Read user and cards, once and not for long. What goes wrong is told, never raised."""
    if not is_beside_platform():
        return OnPlatform(error=NOT_CONNECTED)
    if not user.external_id:
        return OnPlatform(error="Without an external_id the platform cannot know this customer.")
    ours = list(user.id_tag_mappings.order_by("id_tag"))
    try:
        with PlatformDatabase.for_a_look(settings.POLARIS_DATABASE_URL, timeout_s) as platform:
            found = users.find(platform, [user.external_id], [as_login(user.email)])
            standing = standings(platform, [user.external_id]).get(user.external_id)
            there = mappings.of_customer(platform, user.external_id, [card.id_tag.lower() for card in ours])
    except RemoteError as error:
        return OnPlatform(error=f"{error}.")
    known = found.by_external_id.get(user.external_id)
    return OnPlatform(
        place=platform.place,
        role=known.role if known else "",
        has_signed_in=standing is not None and standing.has_signed_in,
        remarks=tuple(_about(user, known, found.by_email.get(as_login(user.email)))),
        cards=_cards(ours, user.external_id, there, known, now),
        parent=_parent(user.external_id, there),
        more_cards=_more(ours, user.external_id, there),
    )


def card_on_platform(card: IdTagMapping, now: datetime, *, timeout_s: float = TIMEOUT_S) -> OnPlatform:
    """Read one card, once and not for long, and nothing of its customer."""
    if not is_beside_platform():
        return OnPlatform(error=NOT_CONNECTED)
    external_id = card.user.external_id
    if not external_id:
        return OnPlatform(error="Without an external_id the platform cannot know the customer of this card.")
    try:
        with PlatformDatabase.for_a_look(settings.POLARIS_DATABASE_URL, timeout_s) as platform:
            there = mappings.find(platform, [card.id_tag.lower()])
    except RemoteError as error:
        return OnPlatform(error=f"{error}.")
    return OnPlatform(place=platform.place, cards=_cards([card], external_id, there, None, now))


def _about(user: User, known: PlatformUser | None, with_address: PlatformUser | None) -> Iterator[str]:
    if known is None:
        yield "The platform has no user with this external_id; its next sync makes one."
        if with_address is not None:
            yield "Somebody else there has this address."
        return
    if not known.is_customer:
        yield "Staff of the platform, and no customer: no card bills to it."
    if known.login != as_login(user.email):
        yield "The address there is another one."
    elif known.has_capitals:
        yield "The address there has capitals: nobody can sign in with it."


def _cards(
    ours: Sequence[IdTagMapping],
    external_id: str,
    there: Mappings,
    known: PlatformUser | None,
    now: datetime,
) -> list[CardThere]:
    begins = starts_of(ours)
    return [
        _card(
            card, external_id, there.by_id_tag.get(card.id_tag.lower(), []), known, begins.get(card.pk), now
        )
        for card in ours
    ]


def _card(
    card: IdTagMapping,
    external_id: str,
    there: Sequence[PlatformMapping],
    known: PlatformUser | None,
    begins_at: datetime | None,
    now: datetime,
) -> CardThere:
    if not there:
        return CardThere(card.id_tag, "no mapping", False, remarks=[f"{BLOCKS.capitalize()}."])
    mapping = next((one for one in there if one.external_id == external_id), None)
    if mapping is None:
        return CardThere(card.id_tag, "of somebody else", False)
    waits = begins_at is not None and begins_at > now and card.is_active and not mapping.is_active
    return CardThere(
        card.id_tag,
        "active" if mapping.is_active else "waits for its start" if waits else "inactive",
        is_well=mapping.is_active == card.is_active or waits,
        subscription=mapping.subscription_key or "",
        begins_at=begins_at if waits else None,
        remarks=tuple(_amiss(card, mapping, there, known, waits=waits)),
    )


def _amiss(
    card: IdTagMapping,
    mapping: PlatformMapping,
    there: Sequence[PlatformMapping],
    known: PlatformUser | None,
    *,
    waits: bool,
) -> Iterator[str]:
    if mapping.id_tag != card.id_tag:
        yield "Spelled otherwise there: its sessions are not billed."
    if len(there) > 1:
        yield "The platform has this idTag more than once, in different spellings."
    if mapping.user_id is None:
        yield "It belongs to nobody there."
    elif known is not None and mapping.user_id != known.id:
        yield "It belongs to another user there."
    if mapping.is_active and not mapping.subscription_key:
        yield "It charges, and no subscription pays."
    if mapping.subscription_key and mapping.subscription_key != card.lago_subscription_external_id:
        yield "Another subscription than here."
    if card.is_active and not mapping.is_active and not waits:
        yield f"Active here and inactive there: {BLOCKS}."
    if mapping.is_active and not card.is_active:
        yield "Inactive here and active there: it can charge."


def _parent(external_id: str, there: Mappings) -> str:
    metas = [one for one in there.by_id.values() if one.tag_type == META and one.external_id == external_id]
    if not metas:
        return ""
    return "active" if any(meta.is_active for meta in metas) else "inactive"


def _more(ours: Sequence[IdTagMapping], external_id: str, there: Mappings) -> int:
    """Count the customer's cards that we do not have: which these are, the platform tells."""
    known = {card.id_tag.lower() for card in ours}
    cards = [one for one in there.by_id.values() if one.external_id == external_id and not one.is_of_platform]
    return sum(1 for one in cards if one.id_tag.lower() not in known)
