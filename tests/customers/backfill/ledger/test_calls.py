"""How many calls a run made is kept, and not lost with the process that made them."""

from typing import Any

import pytest

from customers.backfill.ledger.calls import CallsKept
from customers.models import RunCalls
from kernel import RemoteError
from kernel.tally import Calls, Tally
from rehearsal.lago import Sandbox
from tests.customers.factories import imported, rows
from tests.customers.imported_runs import make_run
from tests.customers.undoing import latest_run, reverted

pytestmark = pytest.mark.django_db


def kept(system: str = "lago") -> tuple[int, int]:
    return RunCalls.objects.values_list("calls", "errors").get(run=latest_run(), system=system)


def fail(tally: Tally, *, down: bool) -> None:
    with pytest.raises(RemoteError), tally.one():
        raise RemoteError("lago_unreachable", "x", down=down)


def test_an_import_and_its_revert_keep_the_calls_that_lago_saw(lago: Sandbox) -> None:
    imported(rows(6))
    made, errors = kept()
    assert (made, errors) == (lago.requests()["total"], 0)

    reverted(latest_run())

    assert made < kept()[0] <= lago.requests()["total"]


def test_tries_that_lago_was_too_busy_for_are_errors(lago: Sandbox) -> None:
    lago.fault("500,method=POST,path=/subscriptions,nth=1,times=2")

    imported(rows(3), concurrency=1)

    assert kept()[1] == 2


def test_a_refusal_is_no_error_of_the_system() -> None:
    tally = Tally()

    fail(tally, down=False)
    fail(tally, down=True)

    assert tally.now == Calls(tries=2, errors=1)


def test_what_is_new_is_added_whoever_kept_before(monkeypatch: Any) -> None:
    run, mine, other = make_run(), Tally(), Tally()
    books = [CallsKept(run.pk, {"lago": mine}), CallsKept(run.pk, {"lago": other})]
    for tally in (mine, other, mine):
        with tally.one():
            pass
        for book in books:
            book.write()

    assert kept() == (3, 0)


def test_it_costs_a_batch_nothing(django_assert_num_queries: Any) -> None:
    book, tally = CallsKept(make_run().pk, {"lago": Tally()}), Tally()
    book.keep()
    with tally.one():
        pass

    with django_assert_num_queries(0):
        book.keep()
