"""A dump in the middle of an import, which then finishes; it is put back, and the run is taken up again."""

import re
from pathlib import Path
from typing import Any

import psycopg
import pytest

from auditlog.models import AuditEntry
from customers.backfill.ledger.log_reading import read_runs
from customers.models import BackfillRun, BackfillStep
from rehearsal.lago import Sandbox
from tests.customers.backfill.restored.backups import dump, restore
from tests.customers.commands import Answer, command, environment, started
from tests.customers.factories import csv_text, rows
from tests.customers.undoing import called
from tests.support.processes import wait_for

pytestmark = pytest.mark.django_db(transaction=True)
NOTHING_BILLED: dict[str, list[Any]] = {"invoices": [], "credit_notes": []}


class World:
    """A file, a Lago, and the database as it was after a part of the rows."""

    def __init__(self, lago: Sandbox, folder: Path, logs: Path, database_url: str) -> None:
        self.lago, self.folder, self.logs, self.url = lago, folder, logs, database_url
        self.file = folder / "customers.csv"

    def import_all(self, number: int, *, dumped_at: int) -> None:
        """Import so many rows; the backup is taken while the import is at one of them."""
        self.file.write_text(csv_text(rows(number)))
        self.lago.fault(f"pause_before,method=POST,path=/subscriptions$,nth={dumped_at}")
        small = ("--batch-size", "4", "--concurrency", "2")  # few rows are begun when the backup is taken
        variables = environment(self.lago, self.logs, self.url)
        with started(variables, "backfill_customers", "--input", str(self.file), *small) as running:
            self.lago.wait_held()
            self.backup = dump(self.url, self.folder / "backup.dump")
            self.lago.release()
            assert running.process.wait(600) == 0, running.err
        self.lago.clear_faults()

    def restore(self) -> None:
        restore(self.url, self.backup)

    def again(self, *options: str) -> Answer:
        return command(self.file, "--format", "json", *options)

    @property
    def log(self) -> Path:
        (path,) = self.logs.glob("run-*.log")
        return path

    def is_empty(self) -> bool:
        state = self.lago.state(live=True)
        return not any(state[name] for name in ("customers", "subscriptions")) and (
            self.lago.journal() == NOTHING_BILLED
        )


@pytest.fixture
def world(lago: Sandbox, tmp_path: Path, settings: Any, database_url: str) -> World:
    return World(lago, tmp_path, Path(settings.BACKFILL_LOG_DIR), database_url)


def revert(*options: str) -> Answer:
    run = BackfillRun.objects.get()
    return called("backfill_revert", "--run-id", run.run_id, "--noinput", "--format", "json", *options)


def check_reclaimed(world: World, number: int) -> None:
    """Dumped at a fifth, finished, put back: without the option it fails; with it all comes, and goes."""
    before = world.lago.state(live=True, volatile=True)
    world.restore()

    without = world.again("--dry-run")
    looked = world.again("--dry-run", "--reclaim")
    steps = BackfillStep.objects.filter(state="created").count()
    done = world.again("--reclaim")

    failing = sum("lago_subscription_exists" in codes for codes in without.codes.values())
    assert (without.code, failing > number // 2) == (1, True)
    assert (looked.code, looked.codes, looked.json["reclaimed"]["unreadable_lines"]) == (0, {}, 0)
    assert looked.json["reclaimed"]["things"]["lago_subscription"] >= failing
    assert BackfillStep.objects.filter(state="created").count() > steps
    assert (done.code, done.json["status"]) == (0, "succeeded")
    assert BackfillStep.objects.filter(name="lago_subscription", state="created").count() == number
    assert world.lago.state(live=True, volatile=True) == before
    assert AuditEntry.objects.filter(action="lago_subscription.reclaimed").count() >= failing
    assert AuditEntry.objects.filter(action="run.reclaimed").count() == 1
    reverted = revert()
    assert (reverted.code, world.is_empty()) == (0, True)


@pytest.mark.matrix
def test_what_was_made_since_the_backup_is_taken_into_the_ledger_and_goes_with_a_revert(world: World) -> None:
    world.import_all(150, dumped_at=33)

    check_reclaimed(world, 150)


@pytest.mark.matrix
def test_fifteen_hundred_rows_of_which_the_backup_had_325(world: World) -> None:
    world.import_all(1_500, dumped_at=325)

    check_reclaimed(world, 1_500)


def test_a_revert_takes_back_what_only_the_log_names(world: World) -> None:
    world.import_all(40, dumped_at=6)
    world.restore()
    assert len(set(world.again("--dry-run").codes)) > 20

    looked = revert("--dry-run", "--reclaim")
    reverted = revert("--reclaim")

    assert (looked.code, looked.json["remove"]["lago_subscription"]) == (0, 40)
    assert (reverted.code, world.is_empty()) == (0, True)


def test_what_the_log_names_is_not_adopted_as_if_somebody_else_had_made_it(world: World) -> None:
    """The hint of a failing row names the option that would void the undo: the log knows better."""
    world.import_all(20, dumped_at=5)
    world.restore()

    failing, looked = world.again("--dry-run"), world.again("--dry-run", "--skip-existing")
    refused, elsewhere = world.again("--skip-existing"), world.log.rename(world.folder / "kept.log")
    adopting = world.again("--dry-run", "--skip-existing")

    assert "made_before_a_restore" in warned(failing)
    assert (looked.code, "made_before_a_restore" in warned(looked)) == (0, True)
    assert (refused.code, "--reclaim" in refused.err) == (2, True)
    assert (adopting.code, warned(adopting)) == (0, [])
    elsewhere.rename(world.logs / "run-of-then.log")
    assert world.again("--skip-existing", "--reclaim").code == 0
    assert (revert().code, world.is_empty()) == (0, True)


def test_the_log_of_a_run_that_is_over_is_not_read(tmp_path: Path) -> None:
    run_id, sha256 = "20261122-170501-7f3a", "a" * 64
    stamp = f"2026-11-22T17:05:01Z run={run_id}"
    made = f"{stamp} line=2 external_id=C-1 outcome=created made=lago_customer:1"
    (tmp_path / "run-20261122-170501.log").write_text(
        f"{stamp} file=c.csv sha256={sha256} rows=1 lago=X\n{made}\n"
    )

    read, left = (list(read_runs(tmp_path, sha256, lambda head: True, over=over)) for over in ((), {run_id}))

    assert (len(read), left) == (1, [])
    assert list(read[0].made) == [(2, "lago_customer")]


def warned(answer: Answer) -> list[str]:
    return [warning["code"] for warning in answer.json["warnings"]]


@pytest.mark.parametrize("nth", [pytest.param(1, marks=pytest.mark.matrix), 9])
def test_a_reclaim_that_is_killed_goes_on_without_the_option(world: World, nth: int) -> None:
    """Killed while the ledger is written, or while the revert is at it: all was taken, or nothing."""
    world.import_all(40, dumped_at=6)
    world.restore()
    run = BackfillRun.objects.get()
    variables = environment(world.lago, world.logs, world.url)
    world.lago.fault(f"hang_before,method=DELETE,nth={nth},seconds=600")

    with started(variables, "backfill_revert", "--run-id", run.run_id, "--noinput", "--reclaim") as running:
        wait_for(lambda: world.lago.steer("GET", "faults")["faults"][0]["fired"])
        running.process.kill()
        running.process.wait()
    world.lago.clear_faults()
    reverted = revert()

    assert (reverted.code, world.is_empty()) == (0, True)


@pytest.mark.matrix
def test_one_that_is_killed_inside_its_transaction_has_taken_nothing(world: World) -> None:
    """Killed between the ledger and the audit log, which somebody else holds just then."""
    world.import_all(12, dumped_at=3)
    world.restore()
    world.again("--dry-run")  # notices that the run's process is gone, which is in the audit log
    run_id, known = BackfillRun.objects.get().run_id, steps_as_they_are()
    variables = environment(world.lago, world.logs, world.url)

    with (
        psycopg.connect(world.url) as holder,
        started(variables, "backfill_revert", "--run-id", run_id, "--noinput", "--reclaim") as running,
    ):
        holder.execute("LOCK TABLE auditlog_auditentry IN EXCLUSIVE MODE")
        wait_for(lambda: holder.execute(WAITS).fetchone() == (True,))
        running.process.kill()
        running.process.wait()
        holder.rollback()
    after = steps_as_they_are()
    reverted = revert("--reclaim")

    assert after == known
    assert AuditEntry.objects.filter(action="run.reclaimed").count() == 1
    assert (reverted.code, world.is_empty()) == (0, True)


# Whoever waits for the audit log, with what it wrote into the ledger in hand.
WAITS = """SELECT EXISTS (SELECT FROM pg_locks AS waits JOIN pg_locks AS wrote USING (pid)
    WHERE NOT waits.granted AND waits.relation = 'auditlog_auditentry'::regclass
    AND wrote.relation = 'customers_backfillstep'::regclass AND wrote.mode = 'RowExclusiveLock')"""


def steps_as_they_are() -> list[tuple[int, str, str, str]]:
    return list(BackfillStep.objects.order_by("pk").values_list("pk", "name", "state", "ref"))


def test_a_run_that_the_backup_does_not_have_is_made_again_under_its_id(world: World) -> None:
    empty = dump(world.url, world.folder / "empty.dump")
    world.import_all(20, dumped_at=5)
    run_id = BackfillRun.objects.get().run_id
    restore(world.url, empty)

    unknown = called("backfill_revert", "--run-id", run_id, "--reclaim", "--dry-run")
    done = world.again("--reclaim")

    assert (unknown.code, "backfill_customers --reclaim" in unknown.err) == (2, True)
    assert (done.code, done.json["run_id"]) == (0, run_id)
    assert (revert().code, world.is_empty()) == (0, True)


# --- What does not count -----------------------------------------------------------------------------------

OTHER = "00000000-0000-4000-8000-000000000000"


def row_line(text: str, number: int) -> str:
    """Find what the log says of a row."""
    (found,) = re.findall(rf"(.* line={number} .*)\n", text)
    return str(found)


def without_reclaim(world: World) -> set[int]:
    """Name the rows that the restored ledger knows nothing of."""
    return set(world.again("--dry-run").codes)


def test_a_log_from_elsewhere_counts_for_nothing_and_of_an_edited_one_only_what_fits(world: World) -> None:
    """Of one import, since nothing is written: another file, organization, no head, no log, torn lines."""
    world.import_all(40, dumped_at=1)
    world.restore()
    text, run = world.log.read_text("utf-8"), BackfillRun.objects.get()
    unknown = without_reclaim(world)
    assert {38, 39, 40, 41} <= unknown

    def said(changed: str | None) -> dict[str, Any]:
        if changed is None:
            world.log.unlink()
        else:
            (world.logs / f"run-{run.run_id[:15]}.log").write_text(changed, "utf-8")
        answers = world.again("--reclaim", "--dry-run"), revert("--reclaim", "--dry-run")
        assert [answer.code for answer in answers] == [2, 2]
        first, second = (answer.json["problems"][0] for answer in answers)
        assert first == second
        return first

    assert "No log in" in said(re.sub(r"sha256=\w+", f"sha256={'0' * 64}", text))["message"]
    elsewhere = re.sub(r"lago_organization=\S+", f"lago_organization={OTHER}", text)
    assert "another Lago organization" in said(elsewhere)["message"]
    assert "No log in" in said(text.replace("\n", "", 1))["message"]  # its head is glued to the next line
    assert "BACKFILL_LOG_DIR" in said(None)["hint"]

    torn, glued = row_line(text, 38), row_line(text, 39)
    edited = text.replace(f"{torn}\n", torn[:90]).replace(f"{glued}\n", glued + "\n")
    edited = edited.replace(row_line(text, 40), row_line(text, 40).replace("=C-39 ", "=C-9 "))
    bent = re.sub(r"(lago_customer:)[0-9a-f-]+", rf"\g<1>{OTHER}", row_line(text, 41))
    edited = edited.replace(row_line(text, 41), bent)
    path = world.logs / f"run-{run.run_id[:15]}.log"
    path.write_text(edited, "utf-8")

    answer = world.again("--reclaim", "--dry-run")

    assert answer.json["reclaimed"]["unreadable_lines"] == 1
    assert {40, 41} <= set(answer.codes) <= {38, 39, 40, 41, *unknown}
    assert len(set(answer.codes) & unknown) == 4


@pytest.mark.matrix
def test_what_the_manifest_says_has_gone_is_not_claimed(world: World) -> None:
    """Reverted after the backup, and made by somebody else since, under the very same ids."""
    world.import_all(20, dumped_at=1)
    revert()
    world.again("--new-run")
    _, *others = sorted(world.logs.glob("run-*.log"))
    for path in others:
        path.unlink()
    world.restore()

    answer = world.again("--reclaim", "--dry-run")

    assert (answer.code, "reclaimed" in answer.json) == (1, False)
    assert any("lago_subscription_exists" in codes for codes in answer.codes.values())
