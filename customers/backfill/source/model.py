"""What reading a file gives: its rows and what is known of it, or the reasons why it cannot be read."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple

from kernel import Problem
from kernel.struct import struct

REPEATED = ("plan_code", "start_date")  # columns in which rows are alike
COLUMNS = ("email", "display_name", "external_id", "id_tag", "plan_code", "start_date")

# What an error file adds to the operator's own columns; reading one again leaves them out. `line` is that of
# the row in the file that it comes from; before 1.1 there was none.
REPORT_COLUMNS = ("line", "code", "field", "message", "hint")

MAX_BYTES = 100_000_000  # of what is held in memory: JSON, a workbook, and what one unpacks to
MAX_TEXT_BYTES = 1_000_000_000  # of a CSV or TSV file, which is streamed
MAX_ROWS = 200_000  # of a workbook or a JSON file, which are held in memory; CSV is streamed


class Values(NamedTuple):
    """The six cells of a row, exactly as given; `""` where there is none."""

    email: str
    display_name: str
    external_id: str
    id_tag: str
    plan_code: str
    start_date: str


class Kind(Enum):
    """What a cell holds that is not simply text."""

    TEXT = "text"
    NUMBER = "number"  # and whatever else is neither text nor a date
    DATE = "date"
    UNCALCULATED = "uncalculated"  # a formula whose result is not in the file; the text is the formula, or 0


class Translated(NamedTuple):
    """A value that a mapping gave another name; `is_default`: because it names no other for it."""

    field: str
    given: str
    meant: str
    is_default: bool = False


NO_MORE: Mapping[str, str] = {}  # the one for all rows without
NO_FAULTS: Mapping[str, Problem] = MappingProxyType({})


class Mapped(NamedTuple):
    """What a mapping did with a row.

    `left_out` is the column by which it is not imported, `id_tag` the idTag before it was rewritten; `faults`
    are by field, of values for which the mapping has no way.
    """

    left_out: str = ""
    translated: tuple[Translated, ...] = ()
    id_tag: str | None = None
    faults: Mapping[str, Problem] = NO_FAULTS


@struct
class SourceRow:
    """One row of the file.

    `line` is the physical line on which it starts (the header is on line 1); of a workbook, the row's
    number. `cells` are the operator's own, in the operator's order, so that the row can be given back.
    `numeric` and `dated` name the columns whose cell was not text but a number or a date,
    `uncalculated` those with a formula whose result is not in the file. `more` has the cells of the optional
    columns, by their name. `numbers` and `dates` are the places in `cells` of what was not text, whether we
    read it or not.
    """

    line: int
    values: Values
    cells: tuple[str, ...]
    surplus: bool = False
    numeric: frozenset[str] = frozenset()
    dated: frozenset[str] = frozenset()
    more: Mapping[str, str] = field(default_factory=lambda: NO_MORE)
    uncalculated: frozenset[str] = frozenset()
    numbers: frozenset[int] = frozenset()
    dates: frozenset[int] = frozenset()
    mapped: Mapped | None = None
    reported: int | None = None  # of an error file: the line that the row had where it comes from


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What is known of a file besides its rows. `header` holds the operator's own names, as given."""

    name: str
    sha256: str
    format: str
    header: tuple[str, ...]
    unknown_columns: tuple[str, ...] = ()
    header_line: int = 1
    encoding: str | None = None
    delimiter: str | None = None
    report: range = range(0)  # where in the file the columns of an error file are, which `header` leaves out
    sheet: str = ""  # the one that is read
    ignored_sheets: tuple[str, ...] = ()
    hidden_sheets: frozenset[str] = frozenset()
    hidden_lines: tuple[int, ...] = ()  # of rows that a filter or a person hid, and what was done with them:
    hidden_rows: str | None = None  # `include` or `leave-out`
    hidden_columns: tuple[str, ...] = ()  # those of ours that are read and that nobody sees
    unseen_lines: tuple[int, ...] = ()  # of rows that lie under merged cells; they are not read
    mapping: str = ""  # the name of the mapping through which it is read
    mapping_sha256: str | None = None
    unmapped_columns: tuple[str, ...] = ()  # of which that one says nothing


@dataclass(frozen=True, slots=True)
class Source:
    """A file that can be read, as often as needed.

    Iterating gives the rows in the order of the file, blank ones left out. It raises SourceError where a
    later part of the file cannot be read, or where the file changed after it was opened.
    """

    info: SourceInfo
    read: Callable[[], Iterator[SourceRow]] = field(repr=False)

    def __iter__(self) -> Iterator[SourceRow]:
        return self.read()

    def held(self) -> "Source":
        """Return the same with its rows in memory, to be read several times; raise SourceError."""
        rows = [*self]
        return Source(self.info, lambda: iter(rows))


class SourceError(Exception):
    """A file that cannot be used; nothing of it is."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(" ".join(f"{problem.message} {problem.hint}".strip() for problem in problems))
        self.problems = problems


def unreadable(name: str, reason: str, hint: str = "", *, code: str = "file_unreadable") -> SourceError:
    """Say of a file as a whole, or of one place in it, why it cannot be read."""
    return SourceError(Problem(code, None, f"{name}: {reason}", hint))
