"""Read the operator's file: csv, tsv, xlsx, ods or json. Pure: no ORM, no settings, no HTTP, no clock."""

from customers.backfill.source.layout import meant_column
from customers.backfill.source.model import (
    COLUMNS,
    MAX_BYTES,
    MAX_ROWS,
    REPORT_COLUMNS,
    Source,
    SourceError,
    SourceInfo,
    SourceRow,
    Values,
)
from customers.backfill.source.opening import FORMATS, open_source, read_bytes

__all__ = [
    "COLUMNS",
    "FORMATS",
    "MAX_BYTES",
    "MAX_ROWS",
    "REPORT_COLUMNS",
    "Source",
    "SourceError",
    "SourceInfo",
    "SourceRow",
    "Values",
    "meant_column",
    "open_source",
    "read_bytes",
]
