"""What a spreadsheet makes of an id that looks like a date."""

import re
from datetime import date

# The months as spreadsheets shorten them: with one capital or none, and never in capitals only.
_MONTH = (
    "jan|jän|janv|ene|gen|feb|febr|févr|fév|mar|mär|mrz|märz|mars|mrt|apr|avr|abr|may|mai|maj|mei|mag|jun|juni|juin|giu"
    "|jul|juli|juil|lug|aug|août|ago|sep|sept|set|oct|okt|ott|out|nov|dec|dez|déc|dic|des"
)
_MONTH_NAME = rf"(?:{_MONTH}|{'|'.join(name.capitalize() for name in _MONTH.split('|'))})"
_SHORT_DATE = re.compile(
    rf"\d{{1,2}}(?:-|\. ?|/| ){_MONTH_NAME}\.?(?:(?:-|/| )\d{{2}}(?:\d\d)?)?"
    rf"|{_MONTH_NAME}\.?[-/ ]\d{{2}}(?:\d\d)?"
)
_ISO_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z?)?")
_DOTTED_DATE = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?: \d{1,2}:\d\d(?::\d\d)?)?")
_SLASHED_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}|\d\d)(?: \d{1,2}:\d\d(?::\d\d)?)?")
_TIME = re.compile(r"\d{1,2}:\d\d:\d\d(?: [AP]M)?", re.IGNORECASE)


def is_date(given: str) -> bool:
    if not given[:1].isalnum():
        return False
    if _SHORT_DATE.fullmatch(given) or _TIME.fullmatch(given):
        return True
    if iso := _ISO_DATE.fullmatch(given):
        return _is_day(int(iso[1]), int(iso[2]), int(iso[3]))
    if dotted := _DOTTED_DATE.fullmatch(given):
        return _is_day(int(dotted[3]), int(dotted[2]), int(dotted[1]))
    if slashed := _SLASHED_DATE.fullmatch(given):
        year, one, other = 2000 + int(slashed[3]) % 100, int(slashed[1]), int(slashed[2])
        return _is_day(year, other, one) or _is_day(year, one, other)
    return False


def _is_day(year: int, month: int, day: int) -> bool:
    try:
        return 1900 <= date(year, month, day).year < 2200
    except ValueError:
        return False
