"""What this Lago can do, where versions differ in money."""

import re
from datetime import date
from functools import cached_property

from billing.client import LagoClient, supports_skip

NEWEST_RELEASE = (1, 51)  # of those that refuse a customer's second currency
MIXED_SINCE = date(2026, 8, 12)  # on the main branch
RELEASE = re.compile(r"v?(\d{1,3})\.(\d{1,4})(\.\d+)?([-+].*)?")


class Abilities:
    """Told by the version; or else by the fields of its subscriptions, for many say only "production".

    These are read at most once, with one call, and nothing is ever tried out. None where neither tells.
    """

    def __init__(self, client: LagoClient, version: str | None) -> None:
        self._client, self._version = client, version

    @cached_property
    def _fields(self) -> frozenset[str] | None:
        return self._client.subscription_fields()

    @cached_property
    def ends_unbilled(self) -> bool | None:
        """Whether a subscription can be ended without billing: since 1.32, as is the field that says so."""
        told = supports_skip(self._version)
        return self._has("on_termination_invoice") if told is None else told

    @cached_property
    def mixes_currencies(self) -> bool | None:
        """Whether a customer may have a plan in another currency than its own, and lose its own again.

        It may after 1.51, on the main branch since August 2026; an order's number came with it.
        """
        if release := RELEASE.fullmatch(self._version or ""):
            return (int(release[1]), int(release[2])) > NEWEST_RELEASE
        if built := _day(self._version):
            return built >= MIXED_SINCE
        return self._has("purchase_order_number")

    def _has(self, name: str) -> bool | None:
        return None if self._fields is None else name in self._fields


def _day(version: str | None) -> date | None:
    try:
        return date.fromisoformat(version or "")
    except ValueError:
        return None
