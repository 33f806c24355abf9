"""Comparing clocks."""

from datetime import datetime, timedelta

from customers.backfill.preflight.finding import State, Told, ok

WARN_S = 60
STOP_S = 300
REMEDY = "Have both machines set their clocks by NTP."


def compared(theirs: datetime, ours: datetime, why: str, *, stops: bool) -> Told:
    """Judge how far two clocks are apart; `why` says what goes wrong then, `stops` that it is too much."""
    ahead_s = round((theirs - ours) / timedelta(seconds=1))
    if abs(ahead_s) < WARN_S:
        return ok("agrees with ours, to the minute")
    direction = "ahead of" if ahead_s > 0 else "behind"
    found = f"{abs(ahead_s):,} s {direction} ours: {why}"
    is_far = stops and abs(ahead_s) >= STOP_S
    return Told(State.STOP if is_far else State.WARNING, found, REMEDY)
