"""What can be said of a file without asking another system. Pure: no ORM, settings, HTTP or clock."""

from customers.backfill.checks.billed import Billed
from customers.backfill.checks.clashes import alike, clashes, completed
from customers.backfill.checks.companies import SharedCompanies, shared_companies
from customers.backfill.checks.dates import read_day
from customers.backfill.checks.decimal_cards import counted_cards, decimal_cards, of_cards
from customers.backfill.checks.mixed import MixedDates, mixed_dates
from customers.backfill.checks.optional import Written
from customers.backfill.checks.related import Related
from customers.backfill.checks.rows import check_row, file_warnings
from customers.backfill.checks.unusual import formulas_told_once

__all__ = [
    "Billed",
    "MixedDates",
    "Related",
    "SharedCompanies",
    "Written",
    "alike",
    "check_row",
    "clashes",
    "completed",
    "counted_cards",
    "decimal_cards",
    "file_warnings",
    "formulas_told_once",
    "mixed_dates",
    "of_cards",
    "read_day",
    "shared_companies",
]
