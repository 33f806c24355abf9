"""In which of a file's own cells a field of ours stands."""

from customers.backfill.source.mapping.model import FIELDS, FileMapping
from customers.backfill.source.model import COLUMNS, SourceInfo


def places_of(info: SourceInfo, mapping: FileMapping | None, field: str) -> tuple[int, ...]:
    """Return the places of the columns that a field is made of; none where it has no column in the file."""
    folded = [name.casefold() for name in info.header]
    names = [name.strip().casefold() for name in _columns(mapping, field)]
    return tuple(folded.index(name) for name in names if name in folded)


def _columns(mapping: FileMapping | None, field: str) -> tuple[str, ...]:
    if field not in FIELDS:
        return ()
    if mapping is None:
        return (field,)
    if field in mapping.fields:
        return mapping.fields[field].columns
    return (field,) if field in COLUMNS or not mapping.fields else ()
