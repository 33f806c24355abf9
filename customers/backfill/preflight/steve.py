"""Whether SteVe is there, what an import costs it, and whether charge points find its door."""

import asyncio
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from django.conf import settings

from charging import SteveClient, cost
from charging.ocpp_door import knock
from charging.ocpp_session import ChargePointError
from customers.backfill.engine.expected import about
from customers.backfill.preflight.asked import Asked
from customers.backfill.preflight.clocks import compared
from customers.backfill.preflight.finding import Check, Part, State, Told, ok, stop, warning
from customers.backfill.systems import steve_client

USUAL_CARDS = 1000
LONG_S = 3600
NOBODY = "polaris-preflight"  # a charge box that SteVe does not know


@dataclass(frozen=True, slots=True)
class Steve:
    client: SteveClient | None
    asked: Asked


@contextmanager
def opened(asked: Asked) -> Iterator[Steve]:
    client = steve_client(tries=1, deadline=asked.deadline)
    if client is None:
        yield Steve(None, asked)
        return
    with closing(client):
        yield Steve(client, asked)


def answers(steve: Steve) -> Told:
    if steve.client is None:
        return ok("not configured, so idTags are not made there")
    steve.client.preflight()
    return ok(f"{steve.client.url}, and it takes the login")


def id_tags(steve: Steve) -> Told | None:
    if steve.client is None:
        return None
    there = len(steve.client.id_tags())
    people = steve.asked.people
    return costs(people.cards if people else USUAL_CARDS, there, steve.client.call_s or 0)


def costs(number: int, there: int, call_s: float) -> Told:
    """Say how long it takes to make so many more; each slows down those after it."""
    seconds = cost.creates_s(number, there=there, call_s=call_s)
    found = f"{there:,} are there; {number:,} more take about {about(seconds)} at what a call takes now"
    if seconds < LONG_S:
        return ok(found)
    return warning(found, "Plan the time, or import in parts (docs/scaling.md, SteVe).")


def clock(steve: Steve) -> Told | None:
    if steve.client is None:
        return None
    steve.client.preflight()
    if steve.client.served_at is None:
        return ok("it does not tell its time here; backfill_verify asks as a charge point")
    why = "sessions carry its time, and Lago bills them by that"
    return compared(steve.client.served_at, steve.asked.now(), why, stops=False)


def door(steve: Steve) -> Told | None:
    if not settings.STEVE_OCPP_URL:
        return None
    try:
        asyncio.run(knock(settings.STEVE_OCPP_URL, NOBODY))
    except ChargePointError as error:
        remedy = "Correct STEVE_OCPP_URL (docs/problems.md, a wrong OCPP address)."
        return stop(f"{error}", f"{remedy} Without it backfill_verify cannot charge.")
    return ok("charge points are heard at STEVE_OCPP_URL")


STEVE = Part(
    "steve",
    "SteVe",
    opened,
    (
        Check("answers", answers, State.STOP, gate=True),
        Check("idTags", id_tags, State.STOP),
        Check("clock", clock),
        Check("OCPP door", door),
    ),
)
