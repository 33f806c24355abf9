"""The systems for a page that somebody waits at: where they are too slow, it says so before a proxy does."""

from collections.abc import Iterator
from contextlib import contextmanager

from customers.backfill.refused import Refused
from customers.backfill.systems import Systems, connect
from kernel import RemoteError
from kernel.deadline import Deadline

WITHIN_S = 45.0  # in all: proxies give a page 60 s, and planning itself takes some


def page_deadline() -> Deadline:
    """Begin the time of a page; one that connects more than once passes it on."""
    return Deadline(WITHIN_S)


@contextmanager
def connected_for_a_page(
    deadline: Deadline | None = None, *, concurrency: int | None = None
) -> Iterator[Systems]:
    """Reach the systems for what a page asks of them; raise Refused, which says so if they take too long.

    Without a `deadline` the time begins now. Raises Refused, RemoteError and ImproperlyConfigured.
    """
    deadline = deadline or page_deadline()
    try:
        with connect(concurrency=concurrency, deadline=deadline) as systems:
            yield systems
    except (Refused, RemoteError) as error:
        raise (_too_slow(error, deadline) if deadline.is_over else error) from None


def _too_slow(error: Exception, deadline: Deadline) -> Refused:
    seconds = f"{deadline.seconds:.0f} seconds"
    return Refused(
        f"The systems took longer than the {seconds} that a page can wait. Last: {error}",
        "Nothing was changed. Try again when they are less busy, or use the command, which waits.",
    )
