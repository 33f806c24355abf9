"""The platform's own controls below /sandbox, beside those that every stand-in has.

GET state, sync; POST sync, hold, slow, let-one, go-on, worker, purge, metas, library.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from rehearsal.platform import housekeeping
from rehearsal.platform.exchange import PlatformExchange
from rehearsal.platform.gate import Gate
from rehearsal.platform.metas import Metas
from rehearsal.platform.sign_in import Library
from rehearsal.platform.surroundings import Surroundings
from rehearsal.platform.syncs import Syncs, Worker, shown
from rehearsal.stand_in.messages import Json
from rehearsal.stand_in.steering import Controls


@dataclass(frozen=True, slots=True)
class Platform:
    """All parts of one running stand-in."""

    surroundings: Surroundings
    gate: Gate
    syncs: Syncs
    worker: Worker
    exchange: PlatformExchange


def controls(platform: Platform) -> Controls:
    return {name: partial(action, platform) for name, action in ACTIONS.items()}


def _state(platform: Platform, _: Json) -> Json:
    """Return what the platform went through: its runs, its webhooks and its notifications, oldest first."""
    database = platform.surroundings.database
    webhooks = database.rows(
        "select webhook_type, external_customer_id, external_subscription_id, processing_error,"
        " processed_at is not null as is_processed from lago_webhook_events order by id"
    )
    logs = database.rows("select sync_run_id, segment, level, message from sync_run_logs order by id")
    return {
        "runs": [_plain(run) for run in database.rows("select * from sync_runs order by id")],
        "logs": logs,
        "webhooks": webhooks,
        "notifications": database.rows("select kind, source_id from notifications order by id"),
        "requests": dict(platform.exchange.log.counts),
    }


def _plain(row: Json) -> Json:
    return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in row.items()}


def _sync(platform: Platform, _: Json) -> Json:
    return {"held": platform.gate.held(), "worker": platform.worker.on, **shown(platform.syncs)}


def _begin_sync(platform: Platform, _: Json) -> Json:
    """Begin a sync: how many had finished before it, and null if one goes on."""
    return {"finished": platform.syncs.begin()}


def _hold(platform: Platform, body: Json) -> None:
    """Hold whatever comes to a point from now on."""
    platform.gate.hold(body["at"])


def _slow(platform: Platform, body: Json) -> None:
    """Let the platform take so many seconds at a point: how long its races are open."""
    platform.gate.slow(body["at"], float(body["seconds"]))


def _let_one(platform: Platform, body: Json) -> None:
    """Let go of what has waited longest at a point."""
    platform.gate.let_one(body["at"])


def _go_on(platform: Platform, _: Json) -> None:
    platform.gate.go_on()


def _worker(platform: Platform, body: Json) -> None:
    """Stop the sync worker, or start it: while it is stopped, notifications are lost."""
    platform.worker.on = _flag(body["on"])


def _flag(value: Any) -> bool:
    return str(value).lower() in ("1", "true")


def _purge(platform: Platform, _: Json) -> Json:
    with platform.surroundings.database.connection() as connection:
        return {"purged": housekeeping.purge(connection)}


def _metas(platform: Platform, _: Json) -> Json:
    """Run the platform's script: a META for each customer, and cards put under them."""
    around = platform.surroundings
    with around.database.connection() as connection, around.lago() as lago, around.steve() as steve:
        return {"customers": Metas(connection, lago, steve, platform.gate).ensure_all()}


def _library(platform: Platform, body: Json) -> None:
    """Choose the version of the sign-in library, 1.6 or 1.7."""
    platform.exchange.site.sign_in.library = Library(body["version"])


ACTIONS: dict[tuple[str, str], Callable[[Platform, Json], Json | None]] = {
    ("GET", "state"): _state,
    ("GET", "sync"): _sync,
    ("POST", "sync"): _begin_sync,
    ("POST", "hold"): _hold,
    ("POST", "slow"): _slow,
    ("POST", "let-one"): _let_one,
    ("POST", "go-on"): _go_on,
    ("POST", "worker"): _worker,
    ("POST", "purge"): _purge,
    ("POST", "metas"): _metas,
    ("POST", "library"): _library,
}
