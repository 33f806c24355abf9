"""Stay with a campaign until it is over: send it here, or watch the worker do so."""

import math
import time
from collections.abc import Callable

from customers.backfill.engine.stop import Stop
from customers.backfill.welcome.sending import Conditions, Ended, send_campaign
from customers.backfill.welcome.status import CampaignStatus, status
from customers.models import WelcomeCampaign

LOOK_S = 0.5

Hear = Callable[[CampaignStatus], None]


def send_here(campaign: WelcomeCampaign, actor: str, stop: Stop, hear: Hear) -> CampaignStatus:
    """Send in this process until it is over, paused, or a stop is asked for."""
    watch = _at_most_every(LOOK_S, lambda: hear(status(campaign)))
    conditions = Conditions(actor=actor, slice_s=math.inf, stop=lambda: stop.requested, watch=watch)
    while send_campaign(campaign.pk, conditions) in (Ended.HELD, Ended.WAITING) and not stop.requested:
        stop.sleep(LOOK_S)
        watch()
    return _last(campaign, hear)


def watch_worker(campaign: WelcomeCampaign, stop: Stop, hear: Hear) -> CampaignStatus:
    """Look at what the worker does, until it is over, paused, or a stop is asked for."""
    while (now := status(campaign)).status == WelcomeCampaign.Status.RUNNING and not stop.requested:
        hear(now)
        stop.sleep(LOOK_S)
    return _last(campaign, hear)


def _last(campaign: WelcomeCampaign, hear: Hear) -> CampaignStatus:
    last = status(campaign)
    hear(last)
    return last


def _at_most_every(seconds: float, look: Callable[[], None]) -> Callable[[], None]:
    due = 0.0

    def maybe() -> None:
        nonlocal due
        if time.monotonic() >= due:
            look()
            due = time.monotonic() + seconds

    return maybe
