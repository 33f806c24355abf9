"""What the file means in these surroundings; what is wrong with its rows, the dry-run says."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from customers.backfill.beside import is_beside_platform
from customers.backfill.preflight import lago
from customers.backfill.preflight.asked import Asked, People
from customers.backfill.preflight.finding import Check, Part, State, Told, ok, stop, warning
from kernel import RemoteError
from kernel.wording import some_of
from kernel.zones import zone_of

NAMED = 5
NOBODY = People(0, {}, ())


@dataclass(frozen=True, slots=True)
class File:
    people: People
    zone: ZoneInfo  # in which days are meant
    today: date


@contextmanager
def _opened(asked: Asked) -> Iterator[File]:
    zone = _zone(asked)
    yield File(asked.people or NOBODY, zone, asked.now().astimezone(zone).date())


def _zone(asked: Asked) -> ZoneInfo:
    """Return the zone in which it is today; where Lago cannot say, that of its servers will do."""
    if settings.BACKFILL_TIMEZONE:
        return zone_of(settings.BACKFILL_TIMEZONE)
    try:
        with lago.opened(asked) as opened:
            return zone_of(opened.timezone)
    except (RemoteError, ImproperlyConfigured):  # which is said of Lago
        return zone_of()


def dots(file: File) -> Told:
    dotted = file.people.dotted
    if not dotted or is_beside_platform():
        return ok("no external_id is in the platform's way")
    named = some_of(dotted, NAMED)
    found = f"{len(dotted):,} with a dot ({named}): the platform cannot ask Lago for these customers"
    return warning(
        found, "Set POLARIS_DATABASE_URL, so that the run makes them there; or leave out the dots."
    )


def names(file: File) -> Told:
    lines = file.people.unusual
    if not lines:
        return ok("no name has characters that SteVe cannot keep")
    named = some_of([str(line) for line in lines], NAMED)
    found = f"line {named}: a character such as an emoji, which SteVe cannot keep"
    remedy = "Take it out: the platform writes names into SteVe, and where that fails the card stays shut."
    return stop(found, remedy) if is_beside_platform() else warning(found, remedy)


def starts(file: File) -> Told:
    """Count whose start lies in an earlier month: what is due for then, nobody will bill."""
    first = file.today.replace(day=1)
    days = (_day(start, file.zone) for start in file.people.starts.values() if start is not None)
    earlier = sum(day < first for day in days)
    of_all = f"{earlier:,} of {len(file.people.starts):,} customers start in an earlier month"
    if not earlier:
        return ok(of_all)
    found = f"{of_all}: no session of theirs that ended before {first} will ever be billed"
    remedy = (
        "Have the former system bill up to the cut-over. Later sessions are billed that began at most a day"
        " before the platform's first sync with the card."
    )
    return warning(found, remedy)


def _day(start: date | datetime, zone: ZoneInfo) -> date:
    return start.astimezone(zone).date() if isinstance(start, datetime) else start


FILE = Part(
    "file",
    "File",
    _opened,
    (
        Check("external_ids", dots),
        Check("names", names, State.STOP),
        Check("starts", starts),
    ),
)
