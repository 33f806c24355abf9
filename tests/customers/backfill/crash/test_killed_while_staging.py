"""An import that is killed before or while its rows are staged leaves no run that a verdict could be over."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import DEFAULT_DB_ALIAS, connections

from auditlog.models import AuditEntry
from customers.models import BackfillRow, BackfillRun, BackfillStep, IdTagMapping, User
from rehearsal.lago import Sandbox
from tests.customers.backfill.crash import world
from tests.customers.backfill.crash.processes import Nursery
from tests.customers.factories import csv_text, rows
from tests.support.processes import wait_for

WAITING = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = %s::regclass"


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "customers.csv"
    path.write_text(csv_text(rows(40)))
    return str(path)


@contextmanager
def held(table: str) -> Iterator[None]:
    """Keep everybody from writing to a table, and wait on leaving nowhere."""
    other = connections.create_connection(DEFAULT_DB_ALIAS)
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {table} IN SHARE MODE")
        yield
    finally:
        other.close()


def someone_waits_for(table: str) -> bool:
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(WAITING, [table])
        return cursor.fetchone() is not None


@pytest.mark.parametrize(
    "table", [BackfillRun._meta.db_table, BackfillRow._meta.db_table, BackfillStep._meta.db_table]
)
def test_an_import_killed_while_it_stages_was_never_begun(
    fresh_lago: Sandbox, commands: Nursery, file: str, table: str
) -> None:
    with held(table):
        command = commands.start("backfill_customers", "--input", file)
        wait_for(lambda: someone_waits_for(table), every_s=0.005)
        command.kill()
        command.wait()
    world.wait_until_free()
    meanwhile = (BackfillRun.objects.count(), AuditEntry.objects.count(), fresh_lago.state()["customers"])
    commands.run("backfill_customers", "--input", file)

    assert meanwhile == (0, 0, [])
    assert BackfillRun.objects.get().status == "succeeded"
    assert User.objects.count() == IdTagMapping.objects.count() == 40


@pytest.mark.parametrize("table", [BackfillRun._meta.db_table, BackfillStep._meta.db_table])
def test_a_continuation_killed_while_it_stages_leaves_the_run_as_it_was(
    fresh_lago: Sandbox, commands: Nursery, file: str, table: str
) -> None:
    fresh_lago.fault("pause_before,method=POST,path=/customers$,nth=7")
    first = commands.start("backfill_customers", "--input", file)
    world.wait_for_fault(fresh_lago)
    first.kill()
    first.wait()
    fresh_lago.clear_faults()
    world.wait_until_free()
    before = world.here()

    with held(table):
        second = commands.start("backfill_customers", "--input", file)
        wait_for(lambda: someone_waits_for(table), every_s=0.005)
        second.kill()
        second.wait()
    world.wait_until_free()
    meanwhile = world.here()
    commands.run("backfill_customers", "--input", file)

    assert meanwhile == before
    assert BackfillRun.objects.get().status == "succeeded"
    assert IdTagMapping.objects.filter(is_active=True).count() == 40
    assert world.nobody_charges_unbilled(fresh_lago)
