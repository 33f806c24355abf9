"""What a repair means to do and what it leaves to people, as plain values."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b

from customers.backfill.engine.plan import PlannedRow
from customers.backfill.ledger.standing import Standing
from customers.backfill.reconcile import Found
from customers.models import BackfillRun
from kernel.wording import counted

NAMED = 5


class Verb(StrEnum):
    """What is done to a thing, in the words of people."""

    MAKE = "make again"
    USE = "put to use again"
    PUT_RIGHT = "put right"
    SETTLE = "settle"  # it is there already: the call that made it was never answered


@dataclass(frozen=True, slots=True)
class Doing:
    """One thing to be done. `was` is the id of what it replaces, blank where it stays the same thing."""

    line: int
    external_id: str
    step: str
    verb: Verb
    id_tag: str  # masked
    was: str = ""

    @property
    def key(self) -> str:
        """Name it in a way that stays the same while it is being done, by whichever attempt."""
        return f"{self.line}:{self.step}"


@dataclass(frozen=True, slots=True)
class RowRepair:
    """A row to repair: as a plan of an import has one, and what of it is to be done."""

    planned: PlannedRow
    doings: Sequence[Doing]

    @property
    def group(self) -> int:
        """Return the line by which it is left out: of rows that share what one of them makes, of that one."""
        return self.planned.owner_line or self.planned.line


@dataclass(frozen=True, slots=True)
class Advice:
    """A divergence that is left to people. `why` says what speaks against a repair that could do it."""

    found: Found
    means: str
    why: str = ""

    @property
    def todo(self) -> str:
        return self.why or self.found.divergence.remedy


@dataclass(slots=True)
class RepairPlan:
    """`standing` is how far the import came when it was looked at.

    `waiting` is what nobody has to decide: the platform's next sync puts it right.
    """

    run: BackfillRun
    standing: Standing
    rows: list[RowRepair] = field(default_factory=list)
    advice: list[Advice] = field(default_factory=list)
    left_out: list[RowRepair] = field(default_factory=list)  # somebody wants it to stay as it is

    def leave_out(self, lines: Collection[int]) -> list[int]:
        """Leave rows as they are, and with each all that share something with it; return lines without one.

        Half of what is shared, made again, would look as if somebody else had made it.
        """
        groups = {row.group for row in self.rows if row.planned.line in lines}
        unknown = set(lines) - {row.planned.line for row in self.rows}
        self.left_out += [row for row in self.rows if row.group in groups]
        self.rows = [row for row in self.rows if row.group not in groups]
        return sorted(unknown)

    waiting: list[Found] = field(default_factory=list)

    @property
    def waiting_sentence(self) -> str:
        """Say whose cards wait for the platform's sync; blank where none do."""
        if not self.waiting:
            return ""
        named = list(dict.fromkeys(one.external_id for one in self.waiting))
        more = ", …" if len(named) > NAMED else ""
        waits = "waits" if len(self.waiting) == 1 else "wait"
        return (
            f"{counted(len(self.waiting), 'card')} blocked in SteVe {waits} for the platform's sync, which"
            f" opens {'it' if waits == 'waits' else 'them'} ({', '.join(named[:NAMED])}{more})."
        )

    @property
    def doings(self) -> list[Doing]:
        return [doing for row in self.rows for doing in row.doings]

    @property
    def keys(self) -> set[str]:
        return {doing.key for doing in self.doings}

    @property
    def digest(self) -> str:
        """Name what is to be done: another plan has another."""
        return digest_of(f"{doing.key}={doing.verb}" for doing in self.doings)

    @property
    def is_well(self) -> bool:
        """Return whether there is nothing to do, to decide or to say."""
        return not self.rows and not self.advice and not self.left_out


def digest_of(told: Iterable[str]) -> str:
    return blake2b("\n".join(sorted(told)).encode(), digest_size=8).hexdigest()
