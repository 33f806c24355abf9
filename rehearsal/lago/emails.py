"""Customers' email addresses: how Lago cleans them before storing and which it refuses."""

import re

DASHES = re.compile("[\u2012-\u2015\u2043\u2212]")
INVISIBLE = re.compile("[\u200b-\u200d\u00a0\u200e\u200f\ufeff]")

_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_DOMAIN = rf"(?:{_LABEL}(?:\.{_LABEL})+|\[[0-9a-f.:]+\])"
_QUOTED = r'"[^"\\\r\n]+"'


def _address(letters: str) -> re.Pattern[str]:
    atom = rf"[{letters}0-9!#$%&'*+/=?^_`{{|}}~-]+"
    return re.compile(rf"(?:{atom}(?:\.{atom})*|{_QUOTED})@{_DOMAIN}", re.IGNORECASE)


ASCII_ADDRESS = _address("a-z")
UNICODE_ADDRESS = _address(r"\w")


def clean(email: str) -> str:
    """Repair what a copy from a document leaves behind; the stored value can differ from the sent one."""
    return INVISIBLE.sub("", DASHES.sub("-", email)).strip()


def acceptable(email: str, *, unicode: bool) -> bool:
    """Return whether every part of a comma-separated list is an address; an empty part is not one."""
    pattern = UNICODE_ADDRESS if unicode else ASCII_ADDRESS
    return email == "" or all(pattern.fullmatch(part.strip()) for part in email.split(","))
