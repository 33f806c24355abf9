"""Which Lago the sandbox is: what differs between versions and matters to a migration."""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache


class Compat(StrEnum):
    RELEASED = "released"  # v1.51.0
    HEAD = "head"  # the development branch after it
    OLD = "old"  # v1.31, built from source


# What each says of itself: images built from a commit report a date, those built from source say this.
VERSIONS = {Compat.RELEASED: "v1.51.0", Compat.HEAD: "2026-08-21", Compat.OLD: "production"}


@dataclass(frozen=True, slots=True)
class Behaviour:
    dotted_subscription_ids: bool
    mixed_currencies: bool
    unicode_emails: bool
    backdating_stops_at_invoiced: bool
    termination_options: bool  # without them DELETE ignores the skips and bills
    external_id_filter: bool
    external_id_unique_over_customers: bool
    can_break_on_quarterly: bool  # fails at what it has just made, and at each list that holds it
    purchase_orders: bool  # subscriptions tell their order number and billing entity


def default_version(compat: Compat) -> str:
    return VERSIONS[compat]


@cache
def behaviour(compat: Compat, version: str) -> Behaviour:
    """Derive the behaviour; a version that is no tag (a build date) counts as newest, or as `OLD` is."""
    head = compat is Compat.HEAD
    tag = re.match(r"v?(\d+)\.(\d+)", version)
    number = (int(tag[1]), int(tag[2])) if tag else (1, 31) if compat is Compat.OLD else (99, 0)
    return Behaviour(
        dotted_subscription_ids=head,
        mixed_currencies=head,
        unicode_emails=head,
        backdating_stops_at_invoiced=head,
        termination_options=number >= (1, 32),
        external_id_filter=number >= (1, 49),
        external_id_unique_over_customers=number >= (1, 48),
        can_break_on_quarterly=head,
        purchase_orders=head,
    )
