"""Let the database work on one thing while this process works on another, over one connection."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

AHEAD = 2  # pieces that are put together, at most, before the database has written them

T = TypeVar("T")
Write = Callable[..., None]


@contextmanager
def written_behind() -> Iterator[Write]:
    """Give what takes a function that writes, with its arguments: it is called in another thread, in order.

    Both threads may use our connection, which takes one statement at a time; all is in its transaction. When
    the block ends, all is written, or an error of it was raised.
    """
    waiting: list[Future[None]] = []
    with _another_thread() as thread:

        def write(work: Callable[..., None], *given: Any) -> None:
            if len(waiting) == AHEAD:
                waiting.pop(0).result()
            waiting.append(thread.submit(copy_context().run, work, *given))

        yield write
        for one in waiting:
            one.result()


def read_ahead(values: Iterable[T]) -> Iterator[T]:
    """Give values, each while another thread gets the next: for those who read them from the database."""
    with _another_thread() as thread:
        rest = iter(values)
        coming = thread.submit(copy_context().run, _next, rest)
        while value := coming.result():
            coming = thread.submit(copy_context().run, _next, rest)
            yield value[0]


def check_at_once() -> None:
    """Have what this transaction writes checked as it is written, not all of it at its end."""
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@contextmanager
def _another_thread() -> Iterator[Executor]:
    """Have a thread that uses the connection of this one."""
    ours = connections[DEFAULT_DB_ALIAS]
    ours.inc_thread_sharing()
    try:
        with ThreadPoolExecutor(1, "behind", initializer=_share, initargs=(ours,)) as thread:
            yield thread
    finally:
        ours.dec_thread_sharing()


def _share(theirs: BaseDatabaseWrapper) -> None:
    connections[DEFAULT_DB_ALIAS] = theirs


def _next(rest: Iterator[T]) -> tuple[T] | None:
    """Return the next one, if there is any."""
    for value in rest:
        return (value,)
    return None
