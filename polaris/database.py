"""One connection to the platform's database, for the thread that opened it: in few statements, in bulk."""

import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from math import ceil
from typing import Any, TypeVar

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from kernel.tally import Tally
from polaris import schema
from polaris.errors import NO_ANSWER, PolarisError, no_platform, not_reached, told

Answer = TypeVar("Answer")
Statement = str | sql.Composed
Cursor = psycopg.Cursor[tuple[Any, ...]]

CONNECT_TIMEOUT_S = 5
STATEMENT_TIMEOUT_MS = 30_000
LOCK_TIMEOUT_MS = 10_000  # the platform's own writes are short
LIMITS = f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c lock_timeout={LOCK_TIMEOUT_MS}"
LEAST_CONNECT_TIMEOUT_S = 2  # that libpq knows


class PlatformDatabase:
    """Raises PolarisError. It connects when it is first asked, and anew after a connection was lost."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None
        self._columns: schema.Columns | None = None
        self._connect_timeout_s = CONNECT_TIMEOUT_S
        self._is_over = False
        self.tally = Tally()

    @classmethod
    @contextmanager
    def for_a_look(cls, url: str, timeout_s: float) -> Iterator["PlatformDatabase"]:
        """Open it for somebody who waits for a page: when the time is up it has not answered."""
        database = cls(url)
        database._connect_timeout_s = max(ceil(timeout_s), LEAST_CONNECT_TIMEOUT_S)
        timer = threading.Timer(timeout_s, database._hang_up)
        timer.start()
        try:
            yield database
        finally:
            timer.cancel()
            timer.join()
            database.close()

    @property
    def place(self) -> str:
        """Name the database; never with a password."""
        port = self._given("port") or "5432"
        return f"{self._given('dbname')} at {self._given('host') or 'localhost'}:{port}"

    @property
    def identity(self) -> str:
        """Say which database it is. An upgrade or a restore of PostgreSQL changes that."""
        query = "SELECT (SELECT system_identifier FROM pg_control_system()), current_database()"
        ((system, name),) = self.read(query)
        return f"{system}/{name}"

    @property
    def columns(self) -> "schema.Columns":
        """Return what the tables have; read once."""
        if self._columns is None:
            self._columns = self._read_only(schema.columns)
        return self._columns

    def readable(self, tables: Sequence[str]) -> frozenset[str]:
        """Name those of some tables that are there and that the role may read."""
        query = (
            "SELECT name FROM unnest(%s::text[]) AS name WHERE to_regclass(name) IS NOT NULL"
            " AND has_table_privilege(to_regclass(name), 'SELECT')"
        )
        return frozenset(name for (name,) in self.read(query, [list(tables)]))

    def preflight(self) -> None:
        """Prove that all that is needed is there; raise PolarisError."""
        try:
            columns = self.columns
        except PolarisError as error:
            raise (not_reached(self.place) if error.away else error) from None
        if not any(columns.has(table) for table in schema.TABLES):
            raise no_platform(self.place)
        if missing := columns.missing:
            raise PolarisError(
                "polaris_refused",
                f"The platform's database {self.place} lacks {', '.join(missing)}: it is no Polaris Express"
                " of a known version, or its migrations are not complete; have them add what they skipped",
            )
        if unreadable := columns.unreadable:
            ((role,),) = self.read("SELECT quote_ident(current_user)")
            tables = ", ".join(dict.fromkeys(name.partition(".")[0] for name in unreadable))
            raise PolarisError(
                "polaris_refused",
                f"The role {role} may not read {', '.join(unreadable)} in the platform's database"
                f" {self.place}; have the owner of the tables run: GRANT SELECT ON {tables} TO {role}",
            )

    def read(self, query: Statement, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        """Return what a query finds."""
        return self._read_only(lambda cursor: cursor.execute(query, values).fetchall())

    def write(self, work: Callable[[Cursor], Answer]) -> Answer:
        """Do some statements in a transaction of their own: all or none. `sent` where that cannot be told."""
        return self._do(work, write=True)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _read_only(self, work: Callable[[Cursor], Answer]) -> Answer:
        """Read, and once more over a new connection where an idle one was closed meanwhile."""
        try:
            return self._do(work, write=False)
        except PolarisError as error:
            if not error.away or self._is_over:
                raise
        return self._do(work, write=False)

    def _do(self, work: Callable[[Cursor], Answer], *, write: bool) -> Answer:
        if self._is_over:
            raise PolarisError("polaris_unreachable", NO_ANSWER, down=True)
        with self.tally.one():
            try:
                connection = self._connected()
            except psycopg.Error as error:
                raise told(error, write=False) from None
            try:
                with connection.transaction(), connection.cursor() as cursor:
                    return work(cursor)
            except psycopg.Error as error:
                if connection.closed or connection.broken:
                    self.close()
                raise told(error, write=write) from None  # its text holds rows

    def _hang_up(self) -> None:
        """End what another thread waits for. What the server itself would end, it can no longer tell us."""
        self._is_over = True
        connection = self._connection
        with suppress(OSError, psycopg.Error):
            if connection is not None and not connection.closed:
                with socket.socket(fileno=os.dup(connection.fileno())) as wire:
                    wire.shutdown(socket.SHUT_RDWR)

    def _given(self, name: str) -> str:
        """Return what the address says of one parameter; blank where it says nothing."""
        return str(psycopg.conninfo.conninfo_to_dict(self._url).get(name) or "")

    def _connected(self) -> psycopg.Connection[tuple[Any, ...]]:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(
                self._url,
                autocommit=True,
                row_factory=tuple_row,
                prepare_threshold=None,  # a pooler may give each transaction another connection
                connect_timeout=self._connect_timeout_s,
                application_name="polaris-backfill",
                options=f"{self._given('options')} {LIMITS}".strip(),
            )
        return self._connection
