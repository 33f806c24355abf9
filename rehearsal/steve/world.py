"""The rules of SteVe: who may charge, what a session leaves behind, which stop it does not carry out."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from rehearsal.steve.folding import folded
from rehearsal.steve.tables import ChargeBox, FailedStop, MeterValue, Session, Tag, iso
from rehearsal.steve.tag_table import TagTable
from rehearsal.steve.versions import V3_12, Version

MAY_BE_AHEAD = timedelta(minutes=5)  # of SteVe's clock, the time stamp of a stop
Told = tuple[str, int, str, int, datetime]  # by what SteVe knows the start of a session again
REGISTRATIONS = ("Accepted", "Pending", "Rejected")


class World(TagTable):
    """Everything in one SteVe. The methods may be called from any thread."""

    def __init__(
        self,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        version: Version | None = None,
    ) -> None:
        super().__init__(now, version)
        self.charge_boxes: dict[str, ChargeBox] = {}
        self.failed_stops: list[FailedStop] = []
        self._pk_by_told: dict[Told, int] = {}

    # --- Charge boxes ------------------------------------------------------------------------------

    def add_charge_box(
        self, charge_box_id: str, *, password: str | None = None, registration: str | None = None
    ) -> None:
        """Have a charge box, or change what is given of one that is there; raise ValueError for nonsense."""
        if password and self.version < V3_12:
            raise ValueError("charge boxes have passwords from SteVe 3.12 on")
        if registration not in (None, *REGISTRATIONS):
            raise ValueError(f"a registration is one of {', '.join(REGISTRATIONS)}")
        with self.lock:
            box = self.charge_box(charge_box_id) or ChargeBox(len(self.charge_boxes) + 1, charge_box_id)
            box.password = box.password if password is None else password
            box.registration = registration or box.registration
            self.charge_boxes[box.charge_box_id] = box

    def charge_box(self, charge_box_id: str) -> ChargeBox | None:
        """Find a charge box in any capitals."""
        wanted = folded(charge_box_id)
        return next((box for name, box in self.charge_boxes.items() if folded(name) == wanted), None)

    # --- Charging ----------------------------------------------------------------------------------

    def running(self, tag: Tag) -> int:
        with self.lock:
            return sum(s.tag_pk == tag.pk and s.is_running for s in self.sessions.values())

    def running_by_tag(self) -> Counter[int]:
        """Count the running sessions of all idTags at once, by number of the idTag."""
        with self.lock:
            return Counter(session.tag_pk for session in self.sessions.values() if session.is_running)

    def authorise(self, id_tag: str, *, starting: bool = False) -> str:
        """Decide, in SteVe's order, as OCPP names it. The limit counts at a start only, the parent never."""
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
        """Record a session whatever the decision, as the charger may have begun; insert an unknown idTag.

        Told a second time, it is the same session.
        """
        with self.lock:
            status = self.authorise(id_tag, starting=True)
            told = charge_box_id, connector_id, folded(id_tag), start_wh, started_at
            session = self.sessions.get(self._pk_by_told.get(told, 0))
            if session is None:
                session = self._begun(charge_box_id, connector_id, id_tag, start_wh, started_at)
                self._pk_by_told[told] = session.pk
            return session, status

    def _begun(
        self, charge_box_id: str, connector_id: int, id_tag: str, start_wh: int, started_at: datetime
    ) -> Session:
        tag = self.tag(id_tag) or self.add_tag(
            id_tag,
            max_active_transaction_count=0,
            note="This unknown idTag was used in a transaction that started @ "
            f"{iso(started_at)}. It was reported @ {iso(self.now())}.",
        )
        pk = next(self._session_pks)
        self.sessions[pk] = Session(
            pk, charge_box_id, connector_id, id_tag, tag.pk, started_at, start_wh, meter_wh=start_wh
        )
        return self.sessions[pk]

    def metered(self, pk: int, wh: int, told_at: datetime) -> Session | None:
        """Keep what a charge box told of its running session; one that is unknown is passed over."""
        with self.lock:
            session = self.sessions.get(pk)
            if session is not None:
                session.meter_wh = wh
                box, connector = session.charge_box_id, session.connector_id
                self.meter_values.append(MeterValue(box, connector, pk, told_at, wh))
            return session

    def stop(
        self, pk: int, stop_wh: int, stopped_at: datetime, reason: str | None, *, actor: str = "station"
    ) -> Session | None:
        """Close a session, without the checks of `told_to_stop`, so that any state can be set up."""
        with self.lock:
            session = self.sessions.get(pk)
            if session is not None and session.is_running:
                session.stopped_at, session.stop_wh, session.meter_wh = stopped_at, stop_wh, stop_wh
                session.stop_reason, session.stop_actor = reason, actor
            return session

    def told_to_stop(
        self,
        charge_box_id: str,
        pk: int,
        stop_wh: int,
        stopped_at: datetime,
        *,
        reason: str | None = None,
        id_tag: str | None = None,
    ) -> Session | None:
        """Close a session as a charge box asks for, and return it; None if SteVe does not do so.

        Then the session stays as it is and the reason is kept: the charge box never hears of it. A session
        that is unknown (its idTag was deleted) is passed over.
        """
        with self.lock:
            session = self.sessions.get(pk)
            if session is None:
                return None
            why = self._why_not(session, charge_box_id, stop_wh, stopped_at, id_tag)
            if why:
                self.failed_stops.append(FailedStop(pk, charge_box_id, why))
                return None
            return self.stop(pk, stop_wh, stopped_at, reason)

    def _why_not(
        self, session: Session, charge_box_id: str, stop_wh: int, stopped_at: datetime, id_tag: str | None
    ) -> str:
        """Say why SteVe does not carry out a stop; empty if it does."""
        parent = self.tags[session.tag_pk].parent_id_tag
        reasons = {
            "already_stopped": not session.is_running,
            "another_charge_box": folded(charge_box_id) != folded(session.charge_box_id),
            "before_the_start": stopped_at < session.started_at,
            "in_the_future": stopped_at > self.now() + MAY_BE_AHEAD,
            "meter_below_the_start": stop_wh < session.start_wh,
            "another_id_tag": id_tag is not None and id_tag not in (session.id_tag, parent),
        }
        return next((reason for reason, is_true in reasons.items() if is_true), "")
