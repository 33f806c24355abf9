"""Corrections of an upload: of single cells, rows that are left out, an error file that was corrected.

They make a new file with a SHA-256 of its own, which is what is previewed and imported. What is written down
of them is on which lines it differs from what was uploaded, and never a value.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from customers.backfill import uploads
from customers.backfill.difference import Differs
from customers.backfill.preview_changes import Change
from customers.backfill.refused import Refused
from customers.backfill.samples import visible_text
from customers.backfill.source import FileMapping, Source, SourceError, SourceRow, lines_named, read_bytes
from customers.backfill.source.corrected import Corrections, corrected
from customers.backfill.source.error_cells import CellValue
from customers.backfill.source.error_file import own_cells
from customers.backfill.source.lines import ranges
from customers.backfill.source.places import places_of
from customers.models import BackfillUpload

CORRECTED = "preview.corrected"
LONGEST = 2_000  # characters of a cell that is typed

_TEXT = {"csv", "tsv"}
_BY_NUMBER = re.compile(r"<U\+([0-9A-F]{4,6})>")

Texts = Mapping[tuple[int, int], str]  # what was typed, by line and by the place of the column in the header


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of the file beside a problem; `shown` makes visible what nobody would see."""

    line: int
    place: int
    column: str
    shown: str


def cells_beside(
    source: Source, mapping: FileMapping | None, fields: Mapping[int, Iterable[str | None]]
) -> dict[int, list[Cell]]:
    """Return the cells that fields of some lines are made of. The file is read up to the last of these."""
    found: dict[int, list[Cell]] = {}
    for row in source if fields else ():
        if row.line in fields:
            named = (places_of(source.info, mapping, name) for name in fields[row.line] if name)
            places = dict.fromkeys(place for some in named for place in some)
            found[row.line] = [
                Cell(row.line, place, source.info.header[place], visible_text(row.cells[place]))
                for place in places
            ]
            if len(found) == len(fields):
                break
    return found


# --- What was typed ----------------------------------------------------------------------------------


def typed(source: Source, texts: Texts, without: Iterable[int]) -> Corrections:
    """Make corrections of what was typed into cells as they were shown; raise Refused."""
    by_line: dict[int, dict[int, str]] = {}
    for (line, place), text in texts.items():
        by_line.setdefault(line, {})[place] = text
    left = frozenset(without)
    wanted = {*by_line, *left}
    cells: dict[int, dict[int, CellValue]] = {}
    known = set()
    for row in source:
        known.add(row.line)
        if row.line in by_line and row.line not in left:
            others: dict[int, CellValue] = {
                place: meant
                for place, text in by_line[row.line].items()
                if (meant := _meant(row, place, text, source)) is not None
            }
            cells |= {row.line: others} if others else {}
        if row.line in wanted and wanted <= known:
            break
    _refuse_unknown(wanted - known)
    return _some(Corrections(cells, left), known)


def _meant(row: SourceRow, place: int, text: str, source: Source) -> str | None:
    """Return what a cell becomes; None if it stays. What is shown by its number stays what it was."""
    if not 0 <= place < len(source.info.header):
        raise Refused(f"Line {row.line} has no such column.", "Look at the preview again.")
    before = row.cells[place]
    if text == visible_text(before):
        return None
    if not before.isprintable():
        text = _BY_NUMBER.sub(lambda found: _known_char(found, before), text)
    column = source.info.header[place]
    if len(text) > LONGEST:
        raise Refused(f"Line {row.line}: {column} is longer than {LONGEST:,} characters.")
    if any(unicodedata.category(char) in ("Cc", "Cs") and char not in before for char in text):
        raise Refused(f"Line {row.line}: {column} has a character that nobody can see.", "Type it again.")
    return text if text != before else None


def _known_char(found: re.Match[str], before: str) -> str:
    number = int(found[1], 16)
    char = chr(number) if number < 0x110000 else ""
    return char if char and char in before else found[0]


def _some(corrections: Corrections, known: set[int]) -> Corrections:
    _refuse_unknown({*corrections.lines} - known)
    if not corrections.lines:
        raise Refused("Nothing was changed.")
    return corrections


def _refuse_unknown(lines: set[int]) -> None:
    if lines:
        raise Refused(f"The file has no {lines_named(sorted(lines))}.", "Look at the preview again.")


# --- An error file -----------------------------------------------------------------------------------


def from_error_file(upload: BackfillUpload, source: Source, name: str, data: bytes) -> Corrections:
    """Take what was corrected in an error file of an upload, read as `source`; raise SourceError or Refused.

    Each of its rows takes the place of the one on the line that it names, with all its cells. Rows that it
    does not have stay what they are.
    """
    errors = _read(upload, name, data)
    _refuse_other_file(name, source, errors)
    rows = _by_line(name, errors)
    cells, known = {}, set()
    for row in source:
        known.add(row.line)
        if row.line in rows and (others := _differing(source, row, errors, rows[row.line])):
            cells[row.line] = others
    unknown = sorted(rows.keys() - known)
    if unknown:
        told = f"{name} has rows of {lines_named(unknown)}, which this file does not have."
        raise Refused(told, "It belongs to another file, or its column “line” was changed.")
    return _some(Corrections(cells), known)


def _read(upload: BackfillUpload, name: str, data: bytes) -> Source:
    """Read it as its file; but it begins with its header, and may have been saved as UTF-8."""
    mapping = uploads.mapping_of(upload)
    if mapping:
        mapping = replace(mapping, form=replace(mapping.form, header_line=None, sheet=None, list=None))
    given = {key: upload.options.get(key) for key in ("encoding", "delimiter")}
    try:
        return read_bytes(name, data, **given, mapping=mapping)
    except SourceError as error:
        form = mapping.form if mapping else None
        is_said = given["encoding"] or (form and form.encoding)
        if not is_said or all(problem.code != "file_encoding" for problem in error.problems):
            raise
    return read_bytes(name, data, encoding="utf-8", delimiter=given["delimiter"], mapping=mapping)


def _refuse_other_file(name: str, source: Source, errors: Source) -> None:
    kinds = {source.info.format, errors.info.format}
    if len(kinds) > 1 and not kinds <= _TEXT:
        told = f"{name} is .{errors.info.format}, and the file is .{source.info.format}."
        raise Refused(told, "Save the corrected rows in the format in which you downloaded them.")
    if errors.info.header != source.info.header:
        raise Refused(
            f"{name} has other columns than the file of this preview.",
            "Use the rows with problems that you download here, with all their columns.",
        )


def _by_line(name: str, errors: Source) -> dict[int, SourceRow]:
    """Return the rows by the lines that they name; raise Refused if one names none, or two the same."""
    rows: dict[int, SourceRow] = {}
    without, double = [], []
    for row in errors:
        if row.reported is None:
            without.append(row.line)
        elif row.reported in rows:
            double.append(row.reported)
        else:
            rows[row.reported] = row
    if without:
        told = f"{name}: {lines_named(without)} of it do not say which line of the file they are."
        raise Refused(told, "Use the rows with problems that you download here: they have a column “line”.")
    if double:
        told = f"{name} has {lines_named(sorted(set(double)))} more than once."
        raise Refused(told, "Keep one of each.")
    return rows


def _differing(source: Source, row: SourceRow, errors: Source, other: SourceRow) -> dict[int, CellValue]:
    """Return the cells that are others now. A number that became the text of its digits is another too."""
    was, now = own_cells(source.info, row), own_cells(errors.info, other)
    return {
        place: after
        for place, (before, after) in enumerate(zip(was, now, strict=False))
        if row.cells[place] != other.cells[place] or type(before) is not type(after)
    }


# --- The change --------------------------------------------------------------------------------------


def correction(upload: BackfillUpload, source: Source, corrections: Corrections) -> Change:
    """Return the change that has the corrected file take the place of the one there is; raise SourceError.

    `source` reads the one there is.
    """
    made = corrected(bytes(upload.data), source, corrections, uploads.mapping_of(upload))
    before = upload.options.get("corrected") or {"from_sha256": upload.sha256, "lines": []}
    lines = sorted({*before["lines"], *corrections.lines})
    return Change(
        CORRECTED,
        _told(before["from_sha256"], corrections),
        options={"corrected": {**before, "lines": lines}},
        data=made.data,
        rows=upload.rows - len(corrections.without),
        differs=Differs([*source], made.rows, frozenset(corrections.lines)),
    )


def _told(from_sha256: str, corrections: Corrections) -> dict[str, Any]:
    return {
        "from_sha256": from_sha256,
        "lines": ranges(sorted(corrections.cells)),
        "without": ranges(sorted(corrections.without)),
    }


def differing_lines(options: Mapping[str, Any]) -> Sequence[int]:
    """Return the lines on which an upload differs from what was uploaded first."""
    found: Sequence[int] = (options.get("corrected") or {"lines": ()})["lines"]
    return found
