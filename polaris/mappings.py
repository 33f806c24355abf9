"""The platform's mappings of cards: found in bulk, made inactive, put to use and out of use."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from kernel.alike import Alike
from kernel.chunks import chunks
from polaris.database import Cursor, PlatformDatabase
from polaris.schema import TIER

META = "meta"  # the platform's own parent of a customer's cards
KEYTAG_LENGTH = 8


class PlatformMapping(NamedTuple):
    id: int
    ocpp_tag_pk: int
    id_tag: str
    user_id: str | None
    external_id: str | None
    subscription_key: str | None
    is_active: bool
    tag_type: str
    is_of_device: bool
    billing_tier: str | None  # None where the platform knows no tiers

    @property
    def is_of_platform(self) -> bool:
        """Return whether it is no card: a customer's parent, or a telephone."""
        return self.tag_type == META or self.is_of_device


COLUMNS = """
id, steve_ocpp_tag_pk, steve_ocpp_id_tag, user_id, lago_customer_external_id, lago_subscription_external_id,
coalesce(is_active, false), tag_type, device_id IS NOT NULL
"""
COMPED = "comped"  # the tier of who charges for free
STANDARD = "standard"


@dataclass(slots=True)
class Mappings:
    """What was found, by number, by idTag in lower case (perhaps several) and by SteVe's number.

    `with_parent` are the external_ids of whom the platform made a parent.
    """

    by_id: dict[int, PlatformMapping] = field(default_factory=dict)
    by_id_tag: dict[str, list[PlatformMapping]] = field(default_factory=dict)
    by_pk: dict[int, PlatformMapping] = field(default_factory=dict)
    alike: Alike = field(default_factory=Alike)
    with_parent: set[str] = field(default_factory=set)

    def add(self, mapping: PlatformMapping) -> None:
        if mapping.id in self.by_id:
            return
        self.by_id[mapping.id] = mapping
        self.by_id_tag.setdefault(mapping.id_tag.lower(), []).append(mapping)
        if not mapping.is_of_platform:
            self.alike.add(mapping.id_tag, f"at the platform (mapping {mapping.id})")
        self.by_pk[mapping.ocpp_tag_pk] = mapping
        if mapping.tag_type == META and mapping.external_id:
            self.with_parent.add(mapping.external_id)


def find(
    database: PlatformDatabase,
    id_tags: Iterable[str] = (),
    ids: Iterable[int] = (),
) -> Mappings:
    """Find mappings by idTag in any case, and by their own number."""
    found, select = Mappings(), _select(database)
    for query, values in (
        (f"{select} WHERE lower(steve_ocpp_id_tag) = ANY(%s)", sorted(id_tags)),
        (f"{select} WHERE id = ANY(%s)", sorted(ids)),
    ):
        for some in chunks(values):
            for row in database.read(query, [some]):
                found.add(PlatformMapping(*row))
    return found


def _select(database: PlatformDatabase) -> str:
    tier = TIER if database.columns.has_tier else "NULL"
    return f"SELECT {COLUMNS}, {tier} FROM user_mappings"  # noqa: S608


UNSEEN = """
SELECT id FROM user_mappings WHERE id = ANY(%s) AND is_active AND updated_at >= coalesce(
  (SELECT max(started_at) FROM sync_runs WHERE status = 'completed'), '-infinity')
"""


def unseen(database: PlatformDatabase, ids: Iterable[int]) -> set[int]:
    """Return which of these are active, and were changed since the last sync began that is through."""
    return {number for some in chunks(sorted(ids)) for (number,) in database.read(UNSEEN, [some])}


def of_customer(database: PlatformDatabase, external_id: str, id_tags: Iterable[str]) -> Mappings:
    """Find a customer's mappings, parents too, and whatever has one of some idTags in any case."""
    query = (
        f"{_select(database)}"
        " WHERE lago_customer_external_id = %s OR lower(steve_ocpp_id_tag) = ANY(%s) ORDER BY id"
    )
    found = Mappings()
    for row in database.read(query, [external_id, sorted(id_tags)]):
        found.add(PlatformMapping(*row))
    return found


def everything(database: PlatformDatabase) -> Mappings:
    """Return all mappings: which number SteVe will name for a row, nobody knows before it is asked."""
    found = Mappings()
    for row in database.read(f"{_select(database)} ORDER BY id"):
        found.add(PlatformMapping(*row))
    return found


@dataclass(frozen=True, slots=True)
class NewMapping:
    """A card as it is to be written. Parent and expiry are SteVe's, of an idTag that was there.

    `display_name` is its name on the customer's page.
    """

    external_id: str
    ocpp_tag_pk: int
    id_tag: str
    subscription_key: str
    parent_id_tag: str | None = None
    expires_at: datetime | None = None
    display_name: str | None = None


# The user is taken by the customer's id in the same statement: nothing happens where he is gone or is staff.
# A number or an idTag that somebody else has by now is left alone.
MAKE = """
INSERT INTO user_mappings (
  steve_ocpp_tag_pk, steve_ocpp_id_tag, user_id, lago_customer_external_id, lago_subscription_external_id,
  is_active, tag_type, display_name, created_at, updated_at{columns}
)
SELECT new.pk, new.id_tag, users.id, new.external_id, new.subscription,
  false, new.tag_type, new.display_name, now(), now(){values}
FROM unnest(
  %(pks)s::int[], %(id_tags)s::text[], %(external_ids)s::text[], %(subscriptions)s::text[], %(types)s::text[],
  %(parents)s::text[], %(expiries)s::timestamptz[], %(names)s::text[]
) AS new(pk, id_tag, external_id, subscription, tag_type, parent, expiry, display_name)
JOIN users ON users.lago_customer_external_id = new.external_id AND users.role = 'customer'
WHERE NOT EXISTS (
  SELECT 1 FROM user_mappings AS twin WHERE lower(twin.steve_ocpp_id_tag) = lower(new.id_tag)
)
ON CONFLICT (steve_ocpp_tag_pk) DO NOTHING
RETURNING id, steve_ocpp_tag_pk
"""


def make(cursor: Cursor, mappings: Sequence[NewMapping], *, has_mirror: bool) -> dict[int, int]:
    """Make cards, inactive; return the numbers of those that were made, by SteVe's number of the idTag."""
    query = MAKE.format(
        columns=", steve_parent_id_tag, steve_expiry_date" if has_mirror else "",
        values=", new.parent, new.expiry" if has_mirror else "",
    )
    values = {
        "pks": [one.ocpp_tag_pk for one in mappings],
        "id_tags": [one.id_tag for one in mappings],
        "external_ids": [one.external_id for one in mappings],
        "subscriptions": [one.subscription_key for one in mappings],
        "types": [tag_type(one.id_tag) for one in mappings],
        "parents": [one.parent_id_tag for one in mappings],
        "expiries": [one.expires_at for one in mappings],
        "names": [one.display_name for one in mappings],
    }
    made = cursor.execute(query, values).fetchall()
    return {pk: number for number, pk in made}


def tag_type(id_tag: str) -> str:
    """Return what the platform takes a card for: eight hexadecimal digits are a key tag."""
    digits = len(id_tag) == KEYTAG_LENGTH and all(c in "0123456789abcdefABCDEF" for c in id_tag)
    return "keytag" if digits else "ev_card"


@dataclass(frozen=True, slots=True)
class Change:
    """A mapping that is there and is completed: card, owner, and what pays. It stays as active as it is."""

    id: int
    ocpp_tag_pk: int
    id_tag: str
    user_id: str
    subscription_key: str
    parent_id_tag: str | None = None
    expires_at: datetime | None = None


# One that was given away meanwhile is left alone, and so is one whose number somebody else has by now, or
# whose user is gone or is staff.
COMPLETE = """
UPDATE user_mappings AS mapping
SET steve_ocpp_tag_pk = new.pk, steve_ocpp_id_tag = new.id_tag, user_id = new.user_id,
  lago_subscription_external_id = new.subscription, updated_at = now(){mirror}
FROM unnest(%(ids)s::int[], %(pks)s::int[], %(id_tags)s::text[], %(users)s::text[], %(subscriptions)s::text[],
  %(parents)s::text[], %(expiries)s::timestamptz[])
  AS new(id, pk, id_tag, user_id, subscription, parent, expiry)
WHERE mapping.id = new.id AND (mapping.user_id IS NULL OR mapping.user_id = new.user_id)
  AND EXISTS (SELECT 1 FROM users WHERE users.id = new.user_id AND users.role = 'customer')
  AND NOT EXISTS (
    SELECT 1 FROM user_mappings AS other WHERE other.steve_ocpp_tag_pk = new.pk AND other.id <> new.id
  )
RETURNING mapping.id
"""
COMPLETE_MIRROR = ", steve_parent_id_tag = new.parent, steve_expiry_date = new.expiry"


def complete(cursor: Cursor, changes: Sequence[Change], *, has_mirror: bool) -> set[int]:
    """Complete mappings that were there; return the numbers of those that still were."""
    query = COMPLETE.format(mirror=COMPLETE_MIRROR if has_mirror else "")
    values = {
        "ids": [one.id for one in changes],
        "pks": [one.ocpp_tag_pk for one in changes],
        "id_tags": [one.id_tag for one in changes],
        "users": [one.user_id for one in changes],
        "subscriptions": [one.subscription_key for one in changes],
        "parents": [one.parent_id_tag for one in changes],
        "expiries": [one.expires_at for one in changes],
    }
    return {number for (number,) in cursor.execute(query, values).fetchall()}


SET_TIER = """
UPDATE user_mappings AS mapping SET billing_tier = new.tier, updated_at = now()
FROM unnest(%(ids)s::int[], %(tiers)s::text[]) AS new(id, tier)
WHERE mapping.id = new.id AND mapping.billing_tier <> new.tier
"""


def set_tiers(cursor: Cursor, tiers: Mapping[int, str]) -> None:
    """Say of cards, by number, whether their customers charge for free. Without any, nothing is asked."""
    if tiers:
        cursor.execute(SET_TIER, {"ids": list(tiers), "tiers": list(tiers.values())})


ACTIVATE = """
UPDATE user_mappings AS mapping
SET is_active = true, lago_subscription_external_id = new.subscription, updated_at = now()
FROM unnest(%(ids)s::int[], %(subscriptions)s::text[]) AS new(id, subscription)
WHERE mapping.id = new.id AND mapping.is_active IS DISTINCT FROM true
"""


def activate(cursor: Cursor, subscriptions: Mapping[int, str]) -> None:
    """Let cards be billed, by number to which subscription; a webhook may have done it before."""
    values = {"ids": list(subscriptions), "subscriptions": list(subscriptions.values())}
    cursor.execute(ACTIVATE, values)


STOP = """
UPDATE user_mappings SET is_active = false, updated_at = now()
WHERE is_active IS DISTINCT FROM false
  AND (id = ANY(%(ids)s) OR (tag_type = 'meta' AND lago_customer_external_id = ANY(%(external_ids)s)))
"""


def stop(cursor: Cursor, ids: Sequence[int], external_ids: Sequence[str]) -> None:
    """Put cards out of use, and the parents that the platform made of these customers, in one statement."""
    cursor.execute(STOP, {"ids": list(ids), "external_ids": list(external_ids)})


# Of a card that waits for its start, too: by this id the platform would open it on the day.
FORGET_SUBSCRIPTION = "UPDATE user_mappings SET lago_subscription_external_id = NULL WHERE id = ANY(%s)"
LET_WAIT = """
UPDATE user_mappings SET lago_subscription_external_id = %s, updated_at = now()
WHERE id = ANY(%s) AND is_active IS DISTINCT FROM true
"""


def switch_off(
    cursor: Cursor, ids: Sequence[int], *, has_mirror: bool, forget_subscription: bool = False
) -> None:
    """Put cards out of use for good: they remember no parent that a sync would open them under."""
    stop(cursor, ids, ())
    if has_mirror:
        forget_parents(cursor, ids)
    if forget_subscription:
        cursor.execute(FORGET_SUBSCRIPTION, [list(ids)])


def let_wait(cursor: Cursor, ids: Sequence[int], subscription: str) -> None:
    """Let inactive cards be opened by the platform when this subscription starts."""
    cursor.execute(LET_WAIT, [subscription, list(ids)])


DELETE = """
DELETE FROM user_mappings AS mapping
WHERE mapping.id = ANY(%(ids)s) AND NOT (mapping.id = ANY(%(used)s)) RETURNING mapping.id
"""
USED = """
SELECT user_mapping_id FROM synced_transaction_events WHERE user_mapping_id = ANY(%(ids)s)
UNION
SELECT user_mapping_id FROM issued_cards WHERE user_mapping_id = ANY(%(ids)s)
"""
USED_WITHOUT_CARDS = (
    "SELECT user_mapping_id FROM synced_transaction_events WHERE user_mapping_id = ANY(%(ids)s)"
)


def delete(cursor: Cursor, ids: Sequence[int], *, has_issued_cards: bool) -> tuple[set[int], set[int]]:
    """Delete cards that never billed and were never issued; return their numbers, and those of the others."""
    query = USED if has_issued_cards else USED_WITHOUT_CARDS
    used = {number for (number,) in cursor.execute(query, {"ids": list(ids)}).fetchall()}
    gone = cursor.execute(DELETE, {"ids": list(ids), "used": list(used)}).fetchall()
    return {number for (number,) in gone}, used


def forget_parents(cursor: Cursor, ids: Sequence[int]) -> None:
    """Clear the parent that stopped cards remember: a sync would write it into SteVe, and open them."""
    cursor.execute("UPDATE user_mappings SET steve_parent_id_tag = NULL WHERE id = ANY(%s)", [list(ids)])


# The user is looked up in the same statement: who was deleted or made staff since can be nobody's user, and
# the platform would refuse the whole batch for one such card.
GIVE_BACK = """
UPDATE user_mappings AS mapping
SET steve_ocpp_tag_pk = old.pk, steve_ocpp_id_tag = old.id_tag,
  user_id = (SELECT users.id FROM users WHERE users.id = old.user_id AND users.role = 'customer'),
  is_active = old.is_active, lago_subscription_external_id = old.subscription, updated_at = now()
FROM unnest(%(ids)s::int[], %(pks)s::int[], %(id_tags)s::text[], %(users)s::text[], %(active)s::boolean[],
  %(subscriptions)s::text[], %(billed_to)s::text[])
  AS old(id, pk, id_tag, user_id, is_active, subscription, billed_to)
WHERE mapping.id = old.id
  AND (mapping.lago_subscription_external_id = old.billed_to
    OR mapping.lago_subscription_external_id IS NOT DISTINCT FROM old.subscription)
RETURNING mapping.id
"""


def give_back(cursor: Cursor, before: Mapping[int, Mapping[str, Any]]) -> set[int]:
    """Write back how mappings were that were only completed; return the numbers of those.

    Left out are those that are gone, and those that somebody has let bill to something else since.
    """
    olds = list(before.values())
    values = {
        "ids": list(before),
        "pks": [old["ocpp_tag_pk"] for old in olds],
        "id_tags": [old["id_tag"] for old in olds],
        "users": [old["user_id"] for old in olds],
        "active": [old["is_active"] for old in olds],
        "subscriptions": [old["subscription_key"] for old in olds],
        "billed_to": [old["billed_to"] for old in olds],
    }
    return {number for (number,) in cursor.execute(GIVE_BACK, values).fetchall()}


def there(cursor: Cursor, ids: Iterable[int]) -> set[int]:
    """Return which of these numbers there still are."""
    query = "SELECT id FROM user_mappings WHERE id = ANY(%s)"
    return {number for (number,) in cursor.execute(query, [sorted(ids)]).fetchall()}


def metas(database: PlatformDatabase, external_ids: Iterable[str]) -> dict[str, list[PlatformMapping]]:
    """Return the parents that the platform made of these customers, by external_id."""
    found: dict[str, list[PlatformMapping]] = {}
    query = f"{_select(database)} WHERE tag_type = 'meta' AND lago_customer_external_id = ANY(%s)"
    for some in chunks(sorted(set(external_ids))):
        for row in database.read(query, [some]):
            meta = PlatformMapping(*row)
            found.setdefault(str(meta.external_id), []).append(meta)
    return found


def parents(database: PlatformDatabase, external_ids: Iterable[str]) -> dict[str, set[str]]:
    """Return the idTags of the parents that the platform made of these customers, by external_id."""
    found = metas(database, external_ids)
    return {external_id: {meta.id_tag for meta in some} for external_id, some in found.items()}
