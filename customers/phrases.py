"""Days, moments and durations in the words of the language that is active."""

from datetime import date, datetime, timedelta

from django.utils import dateformat
from django.utils.translation import get_language, ngettext, pgettext

from kernel.zones import zone_of

SMALL_MONTHS = ("it",)  # which Django writes as if they were headings


def day(value: date) -> str:
    """Write a day out. Some languages count the first of a month otherwise than the others: 1er mai."""
    form = pgettext("format of a day", "j F Y")
    if value.day == 1:
        form = pgettext("format of the first day of a month", "j F Y")
    text = dateformat.format(value, form)
    return text.lower() if get_language() in SMALL_MONTHS else text


def moment(value: datetime, zone: str = "") -> str:
    """Write a moment out as it is in a zone, with the name of that; UTC where the zone is not known.

    Of some zones people have no short name, only a number: of those it is the whole one.
    """
    there = value.astimezone(zone_of(zone))
    time = dateformat.format(there, pgettext("format of a time", "H:i"))
    text = pgettext("a moment", "{day}, {time} {zone}")
    return text.format(day=day(there), time=time, zone=_zone(there, zone))


def _zone(there: datetime, zone: str) -> str:
    name = there.strftime("%Z")
    if name == "UTC":
        return pgettext("a time zone", "UTC, universal time")
    return name if name.isalpha() else f"({zone})"


def in_words(ttl: timedelta) -> str:
    """Say a duration as people do: in whole hours or days where it is whole, else in minutes."""
    minutes = max(1, round(ttl.total_seconds() / 60))
    if minutes % 1440 == 0 and minutes > 1440:
        days = minutes // 1440
        return ngettext("%(number)d day", "%(number)d days", days) % {"number": days}
    if minutes % 60 == 0:
        hours = minutes // 60
        return ngettext("%(number)d hour", "%(number)d hours", hours) % {"number": hours}
    return ngettext("%(number)d minute", "%(number)d minutes", minutes) % {"number": minutes}
