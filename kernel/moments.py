"""When something was, as people say it."""

from datetime import datetime

MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400
SAID_BY_DATE_S = 30 * DAY_S


def ago(moment: datetime, now: datetime) -> str:
    """Say how long ago it was, or in how long it will be; by its date where that is a month and more.

    Whole units, rounded down, as people do: after 119 minutes it is 1 hour ago.
    """
    seconds = (now - moment).total_seconds()
    if abs(seconds) < MINUTE_S:
        return "just now"
    if abs(seconds) >= SAID_BY_DATE_S:
        return f"{moment:%Y-%m-%d}"
    told = _counted(abs(seconds))
    return f"{told} ago" if seconds > 0 else f"in {told}"


def _counted(seconds: float) -> str:
    units = ((DAY_S, "day"), (HOUR_S, "hour"), (MINUTE_S, "minute"))
    size, name = next(unit for unit in units if seconds >= unit[0])
    number = int(seconds // size)
    return f"{number} {name}{'' if number == 1 else 's'}"
