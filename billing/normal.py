"""Compare with what Lago stores, which is not always what was sent."""

import re
from datetime import datetime, timedelta

from kernel import as_login
from kernel.fingerprint import readable

# What Lago's clean-up of addresses does (facts: dash look-alikes become "-", invisible characters go).
_DASHES = re.compile("[\u2012-\u2015\u2043\u2212]")
_INVISIBLE = re.compile("[\u200b-\u200f\u00a0\ufeff]")


def stored_email(email: str) -> str:
    return _INVISIBLE.sub("", _DASHES.sub("-", email)).strip()


def same_email(ours: str, theirs: str | None) -> bool:
    """Capitals are no difference: they are there where a customer was made by somebody else, or by 1.0."""
    if ours == theirs:  # of nearly all, and all else takes twenty times as long
        return True
    return theirs is not None and as_login(stored_email(ours)) == as_login(stored_email(theirs))


def same_name(ours: str, theirs: str | None) -> bool:
    """Names are the same if they read the same: without NUL bytes, however letters are composed."""
    return ours == theirs or (theirs is not None and readable(ours) == readable(theirs))


def same_instant(ours: datetime | None, theirs: datetime | None) -> bool:
    """Lago keeps instants to the second."""
    if ours is None or theirs is None:
        return ours is theirs
    return abs(ours - theirs) < timedelta(seconds=1)
