"""SteVe's table of idTags: one by its number or any spelling, and what a deletion takes along."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

from rehearsal.steve.folding import folded
from rehearsal.steve.tables import UNLIMITED, MeterValue, Reservation, Session, Tag
from rehearsal.steve.versions import NEWEST, Version

NOT_UNDERSTOOD = "Error understanding the request"  # all that a 400 says
EXISTS = "A user with this idTag already exists."  # its word for any broken constraint of an insert


class RefusalError(ValueError):
    """A request that SteVe turns down, with its HTTP status. A control answers 400 to it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class TagTable:
    """IdTags and what hangs on them. The methods may be called from any thread.

    `offset` is how far SteVe's clock is ahead of ours.
    """

    def __init__(
        self,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        version: Version | None = None,
    ) -> None:
        self.version = version or Version.parse(NEWEST)
        self.offset = timedelta()
        self.lock = threading.RLock()
        self.tags: dict[int, Tag] = {}
        self.sessions: dict[int, Session] = {}
        self.reservations: dict[int, Reservation] = {}
        self.meter_values: list[MeterValue] = []
        self._clock = now
        self._pk_by_folded: dict[str, int] = {}
        self._tag_pks, self._session_pks, self._reservation_pks = count(1), count(1), count(1)

    def now(self) -> datetime:
        return self._clock() + self.offset

    def tag(self, id_tag: str) -> Tag | None:
        """Find an idTag by any spelling that the database takes for the same."""
        with self.lock:
            return self.tags.get(self._pk_by_folded.get(folded(id_tag), 0))

    def tag_by_pk(self, pk: int) -> Tag:
        tag = self.tags.get(pk)
        if tag is None:
            raise RefusalError(404, "Could not find this ocppTag")
        return tag

    def add_tag(
        self,
        id_tag: str,
        *,
        max_active_transaction_count: int = UNLIMITED,
        parent_id_tag: str | None = None,
        expiry_date: datetime | None = None,
        note: str | None = None,
        user_pk: int | None = None,
    ) -> Tag:
        """Insert without the checks of the API, so that any state of a real SteVe can be set up."""
        with self.lock:
            is_own_parent = parent_id_tag is not None and folded(parent_id_tag) == folded(id_tag)
            if self.tag(id_tag) is not None or not (is_own_parent or self.knows_parent(parent_id_tag)):
                raise RefusalError(422, EXISTS)
            pk = next(self._tag_pks)
            self.tags[pk] = Tag(
                pk, id_tag, max_active_transaction_count, parent_id_tag, expiry_date, note, user_pk
            )
            self._pk_by_folded[folded(id_tag)] = pk
            return self.tags[pk]

    def knows_parent(self, parent_id_tag: str | None) -> bool:
        """Say whether the database takes this as a parent: none, or an idTag that there is."""
        return parent_id_tag is None or self.tag(parent_id_tag) is not None

    def delete_tag(self, pk: int) -> Tag:
        """Delete as the database cascades: with sessions, running ones too, reservations and the user's link.

        An idTag that has children stays. Meter values stay too, without their session.
        """
        with self.lock:
            tag = self.tag_by_pk(pk)
            if self._has_children(tag):
                raise RefusalError(500, "Execution of deleteOcppTag for idTag FAILED.")
            del self.tags[pk], self._pk_by_folded[folded(tag.id_tag)]
            gone = {session.pk for session in self.sessions.values() if session.tag_pk == pk}
            self.sessions = {k: session for k, session in self.sessions.items() if k not in gone}
            self.reservations = {k: one for k, one in self.reservations.items() if one.tag_pk != pk}
            for value in self.meter_values if gone else ():
                value.session_pk = None if value.session_pk in gone else value.session_pk
            return tag

    def _has_children(self, tag: Tag) -> bool:
        """Look for another idTag below this one; one that is its own parent does not hold itself."""
        parents = (other.parent_id_tag for other in self.tags.values() if other.pk != tag.pk)
        return any(parent is not None and folded(parent) == folded(tag.id_tag) for parent in parents)

    def reserve(self, id_tag: str, charge_box_id: str, expires_at: datetime) -> Reservation:
        with self.lock:
            tag = self.tag(id_tag)
            if tag is None:
                raise RefusalError(404, "Could not find this ocppTag")
            pk = next(self._reservation_pks)
            self.reservations[pk] = Reservation(pk, tag.pk, charge_box_id, expires_at)
            return self.reservations[pk]
