"""What a sync goes by: read once, at its beginning. Whatever is written later, it does not know."""

from collections.abc import Mapping
from dataclasses import dataclass

from rehearsal.platform.database import Connection, Row, rows
from rehearsal.platform.steve import SteveApi
from rehearsal.stand_in.messages import Json

MAX_DEPTH = 10  # of parents above an idTag; SteVe allows circles


@dataclass(frozen=True, slots=True)
class Snapshot:
    mappings: list[Row]
    names: Mapping[str, str | None]  # of users, by id
    states: Mapping[int, Row]  # transaction_sync_state by SteVe's number of the session
    tags: list[Json]
    transactions: list[Json]

    def payers(self) -> "Payers":
        return Payers(self.mappings, self.tags)


def read(connection: Connection, steve: SteveApi) -> Snapshot:
    mappings = rows(connection, "select * from user_mappings order by id")
    users = rows(connection, "select id, name from users")
    states = rows(connection, "select * from transaction_sync_state")
    return Snapshot(
        mappings,
        {user["id"]: user["name"] for user in users},
        {state["steve_transaction_id"]: state for state in states},
        steve.tags(),
        steve.transactions(),
    )


class Payers:
    """Find the mapping that an idTag is opened and billed by.

    Everything is compared exactly. Of two active mappings of one idTag the later counts. An idTag without an
    active one has its parent's, and so on upwards; a parent that is switched off passes nothing on.
    """

    def __init__(self, mappings: list[Row], tags: list[Json]) -> None:
        self._known = {row["steve_ocpp_id_tag"] for row in mappings}
        self._active = {row["steve_ocpp_id_tag"]: row for row in mappings if _counts(row)}
        self._parents = {tag["idTag"]: tag["parentIdTag"] for tag in tags}

    def of(self, id_tag: str) -> Row | None:
        own = self._active.get(id_tag)
        return own or self._inherited(self._parents.get(id_tag))

    def active(self) -> list[Row]:
        return list(self._active.values())

    def _inherited(self, ancestor: str | None) -> Row | None:
        for _ in range(MAX_DEPTH):
            if ancestor is None or (ancestor in self._known and ancestor not in self._active):
                return None
            if ancestor in self._active:
                return self._active[ancestor]
            ancestor = self._parents.get(ancestor)
        return None


def _counts(row: Row) -> bool:
    return bool(
        row["is_active"] and (row["lago_customer_external_id"] or row["lago_subscription_external_id"])
    )
