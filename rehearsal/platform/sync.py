"""One run of the platform's sync, from its snapshot to its row in `sync_runs`."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg

from rehearsal.platform import accounts, caches, housekeeping, snapshot, tags
from rehearsal.platform.database import Connection, Row, rows
from rehearsal.platform.gate import Gate, Point
from rehearsal.platform.http_api import ApiError
from rehearsal.platform.lago import LagoApi
from rehearsal.platform.steve import SteveApi
from rehearsal.platform.surroundings import Surroundings
from rehearsal.platform.usage import Billing, UsageCounts
from rehearsal.stand_in.messages import Json


@dataclass(frozen=True, slots=True)
class LagoSide:
    """What a run learned from Lago: running subscriptions by customer, and the customers' names."""

    active: dict[str, list[Json]]
    names: dict[str, str]


@dataclass(frozen=True, slots=True)
class Sync:
    surroundings: Surroundings
    gate: Gate

    def run(self) -> Row:
        """Run once and return its row: `failed` if a system does. Raise psycopg.Error without a database."""
        around = self.surroundings
        with around.database.connection() as connection, around.lago() as lago, around.steve() as steve:
            run = _begun(connection)
            try:
                self._run(connection, lago, steve, run["id"])
            except (ApiError, psycopg.Error) as error:
                reason = str(error) if isinstance(error, ApiError) else type(error).__name__
                _ended(connection, run["id"], "failed", [reason])
            housekeeping.purge(connection)
            return rows(connection, "select * from sync_runs where id = %s", run["id"])[0]

    def _run(self, connection: Connection, lago: LagoApi, steve: SteveApi, run_id: int) -> None:
        began_at = datetime.now(UTC)
        seen = snapshot.read(connection, steve)
        self.gate.pass_by(Point.LAGO)
        found = _follow_lago(connection, lago, seen, run_id)
        self.gate.pass_by(Point.TAGS)
        tag_counts = tags.bring_into_line(seen, found.names, steve)
        _log(connection, run_id, "tag_linking", "warn", tag_counts.refused)
        self.gate.pass_by(Point.USAGE)
        billing = Billing(connection, lago, self.surroundings.metric_code, run_id)
        usage = billing.bill(seen, found.active, began_at, self.surroundings.look_back)
        self.gate.pass_by(Point.END)
        _count(connection, run_id, tag_counts, usage)
        _ended(connection, run_id, "completed", usage.errors)


def _begun(connection: Connection) -> Row:
    return rows(connection, "insert into sync_runs default values returning id")[0]


def _follow_lago(connection: Connection, lago: LagoApi, seen: snapshot.Snapshot, run_id: int) -> LagoSide:
    """Fill the caches, make users, and ask of each mapped customer what it asks one by one."""
    customers = lago.customers()
    left_out = caches.follow(connection, customers, lago.active_subscriptions())
    _log(connection, run_id, "tag_linking", "error", [f"No room in the cache for {one}" for one in left_out])
    cached = caches.customers(connection)
    outcomes = accounts.provide(connection, lago, cached)
    _log(connection, run_id, "tag_linking", "info", [f"{it}: {how}" for it, how in outcomes.items()])
    unknown = caches.unknown_subscriptions(connection)
    _log(
        connection,
        run_id,
        "tag_linking",
        "warn",
        [f"Unknown subscription of mapping {one}" for one in unknown],
    )
    for row in cached:
        lago.wallets_of(row["external_id"])
    mapped = {row["lago_customer_external_id"] for row in seen.payers().active()} - {None}
    return LagoSide(
        {external_id: lago.active_subscriptions_of(external_id) for external_id in sorted(mapped)},
        {one["external_id"]: one["name"] for one in customers if one["name"]},
    )


def _log(connection: Connection, run_id: int, segment: str, level: str, messages: list[str]) -> None:
    connection.cursor().executemany(
        "insert into sync_run_logs (sync_run_id, segment, level, message) values (%s, %s, %s, %s)",
        [(run_id, segment, level, message) for message in messages],
    )


def _count(connection: Connection, run_id: int, tag: tags.TagCounts, usage: UsageCounts) -> None:
    connection.execute(
        "update sync_runs set tags_activated = %s, tags_deactivated = %s, tags_unchanged = %s,"
        " transactions_processed = %s, events_created = %s where id = %s",
        [tag.activated, tag.deactivated, tag.unchanged, usage.processed, usage.sent, run_id],
    )


def _ended(connection: Connection, run_id: int, status: str, errors: list[str]) -> None:
    """What SteVe refused is no error of a run: it only shows in the log."""
    connection.execute(
        "update sync_runs set status = %s, completed_at = now(), errors = %s where id = %s",
        [status, json.dumps(errors) if errors else None, run_id],
    )
