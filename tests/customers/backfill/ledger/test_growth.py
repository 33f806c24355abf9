"""PostgreSQL is told in time how large our tables have become."""

import pytest
from django.db import connection

from customers.backfill.ledger.growth import MANY, TABLES
from rehearsal.lago import Sandbox
from tests.customers.factories import imported, rows

pytestmark = pytest.mark.django_db


def counted() -> dict[str, float]:
    """Give how many rows PostgreSQL takes each table to have."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname, reltuples FROM pg_class WHERE relname = ANY(%s)", [TABLES])
        return dict(cursor.fetchall())


def count_as_empty() -> None:
    """Leave it as autovacuum does once a revert has emptied the tables."""
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {', '.join(TABLES)}")


def test_a_large_import_is_counted_before_anybody_reads_it(lago: Sandbox) -> None:
    count_as_empty()

    imported(rows(MANY))

    assert {table: number for table, number in counted().items() if number < MANY} == {}


def test_for_a_small_one_nothing_is_counted(lago: Sandbox) -> None:
    count_as_empty()
    before = counted()

    imported(rows(2))

    assert counted() == before
