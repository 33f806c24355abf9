"""Some rows of a file as a file of their own, which is read just as that one is: same columns, same cells."""

import csv
import io
import json
from collections.abc import Iterable, Sequence

from customers.backfill.source.error_cells import CellValue, write_ods, write_xlsx
from customers.backfill.source.error_file import own_cells, safe
from customers.backfill.source.mapping.model import FileMapping
from customers.backfill.source.model import SourceInfo, SourceRow
from customers.backfill.source.text import DELIMITERS


def some_rows(info: SourceInfo, rows: Iterable[SourceRow], mapping: FileMapping | None = None) -> bytes:
    """Return the content of the file; its name has to end as that of the other does.

    The header stands on the line that the mapping names, if it does.
    """
    records = [own_cells(info, row) for row in rows]
    stream = io.BytesIO()
    if info.format == "json":
        items = [dict(zip(info.header, record, strict=False)) for record in records]
        is_ascii = not (info.encoding or "utf-8").startswith("utf")
        stream.write(json.dumps(items, ensure_ascii=is_ascii, indent=1).encode(info.encoding or "utf-8"))
        return stream.getvalue()
    header: list[CellValue] = [safe(name) for name in info.header]
    above = ((mapping.form.header_line if mapping else None) or 1) - 1
    table = [header, *([safe(cell) for cell in record] for record in records)]
    if info.format in ("csv", "tsv"):
        _write_text(stream, info, table, above)
    else:
        write = write_xlsx if info.format == "xlsx" else write_ods
        write(stream, [*([] for _ in range(above)), *table], info.sheet)
    return stream.getvalue()


def _write_text(
    stream: io.BytesIO, info: SourceInfo, table: Sequence[Sequence[CellValue]], above: int
) -> None:
    text, delimiter = io.TextIOWrapper(stream, info.encoding, newline=""), info.delimiter or ","
    if delimiter not in DELIMITERS:
        text.write(f"sep={delimiter}\r\n")  # it would not be recognised without this line
        above = max(above - 1, 0)
    text.write("\r\n" * above)
    csv.writer(text, delimiter=delimiter).writerows(table)
    text.detach()
