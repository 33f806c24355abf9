"""A backup from the middle of a run that workers do together, put back: whoever comes does not go on."""

from pathlib import Path
from typing import Any

import pytest

from customers import jobs
from customers.backfill.hands import hand as hands
from customers.backfill.ledger import log_parts
from customers.models import BackfillRun, BackfillStep, RunShare, SharedRun
from rehearsal.lago import Sandbox
from tests.customers import factories
from tests.customers.backfill.hands.working import done, hand, run_of, shared_out
from tests.customers.backfill.restored.backups import dump, restore
from tests.customers.commands import command
from tests.customers.factories import csv_text
from tests.customers.undoing import called

pytestmark = pytest.mark.django_db(transaction=True)
ROWS = 20


@pytest.fixture(autouse=True)
def small_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("customers.backfill.hands.handing_over.SHARE_S", 0.001)


def begun() -> BackfillRun:
    """Have one worker do the first shares of a run."""
    run = run_of(shared_out(factories.rows(ROWS), batch_size=5))
    hand(run, for_s=0)
    return run


def lines_in(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if " line=" in line]


def test_what_is_settled_is_on_the_disk_of_who_settled_it(
    lago: Sandbox, tmp_path: Path, settings: Any
) -> None:
    run = begun()
    first = log_parts.path_of(run, settings.BACKFILL_LOG_DIR, log_parts.Log.RUN)
    seen = first.read_text()

    settings.BACKFILL_LOG_DIR = tmp_path / "another-machine"
    settings.BACKFILL_LOG_DIR.mkdir()
    hand(run, "another:1", for_s=0)

    second = settings.BACKFILL_LOG_DIR / first.name
    assert "sha256=" in seen.splitlines()[0]
    assert 0 < len(lines_in(first)) < ROWS
    assert first.read_text() == seen
    assert second.read_text().startswith(seen)  # whoever joins has the head, too
    assert len(lines_in(second)) > len(lines_in(first))


def test_a_log_is_whole_and_has_each_line_once(lago: Sandbox, settings: Any) -> None:
    run = done(shared_out(factories.rows(ROWS), batch_size=5))

    lines = log_parts.path_of(run, settings.BACKFILL_LOG_DIR, log_parts.Log.RUN).read_text().splitlines()

    assert len(lines) == len(set(lines)) == ROWS + 2  # with head and end
    assert "".join(f"{line}\n" for line in lines) == "".join(log_parts.text_of(run))


def test_a_disk_that_takes_no_log_keeps_nobody_from_working(
    lago: Sandbox, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    run = begun()
    settings.BACKFILL_LOG_DIR = settings.BACKFILL_LOG_DIR / "not-there"

    while hand(run) is hands.Lent.WORKED and not jobs.look_after(run):
        pass

    run.refresh_from_db()
    assert run.status == "succeeded"
    assert (
        len([one for one in caplog.records if "was not written to" in one.message]) == 2
    )  # once, and its end


def test_workers_leave_a_run_of_which_their_log_knows_more(
    lago: Sandbox, tmp_path: Path, settings: Any, database_url: str
) -> None:
    """What was made since the dump is ours, and would have been adopted as somebody else's."""
    (tmp_path / "customers.csv").write_text(csv_text(factories.rows(ROWS)))
    run = begun()
    backup = dump(database_url, tmp_path / "backup.dump")
    while hand(run) is hands.Lent.WORKED and not jobs.look_after(run):
        pass
    before = lago.state(live=True, volatile=True)
    restore(database_url, backup)
    RunShare.objects.update(lease_until=None, token=None)  # as they are once the leases are over

    ended = jobs.lend_a_hand(run.pk)

    run = BackfillRun.objects.get()
    assert (ended, run.status) == ("nothing", "interrupted")
    assert "--reclaim" in run.reason
    assert not SharedRun.objects.exists()
    assert not BackfillStep.objects.filter(state="adopted").exists()
    assert lago.state(live=True, volatile=True) == before

    reclaimed = command(tmp_path / "customers.csv", "--format", "json", "--batch-size", "5", "--reclaim")

    assert (reclaimed.code, reclaimed.json["status"]) == (0, "succeeded")
    assert BackfillStep.objects.filter(name="lago_subscription", state="created").count() == ROWS
    reverted = called("backfill_revert", "--run-id", run.run_id, "--noinput", "--format", "json")
    assert reverted.code == 0
    assert lago.state(live=True)["customers"] == []


def test_a_run_that_was_continued_in_shares_is_not_taken_for_one_that_was_put_back(
    lago: Sandbox, settings: Any
) -> None:
    """Its last line here is of an attempt of one process, of which the database has no part."""
    run = begun()
    path = log_parts.path_of(run, settings.BACKFILL_LOG_DIR, log_parts.Log.RUN)
    with path.open("a") as log:
        log.write(f"2024-01-01T00:00:00Z run={run.run_id} status=interrupted seconds=1.0\n")

    shared = SharedRun.objects.get()

    assert not log_parts.is_behind_file(run, shared.opened_at)
    assert hand(run) is hands.Lent.WORKED
