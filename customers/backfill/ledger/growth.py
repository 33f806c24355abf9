"""How large our tables have become: PostgreSQL plans by what it counted last, which may be a minute old.

What a revert has emptied counts as empty until then, and who takes a table for empty goes through all of it
for each row: five hundred rows, imported again at once, kept a revert's plan busy for minutes.
"""

from django.db import connection

from customers.models import BackfillRow, BackfillStep, IdTagMapping, User

TABLES = [model._meta.db_table for model in (User, IdTagMapping, BackfillRow, BackfillStep)]
MANY = 100  # fewer rows are few, whatever they are taken for


class Growth:
    """Hears of rows that are written, and has the tables counted whenever there are twice as many."""

    def __init__(self) -> None:
        self._rows = self._counted = 0

    def add(self, rows: int) -> None:
        self._rows += rows
        if self._rows >= max(2 * self._counted, MANY):
            self._count()

    def close(self) -> None:
        """Count once more, for whoever reads all of it next."""
        if self._rows >= MANY and self._rows > self._counted:
            self._count()

    def _count(self) -> None:
        """Count, unless somebody else does. A sample is read, of much the same size whatever the table's."""
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE (SKIP_LOCKED) {', '.join(map(connection.ops.quote_name, TABLES))}")
        self._counted = self._rows
