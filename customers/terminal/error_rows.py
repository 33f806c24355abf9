"""The file of rows that need attention, where the report is printed anyway."""

from pathlib import Path
from typing import TextIO

from customers.backfill.engine.report import Report
from customers.backfill.source import SourceError
from customers.backfill.source.error_file import ErrorFileError, write_error_file


def save_errors(path: Path | None, report: Report, err: TextIO) -> bool:
    """Write the file, if one is asked for; tell whether that went well.

    After a run, a file that cannot be written must not hide what was done: it is only said, on `err`.
    """
    try:
        if path:
            write_error_file(path, report.info, report.flawed())
    except ErrorFileError as error:
        err.write(f"{error}\n")
        return False
    except SourceError as error:  # its rows are read once more for it
        err.write(f"The error file cannot be written. {error}\n")
        return False
    return True
