"""Go or no go after a backfill: the counts, Lago, and a real charging session followed into Lago."""

from customers.backfill.verify.asked import (
    LONGEST_TIMEOUT_S,
    LiveTest,
    find_card,
    find_live_test,
    what_it_writes,
    why_no_session,
)
from customers.backfill.verify.checks import Check, check_standing
from customers.backfill.verify.ending import end_what_was_left
from customers.backfill.verify.following import EVENT
from customers.backfill.verify.live import CHARGING, Diary, follow
from customers.backfill.verify.verdict import verdict_of, verify

__all__ = [
    "CHARGING",
    "EVENT",
    "LONGEST_TIMEOUT_S",
    "Check",
    "Diary",
    "LiveTest",
    "check_standing",
    "end_what_was_left",
    "find_card",
    "find_live_test",
    "follow",
    "verdict_of",
    "verify",
    "what_it_writes",
    "why_no_session",
]
