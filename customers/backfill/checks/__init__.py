"""What can be said of a file without asking another system. Pure: no ORM, settings, HTTP or clock."""

from customers.backfill.checks.billed import Billed
from customers.backfill.checks.clashes import alike, clashes, completed
from customers.backfill.checks.dates import is_date_format, read_day
from customers.backfill.checks.decimal_cards import decimal_cards
from customers.backfill.checks.mixed import mixed_dates
from customers.backfill.checks.optional import Written
from customers.backfill.checks.rows import check_row, file_warnings
from customers.backfill.checks.unusual import formulas_told_once

__all__ = [
    "Billed",
    "Written",
    "alike",
    "check_row",
    "clashes",
    "completed",
    "decimal_cards",
    "file_warnings",
    "formulas_told_once",
    "is_date_format",
    "mixed_dates",
    "read_day",
]
