"""Time zones by their names, which come from settings, from forms and from Lago."""

from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

UTC_ZONE = ZoneInfo("UTC")
NO_PLACES = ("right/", "posix/", "posixrules")  # beside the zones on a disk: others' leap seconds and rules


@lru_cache(maxsize=1_000)
def named_zone(name: str) -> ZoneInfo | None:
    """Return the zone of that exact name; None where this machine knows none, or none was named.

    The list of all zones, `available_timezones`, takes longer to read than a mail to write.
    """
    if name.startswith(NO_PLACES):
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a name may be that of a folder, or no path at all
        return None


def zone_of(*names: str) -> ZoneInfo:
    """Return the first of these zones that this machine knows, else UTC."""
    return next((zone for zone in map(named_zone, names) if zone), UTC_ZONE)
