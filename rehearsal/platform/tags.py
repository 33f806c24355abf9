"""idTags in SteVe brought to what the mappings say: open for those who pay, blocked for all others."""

from dataclasses import dataclass, field
from datetime import UTC

from psycopg.types.json import Jsonb

from rehearsal.platform import notes
from rehearsal.platform.database import Connection, Row
from rehearsal.platform.http_api import ApiError
from rehearsal.platform.snapshot import Snapshot
from rehearsal.platform.steve import BLOCKED, UNLIMITED, SteveApi
from rehearsal.stand_in.messages import Json


@dataclass(slots=True)
class TagCounts:
    activated: int = 0
    deactivated: int = 0
    unchanged: int = 0
    refused: list[str] = field(default_factory=list)  # why SteVe did not take a write


def bring_into_line(snapshot: Snapshot, names: dict[str, str], steve: SteveApi) -> TagCounts:
    """Write each idTag that differs. Parent and expiry stay as they were read; refusals are kept."""
    payers, counts = snapshot.payers(), TagCounts()
    for tag in snapshot.tags:
        payer = payers.of(tag["idTag"])
        limit = UNLIMITED if payer else BLOCKED
        text = _text(snapshot, names, payer)
        if tag["maxActiveTransactionCount"] == limit and notes.says(tag["note"], text):
            counts.unchanged += 1
            continue
        _write(steve, tag, limit, text, counts)
    return counts


def _write(steve: SteveApi, tag: Json, limit: int, text: str, counts: TagCounts) -> None:
    try:
        steve.replace(
            tag["ocppTagPk"],
            tag["idTag"],
            limit,
            notes.stamped(text),
            parent=tag["parentIdTag"],
            expiry=tag["expiryDate"],
        )
    except ApiError as error:
        counts.refused.append(str(error))
        return
    is_same = tag["maxActiveTransactionCount"] == limit
    counts.unchanged += is_same  # only the note is new
    counts.activated += not is_same and limit == UNLIMITED
    counts.deactivated += not is_same and limit == BLOCKED


def _text(snapshot: Snapshot, names: dict[str, str], payer: Row | None) -> str:
    """Name who pays for an idTag, as Lago names them if it does."""
    if payer is None:
        return notes.NOT_LINKED
    external_id = payer["lago_customer_external_id"]
    name = names.get(external_id) or snapshot.names.get(payer["user_id"]) or external_id
    return notes.linked(name or "Unknown", payer["lago_subscription_external_id"])


def write_one(connection: Connection, steve: SteveApi, mapping: Row, limit: int, name: str | None) -> bool:
    """Write the idTag of one mapping, by the number and from the mirror columns that the mapping holds.

    What they do not hold is cleared in SteVe. A refusal becomes a notification and is not tried again later.
    """
    linked = notes.linked(name or mapping["steve_ocpp_id_tag"], mapping["lago_subscription_external_id"])
    text = notes.NOT_LINKED if limit == BLOCKED else linked
    expiry = mapping.get("steve_expiry_date")
    try:
        steve.replace(
            mapping["steve_ocpp_tag_pk"],
            mapping["steve_ocpp_id_tag"],
            limit,
            notes.stamped(text),
            parent=mapping.get("steve_parent_id_tag"),
            expiry=expiry.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S") if expiry else None,
        )
    except ApiError as error:
        notify(connection, "steve_sync_failed", "error", mapping, str(error))
        return False
    return True


def notify(connection: Connection, kind: str, severity: str, mapping: Row, reason: str = "") -> None:
    connection.execute(
        "insert into notifications (kind, severity, source_type, source_id, context)"
        " values (%s, %s, 'user_mapping', %s, %s)",
        [kind, severity, str(mapping["id"]), Jsonb({"reason": reason})],
    )
