"""Whether Lago is there and would bill what the platform sends."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from billing.abilities import Abilities
from billing.client import LagoClient, supports_skip
from billing.preflight import timezone_of
from billing.values import Greeting, Plan, WebhookEndpoint
from customers.backfill.beside import is_beside_platform
from customers.backfill.engine.expected import about
from customers.backfill.preflight.asked import Asked
from customers.backfill.preflight.clocks import compared
from customers.backfill.preflight.finding import Check, Part, State, Told, ok, stop, warning
from kernel.wording import some_of
from kernel.zones import named_zone

TIMEOUT_S = 15.0  # somebody waits
NAMED = 8  # plans by their code, in one line
CALLS_PER_CUSTOMER = 2
USUAL_CUSTOMERS = 1000
STARTED, ENDED = "subscription.started", "subscription.terminated"


class Lago:
    """One Lago, asked for each thing once."""

    def __init__(self, client: LagoClient, asked: Asked) -> None:
        self.client, self.asked = client, asked

    @cached_property
    def heard(self) -> tuple[Greeting, datetime]:
        """Return its first answer, and when that came."""
        return self.client.greeting(), self.asked.now()

    @property
    def greeting(self) -> Greeting:
        return self.heard[0]

    @cached_property
    def timezone(self) -> str:
        return timezone_of(self.client, self.greeting.organization)


@contextmanager
def opened(asked: Asked) -> Iterator[Lago]:
    if not settings.LAGO_API_KEY:
        raise ImproperlyConfigured("LAGO_API_KEY is not set: the API key of your Lago organization.")
    try:
        client = LagoClient(
            settings.LAGO_API_URL, settings.LAGO_API_KEY,
            rate_per_s=0, timeout_s=TIMEOUT_S, tries=1, deadline=asked.deadline,
        )  # fmt: skip
    except ValueError as error:  # a key or an address that cannot be sent; the message names the variable
        raise ImproperlyConfigured(str(error)) from error
    with client:
        yield Lago(client, asked)


def answers(lago: Lago) -> Told:
    return ok(f"{lago.greeting.organization.name} at {lago.client.url}")


def version(lago: Lago) -> Told:
    told = lago.client.version()
    ends_unbilled = Abilities(lago.client, told).ends_unbilled
    shown = told or "it does not tell its version"
    if ends_unbilled:
        return ok(
            shown if supports_skip(told) else f"{shown}; its subscriptions show that it is 1.32 or newer"
        )
    if ends_unbilled is None:
        found = f"{told} is no version number" if told else shown
        return warning(found, "See that it is 1.32 or newer: an older one bills what a revert ends.")
    found = f"{told or 'one before 1.32'} bills whenever a subscription ends, so no run could be taken back"
    return stop(found, "Upgrade Lago to 1.32 or newer before the night.")


def rights(lago: Lago) -> Told:
    refused = lago.client.refused_lists()
    if refused:
        what = ", ".join(refused).replace("_", " ")
        return stop(
            f"the key may not read {what}", "Give the key these rights in Lago: Developers, API keys."
        )
    return ok("the key may read all that is needed; what it may write, only the first row shows")


@dataclass(frozen=True, slots=True)
class Priced:
    """How the plans stand to the metric, by their codes."""

    with_charge: Sequence[str]
    without: Sequence[str]
    going: Sequence[str]

    @classmethod
    def of(cls, plans: Mapping[str, Plan], metric_code: str) -> "Priced":
        codes = sorted(plans)
        charged = [code for code in codes if metric_code in plans[code].metric_codes]
        free = [code for code in codes if code not in charged]
        return cls(charged, free, [code for code in codes if plans[code].pending_deletion])


def plans(lago: Lago) -> Told:
    code = settings.LAGO_METRIC_CODE
    found = Priced.of(lago.client.plans(), code)
    if not found.with_charge and not found.without:
        return stop("there is no plan", "Make the plans that the file names, each with a charge.")
    said = [f"{code} is charged on {_named(found.with_charge)}"]
    if found.without:
        said.append(f"not on {_named(found.without)}: sessions cost nothing there")
    if found.going:
        said.append(f"being deleted: {_named(found.going)}")
    if not found.without and not found.going:
        return ok(said[0])
    return warning(
        "; ".join(said), f"Add a charge for {code} to each plan that the file names, or use another."
    )


def _named(codes: Sequence[str]) -> str:
    return some_of(codes, NAMED) or "no plan"


def metric(lago: Lago) -> Told:
    code = settings.LAGO_METRIC_CODE
    found = lago.client.billable_metric(code)
    if found is None:
        remedy = (
            "Make it in Lago: sum over the field value. Or set LAGO_METRIC_CODE to the platform's metric."
        )
        return stop(f"there is no billable metric {code}", remedy)
    said = f"{code} is {found.aggregation_type} over {found.field_name or 'nothing'}"
    if found.counts_energy:
        return ok(said)
    return stop(f"{said}: sessions cost nothing", "Have it sum_agg over the field value.")


def timezone(lago: Lago) -> Told:
    theirs, ours = lago.timezone, settings.BACKFILL_TIMEZONE
    if not ours and named_zone(theirs) is None:
        return stop(
            "this machine does not know Lago's time zone", "Set BACKFILL_TIMEZONE to one of the same days."
        )
    if not ours or ours == theirs:
        return ok(f"days are those of {theirs}, as in Lago's billing entity")
    found = (
        f"BACKFILL_TIMEZONE is {ours}, and Lago bills by days of {theirs}: a start may be another day there"
    )
    return warning(found, f"Unset BACKFILL_TIMEZONE, or see that {ours} is meant.")


def clock(lago: Lago) -> Told:
    greeting, heard_at = lago.heard
    if greeting.served_at is None:
        return ok("it does not tell its time; a proxy in front of it would")
    why = "a start may be billed as another day, and what an interrupted call made be taken for another's"
    return compared(greeting.served_at, heard_at, why, stops=True)


def rate(lago: Lago) -> Told:
    ours, theirs = settings.BACKFILL_LAGO_RATE, lago.greeting.rate_per_s
    if theirs and (not ours or ours > theirs):
        found = f"{ours or 'no limit on'} calls/s are asked for, and Lago allows {theirs}"
        return warning(found, f"Set BACKFILL_LAGO_RATE below {theirs}: the platform calls the same Lago.")
    people = lago.asked.people
    customers = len(people.starts) if people else USUAL_CUSTOMERS
    if not ours:
        return ok("no limit on calls/s")
    took = about(customers * CALLS_PER_CUSTOMER / ours)
    return ok(f"{ours} calls/s: {customers:,} customers in about {took}")


def webhooks(lago: Lago) -> Told:
    found = lago.client.webhook_endpoints()
    if not is_beside_platform():
        heard = ", ".join(sorted({urlsplit(one.url).hostname or "" for one in found}))
        return ok(f"each new customer and subscription is told to {heard or 'nobody'}")
    return for_platform(found)


def for_platform(endpoints: Sequence[WebhookEndpoint]) -> Told:
    """Look for one that the platform accepts: by these it opens cards, and closes them again."""
    signed = [one for one in endpoints if one.signed_with == "jwt"]
    heard = [one for one in signed if one.hears(STARTED) and one.hears(ENDED)]
    if heard:
        return ok(f"subscriptions are told to {urlsplit(heard[0].url).hostname}, signed with jwt")
    why = "no endpoint hears of subscriptions"
    if signed:
        why = f"no endpoint that is signed with jwt hears of {STARTED} and {ENDED}"
    elif endpoints:
        why = "no endpoint is signed with jwt, and the platform refuses what is signed otherwise"
    remedy = (
        "Add the platform's address to Lago's webhooks, signed with jwt, for all events:"
        " without it, cards that start later stay blocked."
    )
    return warning(why, remedy)


LAGO = Part(
    "lago",
    "Lago",
    opened,
    (
        Check("answers", answers, State.STOP, gate=True),
        Check("version", version, State.STOP),
        Check("rights of the key", rights),
        Check("metric", metric),
        Check("plans", plans, State.STOP),
        Check("time zone", timezone, State.STOP),
        Check("clock", clock),
        Check("rate", rate),
        Check("webhooks", webhooks),
    ),
)
