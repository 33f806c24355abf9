"""The clients that steps are made from."""

from dataclasses import dataclass
from datetime import tzinfo
from functools import cached_property

from django.conf import settings

from billing.abilities import Abilities
from billing.bills import Biller
from billing.births import Births, Seen
from billing.client import LagoClient
from billing.preflight import Target
from charging import SteveClient
from kernel.zones import named_zone
from polaris import PlatformDatabase

# So long the platform needs for the news of a customer, before it hears of the subscription: else both make
# the same parent in SteVe, and neither puts it to use.
NEWS_S = 0.1


@dataclass(frozen=True)
class Connections:
    """What is connected. `target` is what Lago said of itself; what is None is not configured.

    `billing_zone` is the one whose days Lago bills by.
    """

    lago: LagoClient
    target: Target
    steve: SteveClient | None
    platform: PlatformDatabase | None
    billing_zone: tzinfo

    @cached_property
    def biller(self) -> Biller:
        return Biller(self.lago, self.billing_zone)

    @cached_property
    def abilities(self) -> Abilities:
        return Abilities(self.lago, self.target.version)

    @property
    def zone(self) -> tzinfo:
        """Say whose days the starts of rows are."""
        return named_zone(settings.BACKFILL_TIMEZONE) or self.billing_zone

    @cached_property
    def seen(self) -> Seen:
        return Seen()

    @cached_property
    def births(self) -> Births:
        """Return when Lago's customers were made; beside a platform their subscriptions wait a moment."""
        return Births(gap_s=NEWS_S if self.platform else 0.0)
