"""Go or no go after a backfill: the counts, Lago, and a real charging session followed into Lago."""

from customers.backfill.verify.asked import LiveTest, find_live_test
from customers.backfill.verify.checks import Check, check_standing
from customers.backfill.verify.verdict import verify

__all__ = ["Check", "LiveTest", "check_standing", "find_live_test", "verify"]
