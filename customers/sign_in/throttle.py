"""How often something may be tried, counted in PostgreSQL so that it holds over processes and machines."""

import zlib
from collections.abc import Mapping
from datetime import timedelta

from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils.crypto import salted_hmac

from customers.models import ThrottleMark

WINDOW = timedelta(minutes=10)
LOCK_CLASS = 0x74687274  # "thrt"


def bucket(kind: str, value: str) -> str:
    """Name who tries, here and in the audit log, without keeping the address itself."""
    keyed = salted_hmac(f"customers.throttle.{kind}", value.strip().lower(), algorithm="sha256")
    return f"{kind}:{keyed.hexdigest()[:16]}"


@transaction.atomic
def take(limits: Mapping[str, int]) -> str | None:
    """Count one try in each bucket, or in none if one of them is full; return the full one."""
    for name in sorted(limits):  # in one order everywhere, so that two never wait for each other
        _lock(name)
    recent = ThrottleMark.objects.filter(at__gt=Now() - WINDOW)
    for name, most in limits.items():
        if recent.filter(bucket=name).count() >= most:
            return name
    ThrottleMark.objects.bulk_create([ThrottleMark(bucket=name) for name in limits])
    return None


def forget_old_marks() -> int:
    return ThrottleMark.objects.filter(at__lt=Now() - WINDOW).delete()[0]


def _lock(name: str) -> None:
    """Make two tries of a bucket follow each other, or both could take its last place."""
    number = zlib.crc32(name.encode()) - 2**31
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK_CLASS, number])
