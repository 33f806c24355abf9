"""What a check finds, and how checks are made: each by itself, so that none hides another."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection

from customers.backfill.preflight.asked import Asked
from customers.database import database_refusal
from kernel import RemoteError

Context = TypeVar("Context")

PATIENCE = 2  # checks in a row that a system leaves without an answer: the next would wait in vain too
AGAIN = "Mend it, and run this command again."
SET = "Correct the variable that is named (docs/environment.md)."


class State(StrEnum):
    OK = "ok"
    WARNING = "warning"
    STOP = "stop"  # the night would come to a halt, or end in something wrong


@dataclass(frozen=True, slots=True)
class Told:
    """What one check says. `remedy` is blank where there is nothing to do."""

    state: State
    found: str
    remedy: str = ""


def ok(found: str) -> Told:
    return Told(State.OK, found)


def warning(found: str, remedy: str) -> Told:
    return Told(State.WARNING, found, remedy)


def stop(found: str, remedy: str) -> Told:
    return Told(State.STOP, found, remedy)


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. Holds no key, no address of a person and no whole idTag."""

    system: str
    name: str
    state: State
    found: str
    remedy: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Check(Generic[Context]):
    """A question to a system; `look` gives None where it does not arise here.

    `unmade` is how bad it is that it cannot be asked. After a `gate` that cannot be passed, nothing else is
    asked of the same system.
    """

    name: str
    look: Callable[[Context], Told | None]
    unmade: State = State.WARNING
    gate: bool = False


@dataclass(frozen=True, slots=True)
class Part(Generic[Context]):
    """The checks of one system. `opened` gives what they share, or raises ImproperlyConfigured."""

    key: str
    title: str
    opened: Callable[[Asked], AbstractContextManager[Context]]
    checks: Sequence[Check[Context]]

    def findings(self, asked: Asked) -> Iterator[Finding]:
        try:
            with self.opened(asked) as context:
                yield from self._made(context)
        except ImproperlyConfigured as error:
            yield Finding(self.title, "settings", State.STOP, str(error), SET)

    def _made(self, context: Context) -> Iterator[Finding]:
        failures = 0
        for check in self.checks:
            told, is_away = _made(check, context)
            if told is not None:
                yield Finding(self.title, check.name, told.state, told.found, told.remedy)
            failures = failures + 1 if is_away else 0
            if failures == PATIENCE or (is_away and check.gate):
                return


def _made(check: Check[Context], context: Context) -> tuple[Told | None, bool]:
    """Make a check; say also whether the system left it without an answer, or lets nobody in."""
    try:
        return check.look(context), False
    except RemoteError as error:
        return Told(check.unmade, f"{error}.", AGAIN), check.gate or error.down
    except ImproperlyConfigured as error:
        return Told(State.STOP, str(error), SET), check.gate
    except DatabaseError as error:
        connection.close()
        why = database_refusal(error) or "PostgreSQL does not do what is asked of it."
        return Told(check.unmade, why, AGAIN), True
