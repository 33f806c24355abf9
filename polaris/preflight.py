"""What is read in the platform's database before a night; nothing is written. All raise PolarisError."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from polaris.database import PlatformDatabase

COMPARED = 50  # mappings: enough to tell one SteVe from another
SYNCS = 10


def role(platform: PlatformDatabase) -> str:
    """Name the role that we are there, as SQL writes it."""
    ((name,),) = platform.read("SELECT quote_ident(current_user)")
    return str(name)


def time(platform: PlatformDatabase) -> datetime:
    ((now,),) = platform.read("SELECT clock_timestamp()")
    return cast(datetime, now)


def cards(platform: PlatformDatabase) -> Sequence[tuple[int, str]]:
    """Return SteVe's number and the idTag of the newest mappings."""
    query = "SELECT steve_ocpp_tag_pk, steve_ocpp_id_tag FROM user_mappings ORDER BY id DESC LIMIT %s"
    return [(int(pk), str(id_tag)) for pk, id_tag in platform.read(query, [COMPARED])]


@dataclass(frozen=True, slots=True)
class Syncs:
    """The last syncs that came to their end. `every` is None where there was only one."""

    ago: timedelta
    every: timedelta | None
    is_running: bool


def syncs(platform: PlatformDatabase) -> Syncs | None:
    """Say when the platform last synced, by its own clock, and how often; None if it never did."""
    query = """
        SELECT status = 'completed', clock_timestamp() - started_at FROM sync_runs
        WHERE status IN ('completed', 'running') ORDER BY started_at DESC LIMIT %s
    """
    found = platform.read(query, [SYNCS])
    ended = [ago for is_complete, ago in found if is_complete]
    if not ended:
        return None
    every = (ended[-1] - ended[0]) / (len(ended) - 1) if len(ended) > 1 else None
    return Syncs(ended[0], every, is_running=not found[0][0])
