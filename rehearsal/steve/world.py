"""The rules of SteVe: who may charge, what a session leaves behind, what a deletion takes along."""

import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from typing import Any

from rehearsal.steve.tables import UNLIMITED, Session, Tag, instant, iso

ID_TAG = re.compile(r"[A-Za-z0-9.:_#-]{1,20}")

NOT_UNDERSTOOD = "Error understanding the request"


class RefusalError(ValueError):
    """A request that SteVe turns down, with its HTTP status. A control answers 400 to it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def instant_given(text: Any) -> datetime:
    """Read an instant that a client wrote."""
    try:
        return instant(text)
    except (TypeError, ValueError):
        raise RefusalError(400, NOT_UNDERSTOOD) from None


class World:
    """Everything in one SteVe. The methods may be called from any thread; SteVe folds the case of idTags."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.now = now
        self.lock = threading.RLock()
        self.charge_boxes: dict[str, int] = {}
        self.tags: dict[int, Tag] = {}
        self.sessions: dict[int, Session] = {}
        self._pk_by_folded: dict[str, int] = {}
        self._tag_pks, self._session_pks = count(1), count(1)

    def add_charge_box(self, charge_box_id: str) -> None:
        with self.lock:
            self.charge_boxes.setdefault(charge_box_id, len(self.charge_boxes) + 1)

    # --- idTags ------------------------------------------------------------------------------------

    def tag(self, id_tag: str) -> Tag | None:
        with self.lock:
            return self.tags.get(self._pk_by_folded.get(id_tag.casefold(), 0))

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
            self._require_parent(parent_id_tag)
            if self.tag(id_tag) is not None:
                raise RefusalError(422, "A user with this idTag already exists.")
            pk = next(self._tag_pks)
            self.tags[pk] = Tag(
                pk, id_tag, max_active_transaction_count, parent_id_tag, expiry_date, note, user_pk
            )
            self._pk_by_folded[id_tag.casefold()] = pk
            return self.tags[pk]

    def delete_tag(self, pk: int) -> Tag:
        """Delete with all its sessions, as the database cascades; one that has children stays."""
        with self.lock:
            tag = self.tag_by_pk(pk)
            if any((t.parent_id_tag or "").casefold() == tag.id_tag.casefold() for t in self.tags.values()):
                raise RefusalError(500, "Execution of deleteOcppTag for idTag FAILED.")
            del self.tags[pk], self._pk_by_folded[tag.id_tag.casefold()]
            self.sessions = {k: session for k, session in self.sessions.items() if session.tag_pk != pk}
            return tag

    def _require_parent(self, parent_id_tag: str | None) -> None:
        if parent_id_tag is not None and self.tag(parent_id_tag) is None:
            raise RefusalError(
                422, "A user with this idTag already exists."
            )  # SteVe's word for any broken constraint

    def require_api_form(self, id_tag: Any, parent_id_tag: str | None, expiry_date: datetime | None) -> None:
        """Check what SteVe's API checks of a POST and a PUT."""
        if not isinstance(id_tag, str) or not ID_TAG.fullmatch(id_tag):
            raise RefusalError(400, NOT_UNDERSTOOD)
        if expiry_date is not None and expiry_date <= self.now():
            raise RefusalError(400, "Expiry date/time must be in future")
        self._require_parent(parent_id_tag)

    # --- Charging ----------------------------------------------------------------------------------

    def running(self, tag: Tag) -> int:
        with self.lock:
            return sum(s.tag_pk == tag.pk and s.is_running for s in self.sessions.values())

    def authorise(self, id_tag: str, *, starting: bool = False) -> str:
        """Decide, in SteVe's order, as OCPP names it; the limit counts only at the start of a session."""
        with self.lock:
            tag = self.tag(id_tag)
            if tag is None:
                return "Invalid"
            if tag.is_blocked:
                return "Blocked"
            if tag.is_expired(self.now()):
                return "Expired"
            limit = tag.max_active_transaction_count
            return "ConcurrentTx" if starting and 0 < limit <= self.running(tag) else "Accepted"

    def start(
        self, charge_box_id: str, connector_id: int, id_tag: str, start_wh: int, started_at: datetime
    ) -> tuple[Session, str]:
        """Record a session whatever the decision, as the charger may have begun; insert an unknown idTag."""
        with self.lock:
            status = self.authorise(id_tag, starting=True)
            tag = self.tag(id_tag) or self.add_tag(
                id_tag,
                max_active_transaction_count=0,
                note="This unknown idTag was used in a transaction that started @ "
                f"{iso(started_at)}. It was reported @ {iso(self.now())}.",
            )
            pk = next(self._session_pks)
            session = Session(
                pk, charge_box_id, connector_id, id_tag, tag.pk, started_at, start_wh, meter_wh=start_wh
            )
            self.sessions[pk] = session
            return session, status

    def stop(self, pk: int, stop_wh: int, stopped_at: datetime, reason: str | None) -> Session | None:
        """Close a session; one that is unknown (its idTag was deleted) is passed over, as SteVe does."""
        with self.lock:
            session = self.sessions.get(pk)
            if session is not None and session.is_running:
                session.stopped_at, session.stop_wh, session.meter_wh = stopped_at, stop_wh, stop_wh
                session.stop_reason = reason
            return session
