"""Who of the platform's customers can sign in there, and who has done so at least once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from polaris.database import PlatformDatabase

AT_ONCE = 5_000
# Not `magic_link.consumed`: the platform writes it without a user, and for dead links too.
EVENTS = ("scan.login_success", "device.registered", "customer.action", "session.expired_customer_ttl")

# What not every role may read, and not every version has, is left out where it cannot be read.
_SESSIONS = "SELECT user_id FROM sessions WHERE user_id IN (SELECT id FROM chosen)"
_IF_READABLE = {
    "devices": "SELECT owner_user_id FROM devices WHERE owner_user_id IN (SELECT id FROM chosen)",
    "auth_audit": "SELECT user_id FROM auth_audit"
    " WHERE user_id IN (SELECT id FROM chosen) AND event = ANY(%(events)s)",
}
_CUSTOMERS = """
WITH chosen AS MATERIALIZED (
    SELECT id, lago_customer_external_id, email,
        email_verified IS TRUE OR onboarded_at IS NOT NULL AS is_known
    FROM users WHERE lago_customer_external_id = ANY(%(external_ids)s) AND role = 'customer'
), seen (user_id) AS (
"""
_STANDINGS = """
)
SELECT lago_customer_external_id, email, is_known OR EXISTS (SELECT FROM seen WHERE user_id = chosen.id)
FROM chosen
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """A customer of the platform. `email` is as the platform has it; only lower case can sign in."""

    email: str | None
    has_signed_in: bool

    def can_sign_in_as(self, email: str) -> bool:
        return self.email == email.lower()


def standings(database: PlatformDatabase, external_ids: Iterable[str]) -> dict[str, Standing]:
    """Return the customers with these external_ids; who is none is absent. Raises PolarisError.

    Signing in leaves a confirmed address, a finished tour, a session, a device or an entry in the platform's
    audit log; each of them can be missing.
    """
    wanted = list(dict.fromkeys(external_ids))
    query = _query(sorted(database.readable(list(_IF_READABLE))))
    found: dict[str, Standing] = {}
    for first in range(0, len(wanted), AT_ONCE):
        found |= _read(database, query, wanted[first : first + AT_ONCE])
    return found


def _query(readable: Sequence[str]) -> str:
    signs = [_SESSIONS, *(_IF_READABLE[name] for name in readable)]
    return _CUSTOMERS + " UNION ".join(signs) + _STANDINGS


def _read(database: PlatformDatabase, query: str, external_ids: Sequence[str]) -> Mapping[str, Standing]:
    given = {"external_ids": list(external_ids), "events": list(EVENTS)}
    return {
        external_id: Standing(email, has_signed_in)
        for external_id, email, has_signed_in in database.read(query, given)
    }
