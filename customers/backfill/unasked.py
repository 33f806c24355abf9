"""Our database may be the platform's too, and nobody said what is to be done there: so nothing is written."""

from collections.abc import Sequence

from django.conf import settings
from django.db import connection

from customers.backfill.refused import Refused
from polaris.schema import holds_platform

BESIDE_UNASKED = (
    "The database of DATABASE_URL holds the tables of a Polaris Express, and POLARIS_DATABASE_URL is not set"
)
WHAT_TO_SAY = (
    "Set POLARIS_DATABASE_URL to the same address, so that the platform knows the customers and cards too;"
    " or to none: then its next sync blocks the cards of the run in SteVe."
)


def require_answer() -> None:
    """Raise Refused before anything is written or mailed while the question is open."""
    if _is_open():
        raise Refused(f"{BESIDE_UNASKED}.", WHAT_TO_SAY)


def remarks() -> Sequence[str]:
    """Say to whoever only reads that the question is open; nothing where it is not."""
    return (f"{BESIDE_UNASKED}: nothing is read or written there. {WHAT_TO_SAY}",) if _is_open() else ()


def _is_open() -> bool:
    if settings.POLARIS_DATABASE_URL:
        return False
    with connection.cursor() as cursor:
        return holds_platform(cursor)
