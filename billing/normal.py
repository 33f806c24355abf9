"""Compare with what Lago stores, which is not always what was sent."""

import re
import unicodedata

# What Lago's clean-up of addresses does (facts: dash look-alikes become "-", invisible characters go).
_DASHES = re.compile("[\u2012-\u2015\u2043\u2212]")
_INVISIBLE = re.compile("[\u200b-\u200f\u00a0\ufeff]")


def stored_email(email: str) -> str:
    return _INVISIBLE.sub("", _DASHES.sub("-", email)).strip()


def same_email(ours: str, theirs: str | None) -> bool:
    return theirs is not None and stored_email(ours).lower() == stored_email(theirs).lower()


def same_name(ours: str, theirs: str | None) -> bool:
    """Names are the same if they read the same: without NUL bytes, however letters are composed."""
    return theirs is not None and _readable(ours) == _readable(theirs)


def _readable(name: str) -> str:
    return unicodedata.normalize("NFC", name.replace("\0", "")).strip()
