"""What is compared, and what comes of it. Plain values: no database, no HTTP, no settings, no clock."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from kernel import Bill, Problem, Wanted


class Kind(StrEnum):
    """How a file differs from what is imported, in the order in which it is told."""

    LEFT = "left"
    JOINED = "joined"
    PLAN = "other_plan"
    START = "other_start"
    EMAIL = "other_email"
    NAME = "other_name"
    CARD_MOVED = "card_moved"
    CARD_REPLACED = "card_replaced"
    CARD_ADDED = "card_added"
    CARD_GONE = "card_gone"
    CARD_OFF = "card_off"


ON_CARDS = (Kind.CARD_MOVED, Kind.CARD_REPLACED, Kind.CARD_ADDED, Kind.CARD_GONE, Kind.CARD_OFF)


@dataclass(frozen=True, slots=True)
class Card:
    id_tag: str
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class Imported:
    """A customer as imported: plan and start as the ledger has them, all else as it is in our database now.

    `runs`: all in which the customer stands, newest first. `made_by`: of these, the ones that made something.
    `owns_subscription`: one of them made it, so that a revert ends it. `moved_to` is the day on which it
    starts where that is not `start_date`, the file's.
    """

    external_id: str
    email: str
    display_name: str
    cards: tuple[Card, ...]
    plan_code: str
    start_date: date | None
    subscription_at: datetime | None
    billing_time: str
    runs: tuple[str, ...]
    made_by: tuple[str, ...]
    owns_subscription: bool = True
    moved_to: date | None = None

    def wanted(self) -> Wanted:
        """Return it as a row would ask for it, for those who tell what it costs."""
        return Wanted(
            0, self.email, self.display_name, self.external_id, "", self.plan_code,
            self.start_date, self.subscription_at, self.billing_time,
        )  # fmt: skip


@dataclass(slots=True)
class Filed:
    """A customer of the file: all its rows. `cards`: the line of each.

    `lacks_card`: an idTag of its rows cannot be read, or is somebody else's in the same file, so none of its
    cards can be missed.
    """

    rows: list[Wanted] = field(default_factory=list)
    cards: dict[str, int] = field(default_factory=dict)
    lacks_card: bool = False

    @property
    def external_id(self) -> str:
        return self.rows[0].external_id

    @property
    def lines(self) -> tuple[int, ...]:
        return tuple(row.line for row in self.rows)

    def agreed(self, name: str) -> Any:
        """Return the value that all rows have, as far as they can be read; None where they do not agree."""
        given = {getattr(row, name) for row in self.rows} - {"", None}
        return given.pop() if len(given) == 1 else None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A row of which nobody knows whose it is. `cells` are its values, folded: one may name a customer."""

    line: int
    cells: frozenset[str]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A row that the mapping leaves out, and the column by which it does."""

    line: int
    column: str


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a row of the file."""

    line: int
    external_id: str
    problem: Problem


@dataclass(slots=True)
class FileRead:
    """What a file says. Customers and those left out are by the key of their external_id."""

    rows: int
    customers: dict[str, Filed]
    unreadable: list[Unreadable]
    left_out: dict[str, LeftOut]
    flaws: list[Flaw]
    digits: set[str] = field(default_factory=set)  # of all its cards, whosever they are
    lost: set[str] = field(default_factory=set)  # the cells of all its unreadable rows, folded


@dataclass(frozen=True, slots=True)
class Price:
    """What a whole interval of a plan costs, net, fixed charges included; None where that is not known."""

    plan_code: str
    cents: int | None
    currency: str
    interval: str


@dataclass(frozen=True, slots=True)
class Cost:
    """What a difference is in money: the price before and after it, and the first invoices to come."""

    was: Price | None = None
    now: Price | None = None
    first: Bill | None = None
    second: Bill | None = None


NO_COST = Cost()


@dataclass(slots=True)
class Difference:
    """One way in which a customer of the file is not what is imported.

    `was` is what is imported, `now` what the file says. `other`: the customer who has the card. `note`: what
    else a reader must know. `runs` of a customer who left: those that made something, newest first.
    """

    kind: Kind
    external_id: str
    lines: tuple[int, ...] = ()
    was: str = ""
    now: str = ""
    other: str = ""
    note: str = ""
    runs: tuple[str, ...] = ()
    cost: Cost = NO_COST


@dataclass(frozen=True, slots=True)
class Remark:
    """What is not as the file spells it, and needs nothing to be done."""

    external_id: str
    line: int
    text: str
    was: str
    now: str
    is_card: bool = False


@dataclass(slots=True)
class Found:
    """All that a comparison found. `held`: customers who may be on an unreadable row, with its line."""

    differences: list[Difference] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    held: dict[str, int] = field(default_factory=dict)
    blocked: dict[str, str] = field(default_factory=dict)  # joined customers whose card somebody still has
    same: int = 0

    def of(self, *kinds: Kind) -> list[Difference]:
        return [one for one in self.differences if one.kind in kinds]

    @property
    def counts(self) -> Mapping[Kind, int]:
        counted = Counter(one.kind for one in self.differences)
        return {kind: counted[kind] for kind in Kind}


@dataclass(frozen=True, slots=True)
class Sum:
    """What is billed more or less for each interval, once all of a kind is done. Net, in one currency."""

    kind: Kind
    currency: str
    interval: str
    customers: int
    cents: int
