"""The platform as a campaign meets it, where one is connected: then links lead to its own sign-in."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings

from customers.backfill.beside import is_beside_platform
from customers.backfill.refused import Refused
from customers.models import BackfillRun
from kernel import RemoteError
from polaris import PlatformDatabase
from polaris.probing import prove_links
from polaris.sign_ins import Standing, standings

Seen = Mapping[str, Standing]


@dataclass(frozen=True, slots=True)
class Platform:
    database: PlatformDatabase
    customer_url: str


def require_address() -> None:
    """Raise Refused where the platform is connected and nobody said where its customers sign in."""
    if is_beside_platform() and not settings.POLARIS_CUSTOMER_URL:
        raise Refused(
            "POLARIS_CUSTOMER_URL is not set, although POLARIS_DATABASE_URL is.",
            "Set it to the address where the platform's customers sign in: the links in mails lead there.",
        )


@contextmanager
def opened() -> Iterator[Platform | None]:
    """Open the platform; None where none is connected. Connects when first asked; raises Refused."""
    require_address()
    if not is_beside_platform():
        yield None
        return
    database = PlatformDatabase(settings.POLARIS_DATABASE_URL)
    try:
        yield Platform(database, settings.POLARIS_CUSTOMER_URL)
    finally:
        database.close()


def require_links() -> None:
    """Raise Refused unless the platform, where one is connected, signs people in by links of ours."""
    with opened() as platform:
        if platform is None:
            return
        try:
            platform.database.preflight()
            prove_links(platform.database, platform.customer_url)
        except RemoteError as error:
            raise Refused(f"{error}.", error.hint) from error


def seen_there(run: BackfillRun) -> Seen | None:
    """Return how the run's customers stand at the platform; None where none is connected. Raises Refused.

    Reads only. Not to be called in a transaction, as that would stay open while another database is asked.
    """
    with opened() as platform:
        if platform is None:
            return None
        external_ids = run.rows.exclude(external_id="").values_list("external_id", flat=True)
        try:
            return standings(platform.database, external_ids.iterator())
        except RemoteError as error:
            raise Refused(f"{error}.", error.hint) from error
