"""Whether the platform's own database, sync and pages are as an import needs them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import connection

from charging import SteveIdTagStep
from customers.backfill.beside import is_beside_platform
from customers.backfill.engine.expected import about
from customers.backfill.preflight.asked import Asked
from customers.backfill.preflight.clocks import compared
from customers.backfill.preflight.finding import Check, Part, State, Told, ok, stop, warning
from customers.backfill.systems import platform_database, steve_client
from customers.backfill.unasked import BESIDE_UNASKED, WHAT_TO_SAY
from kernel import RemoteError
from polaris import PlatformDatabase, preflight, site
from polaris.preflight import Syncs
from polaris.rights import Right, grants, lacking
from polaris.schema import holds_platform

# It syncs each hour, and once a week where little goes on.
SELDOM = timedelta(minutes=90)
TOO_LONG = timedelta(days=8)
KEY, TITLE = "platform", "Platform"


def part() -> Part[Asked] | Part["Platform"]:
    """Return the checks that the settings ask for: with the platform's database, or without it."""
    return CONNECTED if is_beside_platform() else NOT_CONNECTED


# --- Without it ----------------------------------------------------------------------------------------


@contextmanager
def _with_nothing(asked: Asked) -> Iterator[Asked]:
    yield asked


def unasked(asked: Asked) -> Told:
    with connection.cursor() as cursor:
        is_beside = holds_platform(cursor)
    if not is_beside:
        return ok("its database is not configured, so nothing is written there")
    if settings.POLARIS_DATABASE_URL:
        found = "its tables are in the database of DATABASE_URL, and POLARIS_DATABASE_URL says none"
        return warning(found, "Its next sync blocks the cards of a run in SteVe, unless that address is set.")
    return stop(BESIDE_UNASKED, WHAT_TO_SAY)


NOT_CONNECTED = Part(KEY, TITLE, _with_nothing, (Check("database", unasked),))


# --- With it -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Platform:
    database: PlatformDatabase
    asked: Asked


@contextmanager
def _opened(asked: Asked) -> Iterator[Platform]:
    with platform_database(asked.deadline) as database:
        yield Platform(database, asked)


def answers(platform: Platform) -> Told:
    preflight.role(platform.database)
    return ok(platform.database.place)


def columns(platform: Platform) -> Told:
    missing = platform.database.columns.missing
    if missing:
        remedy = (
            "See that it is a Polaris Express, and have its migrations add them: an upgrade may skip some."
        )
        return stop(f"there is no {', '.join(missing)}", remedy)
    return ok("all that is needed is there")


def rights(platform: Platform) -> Told:
    lacks = lacking(platform.database)
    return judged(lacks, grants(lacks, preflight.role(platform.database))) if lacks else ok("they suffice")


def judged(lacks: Sequence[Right], statements: str) -> Told:
    """Say what the role cannot do; what only leaves something out does not stop the night."""
    needed = [right for right in lacks if not right.only_for]
    remedy = f"Have the owner of the tables run: {statements}"
    if needed:
        return stop(f"the role may not {', '.join(map(_said, needed))}", remedy)
    left_out = " and ".join(dict.fromkeys(right.only_for for right in lacks))
    return warning(f"the role may not {', '.join(map(_said, lacks))}: {left_out} will be left out", remedy)


def _said(right: Right) -> str:
    columns = f" ({', '.join(right.columns)})" if right.columns else ""
    return f"{right.privilege} {right.table}{columns}"


def steve(platform: Platform) -> Told:
    """Compare the numbers of some idTags: each SteVe counts its own."""
    client = steve_client(tries=1, deadline=platform.asked.deadline)
    if client is None:
        variables = ", ".join(SteveIdTagStep.variables)
        return stop(
            "each of its cards has its number in SteVe, and SteVe is not configured", f"Set {variables}."
        )
    cards = preflight.cards(platform.database)
    with closing(client):
        try:
            tags = {tag.ocpp_tag_pk: tag.id_tag for tag in client.id_tags()} if cards else {}
        except RemoteError as error:
            return warning(f"its cards cannot be compared: {error}.", "See what is said of SteVe.")
    return same_steve(cards, tags)


def same_steve(cards: Sequence[tuple[int, str]], tags: Mapping[int, str]) -> Told:
    if not cards:
        remedy = "Compare by hand: SteVe's address in the platform's settings, and STEVE_BASE_URL."
        return warning("it has no card yet by which its SteVe could be told", remedy)
    same = sum(tags.get(number) == id_tag for number, id_tag in cards)
    found = f"{same:,} of its {len(cards):,} newest cards are in our SteVe, under the same number"
    if same == len(cards):
        return ok(found)
    if same:
        return warning(found, "The others were deleted in SteVe, or made again: look at these cards there.")
    return stop(
        found, "Set STEVE_BASE_URL to the SteVe of the platform, or POLARIS_DATABASE_URL to its platform."
    )


def sync(platform: Platform) -> Told:
    return synced(preflight.syncs(platform.database))


def synced(syncs: Syncs | None) -> Told:
    start = "Start the platform's sync worker: cards open and sessions are billed by its sync alone."
    if syncs is None:
        return stop("it has never synced", start)
    often = f", and about every {_about(syncs.every)}" if syncs.every else ""
    goes_on = "; one goes on now" if syncs.is_running else ""
    found = f"synced {_about(syncs.ago)} ago{often}{goes_on}"
    if syncs.ago > TOO_LONG:
        return stop(found, start)
    if max(syncs.ago, syncs.every or syncs.ago) > SELDOM:
        remedy = (
            "Nothing, if it is quiet there: a run wakes it. See that it syncs before ten past midnight on the"
            " 1st, when Lago bills."
        )
        return warning(found, remedy)
    return ok(found)


def _about(time: timedelta) -> str:
    return about(time.total_seconds())


def pages(platform: Platform) -> Told:
    url = settings.POLARIS_CUSTOMER_URL
    if not url:
        remedy = "Set it to where customers of the platform sign in."
        return warning("POLARIS_CUSTOMER_URL is not set, so invitations cannot lead there", remedy)
    if site.has_sign_in(url):
        return ok(f"{url} has a page that links lead to")
    return warning(
        f"{url} has no {site.SIGN_IN}", "Set POLARIS_CUSTOMER_URL to the platform's customer pages."
    )


def clock(platform: Platform) -> Told:
    why = "whether a sync began after a run's last write, and until when links work, is told by it"
    return compared(preflight.time(platform.database), platform.asked.now(), why, stops=False)


CONNECTED = Part(
    KEY,
    TITLE,
    _opened,
    (
        Check("database", answers, State.STOP, gate=True),
        Check("columns", columns, State.STOP),
        Check("rights of the role", rights, State.STOP),
        Check("same SteVe", steve, State.STOP),
        Check("sync", sync, State.STOP),
        Check("clock", clock),
        Check("customer pages", pages),
    ),
)
