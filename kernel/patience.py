"""Saying what is waited for, where somebody sits before a terminal at which nothing moves."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Timer

AFTER_S = 4.0  # what answers at all has answered by then

_listener: ContextVar[Callable[[str], None] | None] = ContextVar("listener", default=None)


@contextmanager
def told_of_waiting(say: Callable[[str], None]) -> Iterator[None]:
    """Have `say` hear of each long wait in this thread; it is called from another one."""
    token = _listener.set(say)
    try:
        yield
    finally:
        _listener.reset(token)


@contextmanager
def waiting_for(what: str) -> Iterator[None]:
    """Tell whoever listens, once, if what is done inside takes long; nothing changes by it."""
    say = _listener.get()
    if say is None:
        yield
        return
    timer = Timer(AFTER_S, say, [f"Waiting for {what}: no answer yet …"])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
