"""Whoever stopped something is named to people where they read of it; records keep the number."""

import io
from collections.abc import Callable
from dataclasses import replace

import pytest
from rich.console import Console

from customers.backfill.engine.stop import Stop
from customers.models import BackfillRun, RunJob, User
from customers.terminal.import_report import print_next
from customers.terminal.repairing import print_repair
from customers.terminal.reverting import print_revert
from rehearsal.lago import Sandbox
from tests.customers.admin.world import audited, client_of, followed, member_of_staff, words_of
from tests.customers.backfill.engine.test_apply import AfterRows
from tests.customers.backfill.repair.world import repaired
from tests.customers.factories import imported, rows
from tests.customers.undoing import latest_run, reverted

pytestmark = pytest.mark.django_db


@pytest.fixture
def bob(lago: Sandbox) -> User:
    bob = member_of_staff("run_backfill", email="bob@operator.example")
    User.objects.filter(pk=bob.pk).update(display_name="Bob Staff")
    return bob


def printed(what: Callable[[Console], object]) -> str:
    stream = io.StringIO()
    what(Console(file=stream, width=200))
    return stream.getvalue()


def test_an_import_ends_with_the_name_and_the_log_keeps_the_number(bob: User) -> None:
    asked = AfterRows(1, lambda: BackfillRun.objects.update(stop_requested=True, asked_by=f"staff:{bob.pk}"))

    report = imported(rows(30), progress=asked, batch_size=1, concurrency=1)
    told = printed(lambda console: print_next(console, report, ("again", "all"), None))

    assert "interrupted (stopped by Bob Staff) in" in told
    assert "staff:" not in told
    assert latest_run().reason == f"stopped by staff:{bob.pk}"
    assert "Bob" not in str([one.data for one in audited("run.interrupted")])


def test_so_do_a_revert_and_a_repair(bob: User) -> None:
    imported(rows(2))
    stop = Stop()
    stop.request(f"stopped by staff:{bob.pk}", interrupted=True)

    reverting = printed(lambda console: print_revert(console, reverted(stop=stop), "again"))
    report = replace(repaired(latest_run()), status="interrupted", reason=f"stopped by staff:{bob.pk}")
    repairing = printed(lambda console: print_repair(console, report, "again"))

    assert "(stopped by Bob Staff)" in reverting
    assert "(stopped by Bob Staff)" in repairing
    assert "staff:" not in reverting + repairing


def test_the_console_names_them_beside_a_job(bob: User) -> None:
    imported(rows(1))
    RunJob.objects.create(
        run=latest_run(), kind=RunJob.Kind.REVERT, status=RunJob.Status.STOPPED, actor="staff:1",
        reason=f"stopped by staff:{bob.pk}",
    )  # fmt: skip

    words = words_of(followed(client_of(bob), latest_run()))

    assert "Revert: stopped (stopped by Bob Staff)" in words
    assert "staff:" not in words
