"""The log directory takes no more, or nothing at all."""

from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from customers.models import BackfillRun, User
from rehearsal.lago import Sandbox
from tests.customers import factories
from tests.customers.backfill.crash import world
from tests.customers.backfill.crash.processes import Nursery

ROWS = 60
FULL = 6_000  # bytes of a log that would have twice as many; enough for what a command prints


@pytest.fixture
def import_it(tmp_path: Path) -> tuple[str, ...]:
    path = tmp_path / "customers.csv"
    path.write_text(factories.csv_text(factories.rows(ROWS)))
    return ("backfill_customers", "--input", str(path))


def test_an_import_stops_when_its_log_is_full_and_goes_on_later(
    fresh_lago: Sandbox, commands: Nursery, import_it: tuple[str, ...]
) -> None:
    command = commands.start(*import_it, largest_file=FULL)
    code = command.wait()
    stopped = BackfillRun.objects.get()
    commands.run(*import_it)

    assert code == 1
    assert (stopped.status, stopped.reason) == (
        "interrupted",
        "the run log cannot be written: File too large",
    )
    assert "Traceback" not in command.err
    assert BackfillRun.objects.get().status == "succeeded"
    assert User.objects.count() == len(fresh_lago.state()["subscriptions"]) == ROWS


def test_a_revert_stops_when_its_manifest_is_full_and_goes_on_later(
    fresh_lago: Sandbox, commands: Nursery, import_it: tuple[str, ...]
) -> None:
    commands.run(*import_it)
    revert_it = ("backfill_revert", "--run-id", world.run_id())

    command = commands.start(*revert_it, largest_file=FULL)
    code = command.wait()
    left = User.objects.count()
    commands.run(*revert_it)

    assert code == 1
    assert "the manifest cannot be written: File too large" in command.out
    assert "Traceback" not in command.err
    assert 0 < left < ROWS
    assert BackfillRun.objects.get().status == "reverted"
    assert User.objects.count() == len(fresh_lago.state(live=True)["customers"]) == 0
    assert world.is_unbilled(fresh_lago)


@pytest.mark.parametrize("folder", ["/proc/polaris", "/dev/null/polaris"], ids=["read-only", "no folder"])
def test_nothing_begins_where_no_log_can_be_written(
    transactional_db: None,
    lago: Sandbox,
    settings: Any,
    import_it: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
    folder: str,
) -> None:
    settings.BACKFILL_LOG_DIR = Path(folder)

    with pytest.raises(SystemExit) as end:
        call_command(*import_it)

    assert end.value.code == 2
    assert capsys.readouterr().err.startswith(f"The log directory {folder} cannot be written: ")
    assert BackfillRun.objects.count() == lago.requests()["total"] == 0
