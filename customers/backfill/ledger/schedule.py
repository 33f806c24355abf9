"""When a run is to begin that waits for its hour: said in a zone, kept as an instant.

A time that the clocks of the zone leave out is refused, and one that they show twice has to be said in UTC.
"""

from collections.abc import Callable
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from auditlog.models import Event, record
from customers.backfill.ledger import life
from customers.backfill.refused import Refused
from customers.models import BackfillRun
from kernel.zones import named_zone, zone_of

Status = BackfillRun.Status
FARTHEST = timedelta(days=7)  # as the file is kept for as long
LATEST = timedelta(hours=12)  # after its hour; then nobody waits for it any more
SHOWN = "%Y-%m-%d %H:%M"


def instant(said: datetime, zone_name: str, now: datetime) -> datetime:
    """Return which instant a wall clock's time is; raise Refused unless it is one, and soon enough."""
    zone = named_zone(zone_name)
    if zone is None:
        raise Refused(f"There is no time zone {zone_name!r}. Say it as in Europe/Berlin, or UTC.")
    told = f"{said:{SHOWN}} in {zone_name}"
    if said.year in (MINYEAR, MAXYEAR):  # some of these are in no year of UTC
        raise Refused(f"{told} is no time at which a run can begin.")
    first, second = (said.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first.astimezone(zone).replace(tzinfo=None) != said:
        after = first.astimezone(zone)
        raise Refused(
            f"There is no {told}: the clocks are put forward, and it is {after:%H:%M} at once.",
            "Choose a time before or after that.",
        )
    if first != second:
        raise Refused(
            f"{told} comes twice, as the clocks are put back:"
            f" at {first:%H:%M} UTC and at {second:%H:%M} UTC.",
            "Say which one: choose the zone UTC.",
        )
    if first <= now:
        raise Refused(f"{told} is over ({first:{SHOWN}} UTC).")
    if first > now + FARTHEST:
        raise Refused(f"{told} is more than {FARTHEST.days} days away; a file is not kept for so long.")
    return first


def is_due(path: str = "") -> Q:
    """Select runs that wait for no hour, or whose hour has come."""
    return Q(**{f"{path}starts_at": None}) | Q(**{f"{path}starts_at__lte": timezone.now()})


def told(run: BackfillRun) -> str:
    """Say when it is to begin, in the zone in which that was said, and in UTC; blank if that is not set."""
    if run.starts_at is None:
        return ""
    utc = f"{run.starts_at.astimezone(UTC):{SHOWN}} UTC"
    if run.starts_zone in ("", "UTC"):
        return utc
    return f"{run.starts_at.astimezone(zone_of(run.starts_zone)):{SHOWN}} {run.starts_zone} ({utc})"


def is_missed(run: BackfillRun, now: Callable[[], datetime] = timezone.now) -> bool:
    """End a run that could not begin for so long after its hour that nobody means it any more."""
    if run.starts_at is None or run.status != Status.QUEUED or now() <= run.starts_at + LATEST:
        return False
    hours = int(LATEST.total_seconds() // 3600)
    reason = f"it was to begin at {told(run)}, and for {hours} hours nobody was there to do it"
    life.give_up(run, Status.INTERRUPTED, reason=reason, actor=run.actor)
    return True


@transaction.atomic
def start_now(run: BackfillRun, *, actor: str) -> bool:
    """Let a run begin before its hour; False if it does not wait for one."""
    waiting = BackfillRun.objects.filter(pk=run.pk, status=Status.QUEUED, starts_at__isnull=False)
    if not waiting.update(starts_at=None):
        return False
    record(run.audit_tag, actor, [Event("run.scheduled_now", f"run:{run.run_id}", {})])
    return True
