"""Writing in another thread, in the transaction of this one."""

import threading
from collections.abc import Iterable, Iterator

import pytest
from django.db import DatabaseError, connection, transaction

from customers.behind import written_behind
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
