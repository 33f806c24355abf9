"""What the cells of a column look like: addresses, dates and their formats, cards and their notation."""

import re
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache

EMAIL, ISO, NUMBER, DATED = "email", "iso", "number", "dated"  # the last two are typed cells of a workbook
WHOLE, COMMA, POINT = "whole", "decimal comma", "decimal point"
CARD, COLONS, BLANKS, DASHES = "card", "card with colons", "card with blanks", "card with dashes"
LOWER, DECIMAL, SHORT = "card in small letters", "decimal card", "card without its first zero"
PREFIX = "card after "  # and what stands before its number
OTHER = "other"

LONGEST = 100  # characters of a cell that are looked at; what is longer is only text

_EMAIL = re.compile(r"[^\s@,;<>]+@[^\s@,;<>]+\.[^\s@,;<>.]{2,}")
_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?: ?(?:Z|[+-]\d\d:?\d\d))?)?")
_PREFIX = re.compile(
    r"(?:0x|rfid[-_: ]?|uid[-_: ]|tag[-_: ]|card[-_: ]|nfc[-_: ]?)(?=[0-9a-f])", re.IGNORECASE
)
_HEX = re.compile(r"[0-9A-Fa-f]{8}|[0-9A-Fa-f]{14}|[0-9A-Fa-f]{20}")
_SHORT = re.compile(r"[0-9A-Fa-f]{7}|[0-9A-Fa-f]{13}")
_BYTES = re.compile(r"[0-9A-Fa-f]{2}(?:([:\- ])[0-9A-Fa-f]{2}(?:\1[0-9A-Fa-f]{2})*)")
_UID_BYTES = (4, 7, 10)  # ISO/IEC 14443-3
_SEPARATED = {":": COLONS, " ": BLANKS, "-": DASHES}
_AMOUNT = re.compile(r"-?\d{1,3}(?:[.' ]?\d{3})*,\d{1,4}|-?\d{1,3}(?:[,' ]?\d{3})*\.\d{1,4}")
_DIGITS = re.compile(r"\d+")

_DAYS = {
    ".": ("%d.%m.%Y", "%d.%m.%y", "%Y.%m.%d"),
    "/": ("%d/%m/%Y", "%m/%d/%Y", "%d/%m/%y", "%m/%d/%y", "%Y/%m/%d"),
    "-": ("%d-%m-%Y", "%m-%d-%Y", "%d-%m-%y", "%m-%d-%y"),
}
_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_LIKE_A_DATE = re.compile(
    r"\d{1,4}([./-])\d{1,2}\1\d{1,4}(?: \d{1,2}:\d\d(?::\d\d)?(?: [AP]M)?)?", re.IGNORECASE
)
FORMATS = frozenset(day + time for days in _DAYS.values() for day in days for time in _TIMES)


@lru_cache(maxsize=4096)
def kinds_of(cell: str) -> frozenset[str]:
    """Name all that a cell may be; formats of dates are named as themselves."""
    text = cell.strip()
    if len(text) > LONGEST:
        return frozenset([OTHER])
    return frozenset(_kinds(text)) or frozenset([OTHER])


def is_of_a_person(cell: str) -> bool:
    """Return whether a value may say who somebody is, so that it is written nowhere."""
    return "@" in cell or bool(kinds_of(cell) & {EMAIL, CARD, DECIMAL})


def prefix_of(cell: str) -> str:
    """Return what stands before the number of a card, such as `RFID_`."""
    found = _PREFIX.match(cell.strip())
    return found[0] if found else ""


def _kinds(text: str) -> Iterator[str]:
    if "@" in text and _EMAIL.fullmatch(text):
        yield EMAIL
    if _ISO.fullmatch(text):
        yield ISO
    else:
        yield from _formats(text)
    yield from _card(text)
    if _DIGITS.fullmatch(text):
        yield WHOLE
    elif _AMOUNT.fullmatch(text):
        yield COMMA if text.rfind(",") > text.rfind(".") else POINT


def _formats(text: str) -> Iterator[str]:
    like = _LIKE_A_DATE.fullmatch(text)
    if like is None:
        return
    for day in _DAYS[like[1]]:
        for time in _TIMES:
            if _reads(text, day + time):
                yield day + time


def _reads(text: str, form: str) -> bool:
    try:
        return datetime.strptime(text, form).year >= 1900
    except ValueError:
        return False


def _card(text: str) -> Iterator[str]:
    prefix = prefix_of(text)
    bare = text.removeprefix(prefix)
    if bare.isascii() and bare.isdigit() and 7 <= len(bare) <= 20:
        yield DECIMAL
    separated = _BYTES.fullmatch(bare)
    if separated and (len(bare) + 1) // 3 in _UID_BYTES:
        yield _SEPARATED[separated[1]]
    elif _SHORT.fullmatch(bare):
        yield SHORT
    elif not _HEX.fullmatch(bare):
        return
    yield CARD
    if bare != bare.upper():
        yield LOWER
    if prefix:
        yield f"{PREFIX}{prefix}"
