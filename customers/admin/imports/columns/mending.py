"""Tell the files whose columns a mapping can explain from those that nobody can read."""

from django.conf import settings

from customers.backfill.mappings.table import look_at
from customers.backfill.source import SourceError
from kernel import Problem

# What can be said of a file on the page of columns, where it has a table at all (`file_unreadable` is also a
# document whose list has another name); everything else is wrong with the file itself.
CODES = frozenset({"column_missing", "sheet_missing", "file_encoding", "file_unreadable"})


def can_be_mapped(name: str, data: bytes, error: SourceError) -> bool:
    """Return whether a mapping can mend what is wrong with a file."""
    if any(problem.code not in CODES for problem in error.problems):
        return False
    try:
        prove_table(name, data)
    except SourceError:
        return False
    return True


def prove_table(name: str, data: bytes) -> None:
    """Raise SourceError if a file has no table with a header, or more rows than a page can wait for."""
    if look_at(name, data).rows > settings.MAX_UPLOAD_ROWS:
        told = f"{name} has more than {settings.MAX_UPLOAD_ROWS:,} rows."
        raise SourceError(Problem("file_unreadable", None, told, "Use the command backfill_customers."))
