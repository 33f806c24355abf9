"""The command `backfill_repair`: what it says, and how it ends."""

import json

import pytest

from customers.models import BackfillRun, IdTagMapping
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.customers.backfill.steve.world import manage, run_of
from tests.customers.factories import imported, rows
from tests.rehearsal.lago.calls import Caller

pytestmark = pytest.mark.django_db
SKIP = "on_termination_invoice=skip&on_termination_credit_note=skip"


@pytest.fixture
def run(lago: Sandbox, steve: SteveSandbox) -> BackfillRun:
    return run_of(imported(rows(3)))


def test_a_dry_run_changes_nothing_and_says_what_the_repair_then_does(run: BackfillRun) -> None:
    IdTagMapping.objects.filter(id_tag="TAG0001").update(is_active=False)
    IdTagMapping.objects.get(id_tag="TAG0002").delete()

    code, out, _ = manage("backfill_repair", "--run-id", run.run_id, "--dry-run", "--format", "json")
    untouched = IdTagMapping.objects.filter(is_active=True).count()
    done, told, _ = manage("backfill_repair", "--run-id", run.run_id, "--noinput", "--format", "json")

    assert (code, untouched, done) == (1, 1, 0)
    looked, repaired = json.loads(out), json.loads(told)
    assert (looked["status"], repaired["status"]) == ("would_repair", "repaired")
    assert looked["do"] == repaired["do"]
    assert repaired["counts"] == {"repaired": 2}
    assert IdTagMapping.objects.filter(is_active=True).count() == 3


def test_a_line_that_is_left_out_stays_as_it_is(run: BackfillRun) -> None:
    IdTagMapping.objects.filter(id_tag__in=["TAG0001", "TAG0002"]).update(is_active=False)
    leaving = ("--run-id", run.run_id, "--leave-out", "3")

    code, looked, _ = manage("backfill_repair", *leaving, "--dry-run")
    done, told, _ = manage("backfill_repair", *leaving, "--noinput", "--format", "json")

    assert (code, done) == (1, 1)
    assert "To do: 1 thing in 1 row" in looked
    assert "Left out, as asked: line 3 (C-2)" in looked
    repaired = json.loads(told)
    assert (repaired["status"], repaired["counts"]) == ("repaired", {"repaired": 1})
    assert [(one["line"], one["step"]) for one in repaired["left_out"]] == [(3, "id_tag_mapping")]
    assert not IdTagMapping.objects.get(id_tag="TAG0002").is_active


@pytest.mark.parametrize("more", [("--dry-run",), ("--noinput",)])
def test_a_line_in_which_nothing_is_to_be_repaired_cannot_be_left_out(
    run: BackfillRun, more: tuple[str, ...]
) -> None:
    IdTagMapping.objects.filter(id_tag="TAG0001").update(is_active=False)

    code, _, err = manage("backfill_repair", "--run-id", run.run_id, "--leave-out", "2", "4", *more)

    assert (code, "There is nothing to be repaired in line 4" in err) == (2, True)
    assert not IdTagMapping.objects.get(id_tag="TAG0001").is_active


def test_what_is_left_to_decide_ends_with_1_and_shows_nobody(run: BackfillRun, by_hand: Caller) -> None:
    by_hand.delete(f"/subscriptions/backfill-C-1?{SKIP}")

    code, out, _ = manage("backfill_repair", "--run-id", run.run_id, "--noinput")

    assert code == 1
    assert "nothing that could be repaired safely" in out
    assert "What is charged is billed to nobody." in out
    assert ("TAG0001" in out, "customer1@example.com" in out) == (False, False)


def test_a_run_that_is_as_recorded_ends_with_0(run: BackfillRun) -> None:
    assert manage("backfill_repair", "--run-id", run.run_id)[0] == 0
    assert manage("backfill_repair", "--run-id", run.run_id, "--dry-run")[0] == 0


def test_a_run_that_nobody_knows_ends_with_2(lago: Sandbox) -> None:
    code, _, err = manage("backfill_repair", "--run-id", "20260101-000000-0000")

    assert (code, "There is no run" in err) == (2, True)
