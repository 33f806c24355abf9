"""A step that works per batch, in a database of its own: a membership for each card, in SQLite.

SQLite lets only the thread that opened a connection use it, so it also shows which thread that is.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from kernel import (
    Action,
    Divergence,
    Facts,
    Made,
    Per,
    RemoteError,
    Removal,
    Removed,
    Step,
    Task,
    Thing,
    Verdict,
    Wanted,
    Works,
)

Members = Mapping[str, int]  # by idTag
DELETE = "DELETE FROM membership WHERE number = ?"


class ClubError(RemoteError):
    """A write to the club's database that did not succeed."""


class MembershipStep(Step):
    """`heard` are the facts that each create was told, by line; `batches` the lines of each transaction."""

    name = "membership"
    noun = "membership"
    system = "Club"
    per = Per.CARD
    works = Works.PER_BATCH

    def __init__(self, path: Path, before: Callable[[Sequence[Task]], object]) -> None:
        self._db = sqlite3.connect(path, timeout=0)
        self._before = before
        self.heard: dict[int, Facts] = {}
        self.batches: list[list[int]] = []

    def close(self) -> None:
        self._db.close()

    def look_up(self, rows: Iterable[Wanted]) -> Members:
        return dict(self._db.execute("SELECT id_tag, number FROM membership"))

    def check(self, wanted: Wanted, found: Members) -> Verdict:
        number = found.get(wanted.id_tag)
        return Verdict(Action.CREATE) if number is None else Verdict(Action.ADOPT, ref=str(number))

    def create_all(self, tasks: Sequence[Task]) -> Sequence[Made | RemoteError]:
        self._before(tasks)
        self.heard |= {task.wanted.line: dict(task.facts) for task in tasks}
        self.batches.append([task.wanted.line for task in tasks])
        with self._transaction() as db:
            return [_made(db, task.wanted.id_tag) for task in tasks]

    def compare(self, thing: Thing, found: Members) -> Sequence[Divergence]:
        if found.get(thing.wanted.id_tag) == int(thing.ref):
            return []
        return [Divergence("missing", "a membership", "none", "Run the same file again.")]

    def remove_all(self, things: Sequence[Thing], found: Any, *, discard: bool) -> Sequence[Removed]:
        try:
            with self._transaction() as db:
                there = [db.execute(DELETE, [thing.ref]).rowcount for thing in things]
        except sqlite3.IntegrityError as error:
            raise ClubError("club_refused", "the club keeps its members") from error
        return [Removed(Removal.REMOVED if one else Removal.GONE) for one in there]

    def _transaction(self) -> sqlite3.Connection:
        try:
            self._db.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise ClubError("club_locked", "the club's database is locked", down=True) from error
        return self._db


def _made(db: sqlite3.Connection, id_tag: str) -> Made | RemoteError:
    try:
        return Made(str(db.execute("INSERT INTO membership (id_tag) VALUES (?)", [id_tag]).lastrowid))
    except sqlite3.IntegrityError:
        return ClubError("club_refused", "the club has such a card already")


class Club:
    """The club's database, and the steps that were connected to it; `before` is called before each batch."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.steps: list[MembershipStep] = []
        self.before: Callable[[Sequence[Task]], object] = lambda tasks: None
        self.execute("CREATE TABLE membership (number INTEGER PRIMARY KEY, id_tag TEXT UNIQUE)")

    def connect(self) -> MembershipStep:
        self.steps.append(MembershipStep(self._path, lambda tasks: self.before(tasks)))
        return self.steps[-1]

    @property
    def last(self) -> MembershipStep:
        return self.steps[-1]

    def execute(self, sql: str, *values: object) -> list[Any]:
        with closing(sqlite3.connect(self._path)) as db, db:
            return db.execute(sql, values).fetchall()

    @property
    def members(self) -> list[str]:
        return [id_tag for (id_tag,) in self.execute("SELECT id_tag FROM membership ORDER BY id_tag")]

    @contextmanager
    def locked_after_the_plan(self) -> Iterator[None]:
        """Lock the database from the first batch on, as another program's long transaction does."""
        with closing(sqlite3.connect(self._path)) as other:
            self.before = lambda tasks: other.in_transaction or other.execute("BEGIN EXCLUSIVE")
            yield
        self.before = lambda tasks: None
