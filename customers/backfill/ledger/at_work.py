"""One import or revert at a time, and which run it is at."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from django.db.models.functions import Now

from customers import locks
from customers.backfill.refused import Refused
from customers.models import BackfillRun, SharedRun

# The run that the workers do, also while none of them is at it: the next one goes on with it.
SHARED = "SELECT run_id FROM customers_sharedrun WHERE is_at_work"


class Busy(Refused):
    """Somebody else is at it; later it may go."""


class NotAlone(Refused):
    """Nobody can be the only one over this connection to the database."""


class Taken(NotAlone):
    """What was worked at is somebody else's by now, who goes on with it: here nothing more is written."""


@contextmanager
def only_one() -> Iterator[None]:
    """Be the only one for as long as the process works; raise Busy at once if another one is, or NotAlone.

    If the database session is lost, so is the lock: `require_still_alone` says so in each batch.
    """
    with _held(locks.ONE_AT_A_TIME.held()) as mine:
        if not mine:
            raise Busy(
                "Another import or revert is running.",
                "Wait for it, or see it with: python manage.py backfill_runs",
            )
        if run_id := SharedRun.objects.filter(is_at_work=True).values_list("run__run_id", flat=True).first():
            raise Busy(
                f"The workers are doing the run {run_id}.",
                f"Wait for it, or stop it: python manage.py backfill_control {run_id} stop",
            )
        yield


def require_still_alone() -> None:
    """Raise NotAlone where this thread has the lock in another session than that of this transaction."""
    if not locks.ONE_AT_A_TIME.is_still_ours():
        raise NotAlone(
            "the lock that lets only one import or revert run is not ours any more: its database session was"
            " lost, or a pooler gives each transaction another one"
        )


@contextmanager
def one_of_many() -> Iterator[None]:
    """Be one of those who do a shared run, for as long as the process works; raise Busy or NotAlone."""
    with _held(locks.ONE_AT_A_TIME.held(shared=True)) as mine:
        if not mine:
            raise Busy("Another import or revert is running.", "The run goes on when that has ended.")
        yield


@contextmanager
def working_on(run_pk: int, actor: str) -> Iterator[None]:
    """Let others see which run the process that is the only one is at, and that it has ended in order.

    The mark goes before the lock does. So a mark without a lock, seen in this order, is of one that died.
    """
    run = BackfillRun.objects.filter(pk=run_pk)
    with _held(locks.RUN.held(run_pk)):
        run.update(at_work_since=Now(), at_work_by=actor)
        yield
        run.update(at_work_since=None, at_work_by="")  # not after an error: nobody has told how that ended


@contextmanager
def staying_with(run_pk: int) -> Iterator[None]:
    """Let others see that a process waits with a paused run, without being at work, and takes it up again."""
    with _held(locks.STAYS.held(run_pk)):
        yield


def somebody_stays(run_pk: int) -> bool:
    """Return whether some process has the run in hand, at work or waiting with it while it is paused."""
    return run_pk in locks.STAYS.numbers_held() | runs_at_work()


def runs_at_work() -> set[int]:
    """Return the runs that some process is at; one that says `running` and is not among them has died."""
    return locks.RUN.numbers_held(SHARED)


def is_busy() -> bool:
    """Return whether some process imports or reverts."""
    return locks.ONE_AT_A_TIME.is_held() or SharedRun.objects.filter(is_at_work=True).exists()


@contextmanager
def _held(lock: AbstractContextManager[bool]) -> Iterator[bool]:
    """Hold a lock; a session in which none can be held is no reason to crash, but to refuse."""
    with ExitStack() as held:
        try:
            mine = held.enter_context(lock)
        except locks.SharedSession as shared:
            raise NotAlone(str(shared), shared.hint) from None
        yield mine
