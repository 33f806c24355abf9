"""Welcome mails to the customers of a run, in paced batches, never twice by accident.

The ledger (`WelcomeCampaign`, `WelcomeMail`) is the truth; the queue only wakes a sender up.
"""

from customers.backfill.welcome.campaign import (
    cancel_for_run,
    change_pace,
    pause,
    resume,
    start_campaign,
    stop,
)
from customers.backfill.welcome.invitations import links_alive_until, revoke_dead_links
from customers.backfill.welcome.recipients import Choice, Recipients, preview_recipients
from customers.backfill.welcome.sending import Ended, send_campaign
from customers.backfill.welcome.status import CampaignStatus, latest_campaign, status

__all__ = [
    "CampaignStatus",
    "Choice",
    "Ended",
    "Recipients",
    "cancel_for_run",
    "change_pace",
    "latest_campaign",
    "links_alive_until",
    "pause",
    "preview_recipients",
    "resume",
    "revoke_dead_links",
    "send_campaign",
    "start_campaign",
    "status",
    "stop",
]
