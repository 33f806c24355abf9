"""Make the platform's tables in a PostgreSQL database, whole or with the holes of an upgraded one."""

from collections.abc import Collection
from enum import StrEnum
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql

TABLES = Path(__file__).with_name("schema.sql")

# Its migrator writes down what it applied, in a schema that a limited role cannot read.
MIGRATIONS = 55
NEWEST_MS = 1_778_683_320_000
BOOKKEEPING: LiteralString = """
    create schema if not exists drizzle;
    create table if not exists drizzle.__drizzle_migrations (
        id serial primary key, hash text not null, created_at bigint
    );
"""


class Hole(StrEnum):
    """A migration that an upgraded database never got, since an earlier one bears a later stamp."""

    MIRROR_COLUMNS = "0031"  # steve_parent_id_tag and steve_expiry_date of user_mappings
    M0052 = "0052"  # nothing that an import meets; only the migrator's book is a line shorter
    M0053 = "0053"


def create(database_url: str, *, schema: str = "public", holes: Collection[str] = ()) -> None:
    """Make the tables; raise ValueError for a hole that is not known, psycopg.Error if they are there.

    In a schema of another name, whoever reads and writes them sets the `search_path`. The migrator's book is
    kept with a whole database only.
    """
    missing = {Hole(hole) for hole in holes}
    with psycopg.connect(database_url) as connection:
        connection.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(schema)))
        connection.execute("select set_config('search_path', %s, true)", [schema])
        connection.execute(TABLES.read_bytes())
        if Hole.MIRROR_COLUMNS in missing:
            connection.execute(
                "alter table user_mappings drop column steve_parent_id_tag, drop column steve_expiry_date"
            )
        if schema == "public":
            _write_down(connection, missing)


def exists(database_url: str, *, schema: str = "public") -> bool:
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            "select 1 from pg_tables where schemaname = %s and tablename = 'user_mappings'", [schema]
        ).fetchone()
    return row is not None


def _write_down(connection: psycopg.Connection, missing: Collection[Hole]) -> None:
    connection.execute(BOOKKEEPING)
    left_out = {int(hole) for hole in missing}
    applied = [number for number in range(MIGRATIONS) if number not in left_out]
    connection.cursor().executemany(
        "insert into drizzle.__drizzle_migrations (hash, created_at) values (%s, %s)",
        [(f"{number:04}", NEWEST_MS - (MIGRATIONS - 1 - number) * 60_000) for number in applied],
    )
