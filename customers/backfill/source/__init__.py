"""Read the operator's file: csv, tsv, xlsx, ods or json. Pure: no ORM, no settings, no HTTP, no clock."""

from customers.backfill.source.layout import meant_column
from customers.backfill.source.lines import lines_named
from customers.backfill.source.mapping.model import FileMapping
from customers.backfill.source.mapping.reading import parse_mapping, read_mapping
from customers.backfill.source.model import (
    COLUMNS,
    MAX_BYTES,
    MAX_ROWS,
    REPORT_COLUMNS,
    Source,
    SourceError,
    SourceInfo,
    SourceRow,
    Translated,
    Values,
)
from customers.backfill.source.opening import (
    FORMATS,
    Reading,
    open_cells,
    open_source,
    read_bytes,
    read_cells,
)
from customers.backfill.source.workbook import HIDDEN_ROWS

__all__ = [
    "COLUMNS",
    "FORMATS",
    "HIDDEN_ROWS",
    "MAX_BYTES",
    "MAX_ROWS",
    "REPORT_COLUMNS",
    "FileMapping",
    "Reading",
    "Source",
    "SourceError",
    "SourceInfo",
    "SourceRow",
    "Translated",
    "Values",
    "lines_named",
    "meant_column",
    "open_cells",
    "open_source",
    "parse_mapping",
    "read_bytes",
    "read_cells",
    "read_mapping",
]
