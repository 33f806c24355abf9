"""One pace for several processes: slots come from one row, whoever draws them."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

import pytest
from django.db import connection
from django.utils import timezone

from customers.backfill.hands.pace import SharedPace
from customers.models import BackfillRun, CallSlots

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
    workers, at = [SharedPace(run.pk, time.sleep) for _ in range(2)], list[float]()
    threads = [Thread(target=called(pace, 10, at)) for pace in workers for _ in range(2)]

    with served(workers[0]), served(workers[1]):
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(at) == 40
    assert max(at) - began >= 39 / 40
    assert all(len([one for one in at if start <= one < start + 0.5]) <= 21 for start in at)


def test_a_pause_that_lago_asked_one_for_holds_for_the_others(run: BackfillRun) -> None:
    one, other = SharedPace(run.pk, time.sleep), SharedPace(run.pk, time.sleep)

    with served(one):
        one.pause(0.4)
        time.sleep(0.1)
    with served(other):
        began = time.monotonic()
        other.wait()

    assert time.monotonic() - began >= 0.2


def test_without_a_limit_nobody_waits(run: BackfillRun) -> None:
    CallSlots.objects.update(rate=0, held_until=timezone.now())
    pace, at = SharedPace(run.pk, time.sleep), list[float]()

    with served(pace):
        began = time.monotonic()
        called(pace, 2_000, at)()

    assert time.monotonic() - began < 1
