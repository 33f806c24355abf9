"""Which cards of ours an idTag may be that a charger sent: by its digits alone, so each is a guess.

What two spellings have in common is in `notation`. Two cards of two people may look alike by accident: how
likely that is depends on the kind of likeness, and on how many cards look alike.
"""

import string
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from kernel.notation import bare, loose, padded, readings, turned

SHORTEST = 4  # digits without leading zeros that say anything at all
SHORTEST_CUT = 6
MOST_CUT = 10  # cards that one piece is compared with: of more, none is a guess worth showing
_HEX = frozenset(string.hexdigits)


class Sureness(StrEnum):
    HIGH = "very likely"
    MEDIUM = "likely"
    LOW = "a guess"


class Kind(StrEnum):
    """What makes two spellings look alike, as a code; `words` says it."""

    SEPARATORS = "separators"
    ZEROS = "zeros"
    REVERSED = "reversed"
    DECIMAL = "decimal"
    DECIMAL_REVERSED = "decimal_reversed"
    CUT = "cut_off"

    @property
    def words(self) -> str:
        return _WORDS[self]


_WORDS = {
    Kind.SEPARATORS: "the same digits, with a blank, a dash, a colon or a prefix",
    Kind.ZEROS: "the same digits, with zeros lost or added",
    Kind.REVERSED: "the same bytes, the other way round",
    Kind.DECIMAL: "the same number, one of them in decimal",
    Kind.DECIMAL_REVERSED: "the same number, one of them in decimal with its bytes the other way round",
    Kind.CUT: "one is a piece of the other: cut off",
}


@dataclass(frozen=True, slots=True)
class Likeness:
    kind: Kind
    sureness: Sureness


def likeness(one: str, other: str) -> Likeness | None:
    """Say how two idTags look alike; None if they do not, or differ only in what SteVe ignores."""
    first, second = loose(one), loose(other)
    if len(_core(first)) < SHORTEST or len(_core(second)) < SHORTEST or one.casefold() == other.casefold():
        return None
    if first == second:
        return Likeness(Kind.SEPARATORS, _by(bare(one) == bare(other) and bool(turned(first))))
    if _core(first) == _core(second):
        return Likeness(Kind.ZEROS, _by(padded(one) == padded(other)))
    return _by_number(first, second) or _by_number(second, first) or _cut(first, second)


def _by(is_one_card: bool) -> Sureness:
    return Sureness.HIGH if is_one_card else Sureness.MEDIUM


def _by_number(first: str, second: str) -> Likeness | None:
    """Compare as numbers, the second one being that of a card."""
    number = padded(second)
    other_way = turned(number)
    if not other_way:
        return None
    if _core(padded(first)) == _core(other_way):
        return Likeness(Kind.REVERSED, _by(len(number) > 8))
    if first.isdecimal() and int(first) == int(number, 16):
        return Likeness(Kind.DECIMAL, Sureness.MEDIUM)
    if first.isdecimal() and int(first) == int(other_way, 16):
        return Likeness(Kind.DECIMAL_REVERSED, Sureness.MEDIUM)
    return None


def _cut(first: str, second: str) -> Likeness | None:
    piece, whole = sorted((first, second), key=len)
    if not (_can_be_cut(piece) and _can_be_cut(whole)):
        return None
    if whole.rstrip("0") == piece.rstrip("0"):
        return Likeness(Kind.ZEROS, Sureness.MEDIUM)
    forms = (whole, turned(whole))
    is_piece = any(form.startswith(piece) or form.endswith(piece) for form in forms)
    return Likeness(Kind.CUT, Sureness.LOW) if is_piece else None


def _can_be_cut(digits: str) -> bool:
    return len(digits) >= SHORTEST_CUT and _HEX.issuperset(digits)


def _core(digits: str) -> str:
    return digits.lstrip("0")


@dataclass(slots=True)
class Twins:
    """Cards of ours, sorted so that one look-up costs the same however many there are."""

    by_core: dict[str, list[str]] = field(default_factory=dict)
    by_form: dict[str, list[str]] = field(default_factory=dict)  # of what can be cut off
    forwards: Sequence[str] = ()
    backwards: Sequence[str] = ()

    @classmethod
    def of(cls, id_tags: Iterable[str]) -> Self:
        made = cls()
        for id_tag in id_tags:
            form = loose(id_tag)
            made.by_core.setdefault(_core(form), []).append(id_tag)
            for one in {form, turned(form)}:
                if _can_be_cut(one):
                    made.by_form.setdefault(one, []).append(id_tag)
        made.forwards = sorted(made.by_form)
        made.backwards = sorted(form[::-1] for form in made.by_form)
        return made

    def alike(self, id_tag: str) -> list[tuple[str, Likeness]]:
        """Return the cards that look like this one, the surest first; pieces only where nothing else does."""
        form = loose(id_tag)
        cores = dict.fromkeys(_core(one) for one in (form, *sorted(readings(id_tag))))
        found = self._judged(id_tag, (card for core in cores for card in self.by_core.get(core, ())))
        if found or not _can_be_cut(form):
            return found
        pieces = self._judged(id_tag, (card for one in self._forms(form) for card in self.by_form[one]))
        return pieces if len(pieces) <= MOST_CUT else []

    @staticmethod
    def _judged(id_tag: str, cards: Iterable[str]) -> list[tuple[str, Likeness]]:
        judged = [(card, likeness(id_tag, card)) for card in dict.fromkeys(cards)]
        found = [(card, one) for card, one in judged if one is not None]
        return sorted(found, key=lambda pair: list(Sureness).index(pair[1].sureness))

    def _forms(self, digits: str) -> Iterable[str]:
        """Find what begins or ends with these digits, and with what these begin or end."""
        yield from _beginning(self.forwards, digits)
        yield from (form[::-1] for form in _beginning(self.backwards, digits[::-1]))
        for length in range(SHORTEST_CUT, len(digits)):
            yield from (piece for piece in (digits[:length], digits[-length:]) if piece in self.by_form)


def _beginning(forms: Sequence[str], digits: str) -> Iterable[str]:
    at = bisect_left(forms, digits)
    for form in forms[at : at + 2 * MOST_CUT + 2]:  # a card may stand here in both directions
        if not form.startswith(digits):
            return
        yield form
