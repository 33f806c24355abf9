"""What people did at the platform: who signed in, and which cards were billed, issued or reserved."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from kernel.chunks import chunks
from polaris.database import PlatformDatabase
from polaris.sign_ins import EVENTS

SignedIn = set[str]  # ids of users
Used = Mapping[int, Sequence[str]]  # by number of the mapping, in words

# A sign-in leaves one of these: by link, by a scan at the charger, a tour, a telephone. `since` is null for
# people of whom any sign counts.
SIGNS = """
SELECT one.id FROM unnest(%(ids)s::text[], %(since)s::timestamptz[]) AS one(id, since)
JOIN users ON users.id = one.id
WHERE (one.since IS NULL AND (users.email_verified OR users.onboarded_at IS NOT NULL))
  OR EXISTS (
    SELECT 1 FROM sessions
    WHERE sessions.user_id = one.id AND (one.since IS NULL OR sessions.created_at >= one.since)
  ){more}
"""
DEVICES = """
  OR (one.since IS NULL AND EXISTS (SELECT 1 FROM devices WHERE devices.owner_user_id = one.id))"""
AUDIT = """
  OR EXISTS (
    SELECT 1 FROM auth_audit WHERE auth_audit.user_id = one.id
      AND auth_audit.event = ANY(%(events)s)
      AND (one.since IS NULL OR auth_audit.created_at >= one.since)
  )"""


def signed_in(database: PlatformDatabase, since: Mapping[str, datetime | None]) -> SignedIn:
    """Return those users who signed in: since an instant, or at all where that is None."""
    readable = database.readable(("devices", "auth_audit"))
    more = (DEVICES if "devices" in readable else "") + (AUDIT if "auth_audit" in readable else "")
    found: set[str] = set()
    for some in chunks(sorted(since)):
        values = {"ids": some, "since": [since[key] for key in some], "events": list(EVENTS)}
        found |= {key for (key,) in database.read(SIGNS.format(more=more), values)}
    return found


BILLED = """
SELECT user_mapping_id, count(*) FROM synced_transaction_events WHERE user_mapping_id = ANY(%s) GROUP BY 1
"""
CARDS = "SELECT user_mapping_id, count(*) FROM issued_cards WHERE user_mapping_id = ANY(%s) GROUP BY 1"
RESERVED = """
SELECT mapping.id, count(*) FROM user_mappings AS mapping
JOIN reservations ON reservations.steve_ocpp_tag_pk = mapping.steve_ocpp_tag_pk
WHERE mapping.id = ANY(%s) GROUP BY 1
"""
# Of somebody who was there before the run, only the cards count that came after ours.
OTHERS = """
SELECT mapping.id, count(*) FROM user_mappings AS mapping
JOIN users ON users.id = mapping.user_id
JOIN user_mappings AS other ON other.user_id = users.id AND other.tag_type <> 'meta'
WHERE mapping.id = ANY(%s) AND NOT (other.id = ANY(%s))
  AND (users.created_at >= %s OR other.created_at > mapping.created_at) GROUP BY 1
"""


def used(database: PlatformDatabase, ids: Iterable[int], since: datetime) -> Used:
    """Return what happened with the cards of a run that began at that time, in words."""
    found: dict[int, list[str]] = {}
    ours = sorted(ids)
    readable = database.readable(("issued_cards", "reservations"))
    queries: list[tuple[str, str, bool]] = [
        (BILLED, "billed at the platform: {}", True),
        (CARDS, "cards issued at the platform: {}", "issued_cards" in readable),
        (RESERVED, "reservations at the platform: {}", "reservations" in readable),
    ]
    for query, words, is_there in queries:
        for some in chunks(ours) if is_there else ():
            for number, count in database.read(query, [some]):
                found.setdefault(number, []).append(words.format(count))
    for some in chunks(ours):
        for number, count in database.read(OTHERS, [some, ours, since]):
            found.setdefault(number, []).append(f"other cards at the platform: {count}")
    return found
