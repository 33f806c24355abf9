"""The cells of failing rows, to be corrected where they are shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from customers.backfill import uploads as staging
from customers.backfill.corrections import Cell, Texts, cells_beside
from customers.backfill.refused import Refused
from customers.backfill.source import FileMapping, SourceError
from customers.backfill.stored_preview import only_exists

MOST = 700  # fields of one page; a form of more than a thousand is refused
NAME, WITHOUT = "cell", "without"


@dataclass(frozen=True, slots=True)
class Field:
    """A cell with what somebody typed into it, else what it holds; without a name, one of no column."""

    name: str
    label: str
    text: str


def fields_of(
    upload: Any, rows: Sequence[Mapping[str, Any]], typed: QueryDict | None
) -> dict[int, list[Field]]:
    """Return the fields of the failing rows, by line; none of a file that cannot be read any more.

    Nor of rows that fail only because they exist: no cell is wrong there, and an option skips all of them.
    """
    wanted = {
        row["line"]: [problem["field"] for problem in row["problems"]]
        for row in rows
        if row["action"] == "fail" and not only_exists(row)
    }
    try:
        mapping = staging.mapping_of(upload)
        found = cells_beside(staging.open_upload(upload), mapping, wanted)
    except SourceError:
        return {}
    fields: dict[int, list[Field]] = {}
    count = 0
    for line, cells in found.items():
        count += len(cells)
        if count <= MOST:
            constant = [
                Field("", name, "") for name in dict.fromkeys(wanted[line]) if _is_constant(mapping, name)
            ]
            fields[line] = [*(_field(cell, typed) for cell in cells), *constant]
    return fields


def _is_constant(mapping: FileMapping | None, name: str) -> bool:
    """Return whether the mapping says a field for all rows, so that there is no cell to correct."""
    return mapping is not None and name in mapping.fields and mapping.fields[name].constant is not None


def _field(cell: Cell, typed: QueryDict | None) -> Field:
    name = f"{NAME}:{cell.line}:{cell.place}"
    text = typed.get(name, cell.shown) if typed else cell.shown
    return Field(name, cell.column, text)


def typed_in(post: QueryDict) -> tuple[Texts, list[int]]:
    """Return what the fields hold, and the lines of rows to be left out; raise Refused of a forged name."""
    try:
        texts = {
            (int(line), int(place)): post.get(name, "")
            for name in post
            if name.startswith(f"{NAME}:")
            for _, line, place in [name.split(":")]
        }
        return texts, [int(line) for line in post.getlist(WITHOUT)]
    except ValueError:
        raise Refused("There is no such field.") from None
