"""What can be said of a file without asking another system. Pure: no ORM, settings, HTTP or clock."""

from customers.backfill.checks.billed import Billed
from customers.backfill.checks.clashes import clashes
from customers.backfill.checks.dates import is_date_format, parse_day
from customers.backfill.checks.optional import Written
from customers.backfill.checks.rows import check_row, file_warnings

__all__ = ["Billed", "Written", "check_row", "clashes", "file_warnings", "is_date_format", "parse_day"]
