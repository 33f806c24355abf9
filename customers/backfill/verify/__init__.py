"""Go or no go after a backfill: the counts, Lago, and a real charging session followed into Lago."""

from customers.backfill.verify.checks import Check, metric_check, people_check, system_checks
from customers.backfill.verify.live import LiveTest, find_live_test, run_live_test

__all__ = [
    "Check",
    "LiveTest",
    "find_live_test",
    "metric_check",
    "people_check",
    "run_live_test",
    "system_checks",
]
