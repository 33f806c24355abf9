"""What the platform throws away by itself."""

from typing import LiteralString

from rehearsal.platform.database import Connection

# Sessions of people are not among them: theirs goes at sign-out, or at their next visit after its end.
PURGES: tuple[LiteralString, ...] = (
    "delete from verifications where expires_at < now()",
    "delete from auth_audit where created_at < now() - interval '90 days'",
)


def purge(connection: Connection) -> int:
    """Delete what has had its time and return how many rows that were."""
    return sum(connection.execute(query).rowcount for query in PURGES)
