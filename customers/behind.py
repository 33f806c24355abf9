"""Let the database write what is ready while the next is put together, in one transaction."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

AHEAD = 2  # pieces that are put together, at most, before the database has written them

Write = Callable[..., None]


@contextmanager
def written_behind() -> Iterator[Write]:
    """Give what takes a function that writes, with its arguments: it is called in another thread, in order.

    That thread uses the connection of this one, which goes on using it too: a connection takes one statement
    at a time. All is written, or an error of it was raised, when the block ends.
    """
    ours = connections[DEFAULT_DB_ALIAS]
    waiting: list[Future[None]] = []

    def write(work: Callable[..., None], *given: Any) -> None:
        if len(waiting) == AHEAD:
            waiting.pop(0).result()
        waiting.append(thread.submit(work, *given))

    ours.inc_thread_sharing()
    try:
        with ThreadPoolExecutor(1, "behind", initializer=_share, initargs=(ours,)) as thread:
            yield write
            for one in waiting:
                one.result()
    finally:
        ours.dec_thread_sharing()


def check_at_once() -> None:
    """Have what this transaction writes checked as it is written, not all of it at its end."""
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def _share(theirs: BaseDatabaseWrapper) -> None:
    connections[DEFAULT_DB_ALIAS] = theirs
