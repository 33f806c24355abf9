"""How the days of a column are written."""

from dataclasses import dataclass

from customers.backfill.mappings.kinds import DATED, FORMATS, ISO
from customers.backfill.mappings.table import Column
from customers.backfill.mappings.writing import quoted, shown


@dataclass(frozen=True, slots=True)
class DayFormat:
    """`certain`: the format; None where none is needed, or where it is `asked`."""

    certain: str | None = None
    asked: tuple[str, ...] = ()


def format_of(column: Column) -> DayFormat:
    """Find the one format in which all days can be read."""
    if column.kinds.get(ISO, 0) == column.looked_at:
        return DayFormat()
    named = shown(column.name)
    if column.kinds.get(DATED):
        told = (
            f"start_date: {named} has real dates, and texts beside them: a spreadsheet may have swapped days"
        )
        return DayFormat(asked=(f"{told} and months.", "Better export again as text; else name the format."))
    fitting = sorted(form for form in FORMATS if column.kinds.get(form) == column.looked_at)
    if len(fitting) == 1:
        return DayFormat(fitting[0])
    if not fitting:
        return DayFormat(asked=(f"start_date: no format fits all cells of {named}.", *_EXAMPLE))
    told = (
        f"start_date: the days of {named} can be read in {len(fitting)} ways: is the day first, or the month?"
    )
    return DayFormat(asked=(told, *(f"Perhaps: date_format = {quoted(form)}" for form in fitting)))


_EXAMPLE = ('For example "%d.%m.%Y".',)
