"""The parameters of an address, read as SteVe reads them: what makes no sense is a 400.

Of a repeated parameter the first counts where a word or a number is meant; texts are joined by a comma.
A list may come as `a,b` or repeated.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from urllib.parse import parse_qsl

from rehearsal.steve.forms import LARGEST
from rehearsal.steve.tables import instant
from rehearsal.steve.tag_table import NOT_UNDERSTOOD, RefusalError

WHOLE_NUMBER = re.compile(r"[+-]?\d{1,10}", re.ASCII)
TRUTHS = {"true": True, "on": True, "yes": True, "1": True}
TRUE_OR_FALSE = TRUTHS | {"false": False, "off": False, "no": False, "0": False}


def whole_number(text: str) -> int:
    """Read a number of 32 bits; raise RefusalError."""
    number = int(text) if WHOLE_NUMBER.fullmatch(text) else LARGEST + 1
    if not -LARGEST - 1 <= number <= LARGEST:
        raise RefusalError(400, NOT_UNDERSTOOD)
    return number


class Query:
    """Every method raises RefusalError for a value of another kind; a parameter left empty is not there."""

    def __init__(self, query: str) -> None:
        self._given: dict[str, list[str]] = {}
        for name, value in parse_qsl(query, keep_blank_values=True):
            self._given.setdefault(name, []).append(value)

    def word(self, name: str, words: Sequence[str]) -> str:
        """Return one of these words, in exactly this spelling; the first where none is given."""
        word = self._first(name) or words[0]
        if word not in words:
            raise RefusalError(400, NOT_UNDERSTOOD)
        return word

    def text(self, name: str) -> str:
        return ",".join(self._given.get(name, ()))

    def number(self, name: str) -> int | None:
        first = self._first(name).strip()
        return whole_number(first) if first else None

    def truth(self, name: str) -> bool:
        first = self._first(name).strip().lower() or "false"
        if first not in TRUE_OR_FALSE:
            raise RefusalError(400, NOT_UNDERSTOOD)
        return TRUE_OR_FALSE[first]

    def instant(self, name: str) -> datetime | None:
        first = self._first(name).strip()
        if " " in first:  # between day and time, or what a bare `+` before the zone becomes
            raise RefusalError(400, NOT_UNDERSTOOD)
        try:
            return instant(first) if first else None
        except ValueError:
            raise RefusalError(400, NOT_UNDERSTOOD) from None

    def texts(self, name: str) -> list[str]:
        given = self._given.get(name, [])
        parts: Iterable[str] = given[0].split(",") if len(given) == 1 else given
        found = [part.strip() for part in parts]
        return [] if found == [""] else found

    def numbers(self, name: str) -> list[int]:
        return [whole_number(text) for text in self.texts(name)]

    def _first(self, name: str) -> str:
        return self._given.get(name, [""])[0]
