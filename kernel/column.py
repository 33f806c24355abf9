"""What an optional column is, and how its values are written down."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from kernel.step import Per
from kernel.values import Problem, Wanted


class Kind(StrEnum):
    """How a cell is written, and what comes of it."""

    DAY = "day"  # like start_date -> Day
    MONEY = "money"  # decimals, not negative, in the plan's currency -> Decimal
    ENERGY = "energy"  # decimals, not negative, in kWh -> Decimal
    CODE = "code"  # a key of another system, exact -> str
    TEXT = "text"  # a line that people read -> str
    CHOICE = "choice"  # one of a few codes, however capitals are -> the code
    LANGUAGE = "language"  # de, de-AT, de_at -> the tag
    NUMBER = "number"  # a whole number, not negative -> int


class Day(NamedTuple):
    """A calendar day, and the instant at which it begins where start dates are meant."""

    day: date
    begins: datetime


@dataclass(frozen=True, slots=True)
class Column:
    """An optional column: what it is called and means, and what is wrong with a value beside its spelling.

    - `per`: rows of one customer have to agree in what is one per customer; no value is one of its own,
      unless `blank_agrees`: then a row without one has that of the customer's others.
    - `against`: judges a value by the rest of the row and by today, where start dates are meant.
    - `warns`: what the operator has to know of a good value.
    - `also`: what other systems call it, in small letters; used to say what may have been meant.
    - `choices`: of a CHOICE, all there are.
    - `is_personal`: the ledger keeps only a fingerprint of it.
    """

    name: str
    kind: Kind
    meaning: str
    per: Per = Per.CUSTOMER
    against: Callable[[Any, Wanted, date], Problem | None] | None = None
    warns: Callable[[Any, Wanted], Problem | None] | None = None
    also: tuple[str, ...] = ()
    choices: frozenset[str] = frozenset()
    is_personal: bool = False
    blank_agrees: bool = False

    def of(self, wanted: Wanted) -> Any:
        """Return the value of a row; None without one. Read from the ledger, it may be a fingerprint."""
        return wanted.more.get(self.name)
