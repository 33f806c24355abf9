"""Connections to the platform's database: one for each piece of work, each statement on its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from psycopg.rows import DictRow, dict_row

Connection = psycopg.Connection[DictRow]
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Database:
    url: str
    schema: str = "public"

    @property
    def options(self) -> str:
        """Return the options of a connection: to the schema, and no waiting for a disk that may be slow."""
        return f"-c search_path={self.schema} -c synchronous_commit=off"

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Connect without a transaction: what is written is there for all at once."""
        with psycopg.connect(
            self.url, autocommit=True, row_factory=dict_row, options=self.options
        ) as connection:
            yield connection

    def rows(self, query: LiteralString, *values: Any) -> list[Row]:
        with self.connection() as connection:
            return rows(connection, query, *values)


def rows(connection: Connection, query: LiteralString, *values: Any) -> list[Row]:
    return connection.execute(query, values or None).fetchall()


def one(connection: Connection, query: LiteralString, *values: Any) -> Row | None:
    return connection.execute(query, values or None).fetchone()
