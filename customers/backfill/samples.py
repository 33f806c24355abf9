"""What people are shown of a file to compare it with what they see: its first rows, and what looks unusual.

It holds personal data: it goes to a page or a terminal, and is kept nowhere.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from customers.backfill.source import COLUMNS, SourceRow

FIRST = 5
OF_EACH_CODE = 3

# What says of a value that it may not be what was meant; the rest is about the world.
UNUSUAL = (
    "value_damaged",
    "id_tag_notation",
    "id_tag_lowercase",
    "id_tag_damaged",
    "id_tag_invalid",
    "external_id_invalid",
    "display_name_invalid",
    "formula_not_calculated",
    "start_date_moved",
    "start_date_invalid",
    "dates_mixed",
    "row_no_customer",
    "row_incomplete",
)

Shown = list[tuple[int, tuple[str, ...], str]]  # line, values with what cannot be seen made visible, codes


def first_rows(rows: Iterable[SourceRow]) -> Shown:
    return [(row.line, visible(row), "") for row in islice(rows, FIRST)]


def unusual_rows(rows: Iterable[SourceRow], codes: Mapping[int, Sequence[str]]) -> Shown:
    """Give a few rows of each kind; `codes` has those of each line, in the order of the file.

    No row is asked for beyond the last that is shown: most of a long file is not read.
    """
    chosen = unusual_lines(codes)
    shown: Shown = []
    for row in rows if chosen else ():
        if row.line in chosen:
            shown.append((row.line, visible(row), chosen[row.line]))
            if len(shown) == len(chosen):
                break
    return shown


def unusual_lines(codes: Mapping[int, Sequence[str]]) -> Mapping[int, str]:
    """Choose the first few lines of each kind, with what is said of them."""
    seen: Counter[str] = Counter()
    chosen = {}
    for line, of_line in codes.items():
        found = [code for code in dict.fromkeys(of_line) if code in UNUSUAL]
        if any(seen[code] < OF_EACH_CODE for code in found):
            seen.update(found)
            chosen[line] = ", ".join(found)
    return chosen


def headings(rows: Sequence[SourceRow]) -> tuple[str, ...]:
    """Name what `visible` gives: with one more column where the file has optional ones."""
    return (*COLUMNS, "more") if rows and rows[0].more else COLUMNS


def visible(row: SourceRow) -> tuple[str, ...]:
    """Write what nobody would see, such as a tab or a character of no width, by its number.

    An idTag that a mapping rewrote stands there as it was, and as it is. Of the optional columns, all that
    the row has is in one cell.
    """
    values = row.values
    if row.mapped and row.mapped.id_tag is not None:
        values = values._replace(id_tag=f"{row.mapped.id_tag} → {values.id_tag}")
    six = tuple(visible_text(value) for value in values)
    more = (f"{name}: {visible_text(value.strip())}" for name, value in row.more.items() if value.strip())
    return (*six, " · ".join(more)) if row.more else six


def visible_text(value: str) -> str:
    """Write what nobody would see by its number."""
    if value.isprintable():
        return value
    return "".join(char if char.isprintable() else f"<U+{ord(char):04X}>" for char in value)
