"""A backup from before an upgrade is put back in place of what the upgrade made, and then upgraded again."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.customers.backfill.restored.backups import DOCKER, SERVER, Backups
from tests.polaris_backfill.processes import PRODUCTION, manage
from tests.rehearsal.platform.databases import fresh_database

OF_BEFORE = ("customers", "0026")


@pytest.fixture
def url(database_url: str) -> Iterator[str]:
    """An empty database beside that of all tests."""
    with fresh_database(database_url) as address:
        yield address


@pytest.fixture
def role(database_url: str, url: str) -> Iterator[str]:
    """Whoever the service is in that database: nobody with rights of an administrator."""
    name = f"role_{url.rpartition('_')[2].partition('?')[0]}"
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {name}".encode())
        yield name
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(
            f"REASSIGN OWNED BY {name} TO CURRENT_USER; DROP OWNED BY {name}; DROP ROLE {name}".encode()
        )


def migrate(url: str, *target: str) -> None:
    done = manage("migrate", *target, **{**PRODUCTION, "DATABASE_URL": url})
    assert done.returncode == 0, done.stderr


def tables(url: str) -> dict[str, str]:
    """Tell whose each table is."""
    with psycopg.connect(url) as looker:
        return dict(
            looker.execute(
                "SELECT tablename, tableowner FROM pg_tables WHERE schemaname = 'public'"
            ).fetchall()
        )


@pytest.mark.parametrize("way", [DOCKER, SERVER])
def test_a_backup_from_before_an_upgrade_can_be_put_back(
    url: str, role: str, tmp_path: Path, way: str
) -> None:
    backups = Backups(url, owner=role, way=way)
    migrate(url, *OF_BEFORE)
    backups.dump(tmp_path / "before.dump")
    before = set(tables(url))
    migrate(url)
    newer = set(tables(url))

    backups.restore(tmp_path / "before.dump")
    put_back = tables(url)
    migrate(url)

    assert set(put_back) == before < newer == set(tables(url))
    if way == SERVER:
        assert set(put_back.values()) == {role}
