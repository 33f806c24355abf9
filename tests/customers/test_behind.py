"""Writing and reading in another thread, in the transaction of this one."""

import threading
from collections.abc import Iterable, Iterator

import pytest
from django.db import DatabaseError, connection, transaction

from customers.behind import read_ahead, written_behind
from customers.models import BackfillRun

pytestmark = pytest.mark.django_db


def begun(run_id: str) -> None:
    BackfillRun.objects.create(run_id=run_id, input_sha256=run_id, actor="cli:tester")


def _write(names: Iterable[str]) -> None:
    with transaction.atomic(), written_behind() as write:
        for name in names:
            write(begun, name)


def _broken_off(*names: str) -> Iterator[str]:
    yield from names
    raise ZeroDivisionError


def test_all_is_written_in_order_and_in_this_transaction() -> None:
    names = [f"run-{number}" for number in range(9)]
    threads = set()

    def noted(name: str) -> None:
        threads.add(threading.current_thread())
        begun(name)

    with transaction.atomic():
        with written_behind() as write:
            for name in names:
                write(noted, name)
                BackfillRun.objects.exists()  # the connection is ours, too
        assert list(BackfillRun.objects.order_by("pk").values_list("run_id", flat=True)) == names
        transaction.set_rollback(True)

    assert not BackfillRun.objects.exists()
    assert len(threads) == 1
    assert threading.current_thread() not in threads


@pytest.mark.parametrize("after", [0, 5])
def test_what_cannot_be_written_is_raised_where_the_block_ends_at_the_latest(after: int) -> None:
    with pytest.raises(DatabaseError):
        _write(["run-1", "run-1", *[f"more-{number}" for number in range(after)]])

    assert not BackfillRun.objects.exists()


def test_an_error_of_ours_ends_what_is_written_behind() -> None:
    with pytest.raises(ZeroDivisionError):
        _write(_broken_off("run-1"))

    assert not BackfillRun.objects.exists()
    assert connection.allow_thread_sharing is False


def test_values_are_read_ahead_by_one_and_what_is_uncommitted_is_seen() -> None:
    begun("run-1")
    read: list[str] = []

    def runs() -> Iterator[str]:
        for run in BackfillRun.objects.order_by("pk").iterator():
            yield run.run_id
            read.append(f"after {run.run_id} by {threading.current_thread().name.partition('_')[0]}")

    begun("run-2")
    found = []
    for run_id in read_ahead(runs()):
        found.append(run_id)
        assert BackfillRun.objects.count() == 2

    assert found == ["run-1", "run-2"]
    assert read == ["after run-1 by behind", "after run-2 by behind"]
    assert list(read_ahead([])) == []


def test_an_error_of_reading_is_raised_in_its_place() -> None:
    ahead = read_ahead(_broken_off("run-1"))

    assert next(ahead) == "run-1"
    with pytest.raises(ZeroDivisionError):
        next(ahead)
    assert connection.allow_thread_sharing is False


def test_who_has_read_enough_lets_go_of_the_thread() -> None:
    before = threading.active_count()

    for _ in read_ahead(iter(range(9))):
        break

    assert threading.active_count() == before
    assert connection.allow_thread_sharing is False
