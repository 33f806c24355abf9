"""The transactions of the REST API: what is shown and what can be asked for."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from rehearsal.steve.tables import Session
from rehearsal.steve.world import NOT_UNDERSTOOD, RefusalError, World, instant_given

PERIODS_DAYS = {"TODAY": 0, "LAST_10": 10, "LAST_30": 30, "LAST_90": 90}


def shown(world: World, session: Session) -> dict[str, Any]:
    tag = world.tags[session.tag_pk]
    return session.to_json(world.charge_boxes[session.charge_box_id], tag.user_pk)


def filtered(world: World, query: Mapping[str, str]) -> list[Session]:
    kind, first, last = query.get("type", "ALL"), *_period(world.now(), query)
    if kind not in ("ALL", "ACTIVE", "STOPPED"):
        raise RefusalError(400, NOT_UNDERSTOOD)
    id_tag = query.get("ocppIdTag", "").casefold()
    return [
        session
        for session in sorted(world.sessions.values(), key=lambda session: -session.pk)
        if kind == "ALL" or (kind == "ACTIVE") == session.is_running
        if not id_tag or session.id_tag.casefold() == id_tag
        if query.get("chargeBoxId", session.charge_box_id) == session.charge_box_id
        if first <= session.started_at <= last
    ]


def _period(now: datetime, query: Mapping[str, str]) -> tuple[datetime, datetime]:
    """Return first and last instant of the period; those of SteVe count whole days."""
    name = query.get("periodType", "ALL")
    everything = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    if name == "ALL":
        return everything
    if name in PERIODS_DAYS:
        today = now.replace(hour=0, minute=0, second=0, microsecond=0)
        return today - timedelta(days=PERIODS_DAYS[name]), today + timedelta(days=1)
    if name != "FROM_TO" or not query.get("from") or not query.get("to"):
        raise RefusalError(400, NOT_UNDERSTOOD)
    first, last = instant_given(query["from"]), instant_given(query["to"])
    if last <= first:
        raise RefusalError(400, "'to' must be after 'from'")
    return first, last
