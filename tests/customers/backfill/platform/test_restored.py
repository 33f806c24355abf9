"""A restored backup beside SteVe and a platform: what a run made there since is its own again."""

from pathlib import Path
from typing import Any

import pytest

from customers.models import BackfillRun, BackfillStep
from tests.customers.backfill.platform import there, world
from tests.customers.backfill.restored.backups import dump, restore
from tests.customers.commands import command
from tests.customers.factories import csv_text, row, rows
from tests.customers.undoing import called
from tests.rehearsal.platform.town import Town

pytestmark = pytest.mark.django_db(transaction=True)


def test_all_that_it_made_is_taken_into_the_ledger_again_and_goes(
    town: Town, tmp_path: Path, database_url: str
) -> None:
    """Dumped before the import; the platform has synced in between; one idTag was in SteVe before."""
    town.add_tag("THEIRS")
    before = there.platform(town)
    empty = dump(database_url, tmp_path / "empty.dump")
    path = tmp_path / "customers.csv"
    path.write_text(csv_text([*rows(3), row(4, id_tag="THEIRS")]))
    options: tuple[Any, ...] = (path, "--format", "json", "--no-wait", "--skip-existing")
    made = command(*options)
    town.platform.sync()
    as_made = (there.cards(town), town.limits(), town.lago.state(live=True, volatile=True))
    restore(database_url, empty)

    looked = command(*options, "--reclaim", "--dry-run")
    done = command(*options, "--reclaim")
    after = (there.cards(town), town.limits(), town.lago.state(live=True, volatile=True))
    run = BackfillRun.objects.get()
    states = set(BackfillStep.objects.filter(row__run=run).values_list("state", flat=True))
    undone = called("backfill_revert", "--run-id", run.run_id, "--noinput", "--format", "json")

    assert (made.code, looked.code, done.code, undone.code) == (0, 0, 0, 0), (
        looked.err,
        done.err,
        undone.err,
    )
    assert run.run_id == made.json["run_id"]
    assert after == as_made
    assert states <= {"created", "adopted", "shared"}
    assert world.people(town) == []
    assert there.platform(town) == before
    assert town.limits() == {"THEIRS": 0}  # as after any revert beside a platform: nobody pays for it
    assert not any(town.lago.state(live=True)[name] for name in ("customers", "subscriptions"))
