"""What the platform marked as deleted in its caches of Lago: it hides who is made again under the same id.

Its keys count what was marked, too, so the new customer or subscription never gets into the cache. It is
cleared as things are made, where the role may; where it may not, somebody else has to.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from kernel.chunks import chunks
from polaris.database import PlatformDatabase
from polaris.schema import CACHES

CUSTOMERS, SUBSCRIPTIONS = CACHES
NAMED = 100  # ids in a statement; of more, it finds them itself

MARKED = "SELECT external_id FROM {} WHERE external_id = ANY(%s) AND deleted_at IS NOT NULL ORDER BY 1"
PAYING = "SELECT DISTINCT lago_subscription_external_id FROM user_mappings WHERE id = ANY(%s)"
OF_THE_PLATFORM = {
    CUSTOMERS: "SELECT lago_customer_external_id FROM users",
    SUBSCRIPTIONS: "SELECT lago_subscription_external_id FROM user_mappings",
}


@dataclass(frozen=True, slots=True)
class Hidden:
    """A cache that hides these ids; None where the role may not even look."""

    cache: str
    ids: Sequence[str] | None

    @property
    def statement(self) -> str:
        """Return what somebody with more rights has to run. It deletes only what is marked as deleted."""
        few = self.ids is not None and len(self.ids) <= NAMED
        which = ", ".join(map(_quoted, self.ids or ())) if few else OF_THE_PLATFORM[self.cache]
        return f"DELETE FROM {self.cache} WHERE deleted_at IS NOT NULL AND external_id IN ({which});"  # noqa: S608 # shown


def hidden(
    database: PlatformDatabase, external_ids: Iterable[str], mappings: Iterable[int]
) -> Iterator[Hidden]:
    """Find what is hidden of these customers and of what pays for these mappings; raise PolarisError."""
    columns = database.columns
    for cache in CACHES:
        if not columns.has(cache) or cache in columns.may_clear:
            continue
        if not columns.may_read(cache):
            yield Hidden(cache, None)
            continue
        keys = sorted(external_ids) if cache == CUSTOMERS else _paying(database, sorted(mappings))
        found = [key for some in chunks(keys) for (key,) in database.read(MARKED.format(cache), [some])]
        if found:
            yield Hidden(cache, found)


def _paying(database: PlatformDatabase, mappings: Sequence[int]) -> list[str]:
    found = {key for some in chunks(mappings) for (key,) in database.read(PAYING, [some])}
    return sorted(key for key in found if key is not None)


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
