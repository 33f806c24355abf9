"""How often something may be tried, counted in PostgreSQL so that it holds over processes and machines."""

import zlib
from collections.abc import Iterable, Mapping
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils.crypto import salted_hmac

from customers import locks
from customers.models import ThrottleMark

WINDOW = timedelta(minutes=10)


def bucket(kind: str, value: str) -> str:
    """Name who tries, here and in the audit log, without keeping the address itself."""
    keyed = salted_hmac(f"customers.throttle.{kind}", value.strip().lower(), algorithm="sha256")
    return f"{kind}:{keyed.hexdigest()[:16]}"


@transaction.atomic
def take(limits: Mapping[str, int], window: timedelta = WINDOW) -> str | None:
    """Count one try in each bucket, or in none if one of them is full; return the full one."""
    for name in sorted(limits):  # in one order everywhere, so that two never wait for each other
        _lock(name)
    full = full_one(limits, window)
    if full is None:
        ThrottleMark.objects.bulk_create([ThrottleMark(bucket=name) for name in limits])
    return full


def full_one(limits: Mapping[str, int], window: timedelta = WINDOW) -> str | None:
    """Return the first bucket that holds as many tries as it may, if one does."""
    return next((name for name, most in limits.items() if _recent(name, window).count() >= most), None)


def was_marked(name: str, window: timedelta) -> bool:
    return _recent(name, window).exists()


def forget(names: Iterable[str]) -> int:
    return ThrottleMark.objects.filter(bucket__in=list(names)).delete()[0]


def give_back(name: str) -> None:
    """Uncount the last try in a bucket: it came to nothing, and not by the fault of who tried."""
    last = ThrottleMark.objects.filter(bucket=name).order_by("-at")[:1]
    ThrottleMark.objects.filter(pk__in=last.values("pk")).delete()


def forget_old_marks() -> int:
    longest = max(WINDOW, settings.AXES_COOLOFF_TIME)
    return ThrottleMark.objects.filter(at__lt=Now() - longest).delete()[0]


def _recent(name: str, window: timedelta) -> QuerySet[ThrottleMark]:
    return ThrottleMark.objects.filter(bucket=name, at__gt=Now() - window)


def _lock(name: str) -> None:
    """Make two tries of a bucket follow each other, or both could take its last place."""
    number = zlib.crc32(name.encode()) - 2**31
    locks.TRIES.wait(number)
