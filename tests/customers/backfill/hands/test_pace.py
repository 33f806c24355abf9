"""One pace for several processes: slots come from one row, whoever draws them."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from customers.backfill.engine.stop import Stop
from customers.backfill.hands.pace import SharedPace
from customers.models import BackfillRun, CallSlots
from kernel import RemoteError

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run() -> BackfillRun:
    run = BackfillRun.objects.create(run_id="20261122-170501-7f3a", input_sha256="0" * 64)
    CallSlots.objects.create(run=run, rate=40)
    return run


@contextmanager
def served(pace: SharedPace) -> Iterator[None]:
    """Have a thread with a database draw for whoever asks, as the keeper of a share does."""
    ends = Event()

    def serve() -> None:
        while not ends.is_set():
            pace.serve(0.05)
        connection.close()

    thread = Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        ends.set()
        pace.close()
        thread.join()


def called(pace: SharedPace, number: int, at: list[float]) -> Callable[[], None]:
    def call() -> None:
        for _ in range(number):
            pace.wait()
            at.append(time.monotonic())

    return call


def test_the_rate_holds_over_all_who_draw(run: BackfillRun) -> None:
    workers, at = [SharedPace(run.pk, Stop()) for _ in range(2)], list[float]()
    threads = [Thread(target=called(pace, 10, at)) for pace in workers for _ in range(2)]

    with served(workers[0]), served(workers[1]):
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(at) == 40
    assert max(at) - began >= 39 / 40


def test_a_pause_that_lago_asked_one_for_holds_for_the_others(run: BackfillRun) -> None:
    one, other = SharedPace(run.pk, Stop()), SharedPace(run.pk, Stop())

    with served(one):
        one.pause(0.4)
        time.sleep(0.1)
    with served(other):
        began = time.monotonic()
        other.wait()

    assert time.monotonic() - began >= 0.2


def test_without_a_limit_nobody_waits(run: BackfillRun) -> None:
    CallSlots.objects.update(rate=0, held_until=timezone.now())
    pace, at = SharedPace(run.pk, Stop()), list[float]()

    with served(pace):
        began = time.monotonic()
        called(pace, 2_000, at)()

    assert time.monotonic() - began < 1


def test_nobody_calls_whose_share_may_be_another_ones_by_now(run: BackfillRun) -> None:
    """It slept for its turn, and was stopped for longer than its lease."""
    stop = Stop()
    pace = SharedPace(run.pk, stop)
    stop.holds_until = 0.0

    with served(pace), pytest.raises(RemoteError, match="lease"):
        pace.wait()


def test_whoever_waits_while_the_database_is_away_is_served_when_it_is_back(
    run: BackfillRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    pace, at = SharedPace(run.pk, Stop()), list[float]()
    caller = Thread(target=called(pace, 1, at))
    with monkeypatch.context() as away:
        away.setattr(pace, "_grant", _fail)
        caller.start()
        with pytest.raises(OperationalError):
            pace.serve(5)

    pace.serve(5)

    caller.join()
    assert len(at) == 1


def _fail(asks: object) -> None:
    raise OperationalError("the database is away")
