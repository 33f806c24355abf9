"""The transactions of the REST API: what is shown and what can be asked for."""

import csv
import io
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from rehearsal.steve.folding import folded
from rehearsal.steve.queries import Query
from rehearsal.steve.tables import Session
from rehearsal.steve.tag_table import NOT_UNDERSTOOD, RefusalError
from rehearsal.steve.versions import V3_8, V3_9
from rehearsal.steve.world import World

PERIODS_DAYS = {"TODAY": 0, "LAST_10": 10, "LAST_30": 30, "LAST_90": 90}
PERIODS = ("ALL", *PERIODS_DAYS, "FROM_TO")
ID_TAG = re.compile(r"[A-Za-z0-9.:_#-]{1,40}", re.ASCII)
CHARGE_BOX_ID = re.compile(r"[^=/()<>]+")
EVERYTHING = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
MOMENT = timedelta(microseconds=1)


def shown(world: World, session: Session) -> dict[str, Any]:
    charge_box = world.charge_box(session.charge_box_id)
    told = session.to_json(charge_box.pk if charge_box else 0)
    return told | {"userId": world.tags[session.tag_pk].user_pk} if world.version >= V3_9 else told


def details(world: World, session: Session) -> dict[str, Any]:
    """Return the OpenAPI description's `TransactionDetails`.

    What was told of a connector and belongs to no session any more is shown with the session of that time.
    """
    last = session.stopped_at or world.now()
    values = [
        value
        for value in world.meter_values
        if value.session_pk == session.pk
        or (
            value.session_pk is None
            and (value.charge_box_id, value.connector_id) == (session.charge_box_id, session.connector_id)
            and session.started_at <= value.told_at <= last
        )
    ]
    return {"transaction": shown(world, session), "values": [value.to_json() for value in values]}


def by_pk(world: World, pk: int) -> Session:
    session = world.sessions.get(pk)
    if session is None:
        raise RefusalError(404, "Could not find this transaction")
    return session


def stop(world: World, session: Session) -> None:
    """End a session by hand, with what the charge box told last; one that has ended stays as it is."""
    world.stop(session.pk, session.meter_wh, world.now(), None, actor="manual")


def filtered(world: World, query: Query) -> list[Session]:
    """Find what meets all conditions, newest first; raise RefusalError where one is none."""
    kinds = ("ALL", "ACTIVE", "STOPPED") if world.version >= V3_8 else ("ALL", "ACTIVE")
    kind, (first, last) = query.word("type", kinds), _period(world.now(), query)
    pks, connector_id = query.numbers("transactionPk"), query.number("connectorId")
    users = _user_pks(query)
    boxes = _texts(query, "chargeBoxId", CHARGE_BOX_ID)
    id_tags = _texts(query, "ocppIdTag", ID_TAG)
    if query.truth("returnCSV"):
        raise RefusalError(400, NOT_UNDERSTOOD)
    return [
        session
        for session in sorted(world.sessions.values(), key=lambda session: -session.pk)
        if kind == "ALL" or (kind == "ACTIVE") == session.is_running
        if not pks or session.pk in pks
        if connector_id is None or session.connector_id == connector_id
        if not id_tags or folded(session.id_tag) in id_tags
        if not boxes or folded(session.charge_box_id) in boxes
        if not users or world.tags[session.tag_pk].user_pk in users
        if first <= session.started_at <= last
    ]


def report(world: World, query: Query) -> bytes:
    """Return the sessions of a period as CSV."""
    first, last = _from_to(query)
    found = [shown(world, s) for s in world.sessions.values() if first <= s.started_at <= last]
    columns = ("id", "chargeBoxId", "connectorId", "ocppIdTag", "startTimestamp", "startValue")
    file = io.StringIO()
    writer = csv.DictWriter(
        file, (*columns, "stopTimestamp", "stopValue", "stopReason"), extrasaction="ignore"
    )
    writer.writeheader()
    writer.writerows(found)
    return file.getvalue().encode()


def _texts(query: Query, name: str, form: re.Pattern[str]) -> set[str]:
    """Return the folded items of a list; one that has not this form spoils it all."""
    given = query.texts(name)
    if not all(form.fullmatch(item) for item in given):
        raise RefusalError(400, NOT_UNDERSTOOD)
    return {folded(item) for item in given}


def _user_pks(query: Query) -> Sequence[int]:
    pks = query.numbers("userId")
    if any(pk <= 0 for pk in pks):
        raise RefusalError(400, NOT_UNDERSTOOD)
    return pks


def _period(now: datetime, query: Query) -> tuple[datetime, datetime]:
    """Return first and last instant of the period, both in it; those of SteVe count whole days."""
    name = query.word("periodType", PERIODS)
    query.instant("from"), query.instant("to")  # refused where they are none, whether they count or not
    if name == "FROM_TO":
        return _from_to(query)
    if name == "ALL":
        return EVERYTHING
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=PERIODS_DAYS[name]), today + timedelta(days=1) - MOMENT


def _from_to(query: Query) -> tuple[datetime, datetime]:
    first, last = query.instant("from"), query.instant("to")
    if first is None or last is None or last <= first:
        raise RefusalError(400, NOT_UNDERSTOOD)
    return first, last
