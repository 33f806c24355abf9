"""A database of one's own on the server of the tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
from psycopg import sql

from tests.support import tables


@contextmanager
def fresh_database(beside: str, template: str = "template1") -> Iterator[str]:
    """Make a database on the server of `beside`, like `template`; give its address, and drop it."""
    name = f"platform_{uuid4().hex[:12]}"
    address = urlsplit(beside)._replace(path=f"/{name}").geturl()
    new = sql.Identifier(name)
    _administer(beside, sql.SQL("create database {} template {}").format(new, sql.Identifier(template)))
    try:  # no commit waits for the disk
        _administer(beside, sql.SQL("alter database {} set synchronous_commit to off").format(new))
        yield address
    finally:
        _administer(beside, sql.SQL("drop database {} with (force)").format(new))


def _administer(beside: str, statement: sql.Composed) -> None:
    """With a connection of its own: a test may make `beside` anew meanwhile, which ends all that are open."""
    with psycopg.connect(beside, autocommit=True) as connection:
        connection.execute(statement)


def emptied(address: str) -> None:
    """Empty all tables, and begin their numbers again."""
    with psycopg.connect(address) as connection:
        found = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
        names = [sql.Identifier("public", name).as_string() for (name,) in found]
        connection.execute(tables.LOCK.format(", ".join(names)).encode())
        full = connection.execute(tables.holding_rows(names).encode()).fetchall()
        if full:
            connection.execute(tables.delete([name for (name,) in full]).encode())
        connection.execute(
            "select setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)"
            " from pg_sequences where schemaname = 'public'"
        )
