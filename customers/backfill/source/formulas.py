"""Cells that a spreadsheet would take for a formula, and run.

Our error files put an apostrophe before such a cell, in every column, so that the file is safe to open;
also before a cell that already begins that way. Reading takes exactly one such apostrophe away, in every
tabular file, because an operator may save a corrected one in another format or without our own columns.
So reading what was written gives what was meant.
"""

import re

_LOOKS_LIKE_A_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def escape(cell: str) -> str:
    """Make a cell safe to open in a spreadsheet; `unescape` is the exact inverse."""
    return f"'{cell}" if _LOOKS_LIKE_A_FORMULA.match(cell) else cell


def unescape(cell: str) -> str:
    """Return back the cell that `escape` was given."""
    return cell[1:] if cell.startswith("'") and _LOOKS_LIKE_A_FORMULA.match(cell) else cell
