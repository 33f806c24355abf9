"""One subscription that Lago cannot show, and every other one goes on all the same."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from customers.models import BackfillRun, BackfillStep
from rehearsal.lago import Sandbox
from tests.customers.commands import Answer, command
from tests.customers.factories import csv_text, row, rows
from tests.customers.undoing import called
from tests.rehearsal.lago.calls import Caller

QUARTERLY = "quarterly:3000:EUR:quarterly:advance"
ONE_OF_EACH = dict.fromkeys(["lago_subscription", "lago_customer", "id_tag_mapping", "user"], 1)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def head(settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Lago's main branch of August 2026; nobody waits between the tries of a call."""
    monkeypatch.setattr("billing.api.transport.MAX_BACKOFF_S", 0.01)
    with Sandbox([QUARTERLY, "standard:1000:EUR:monthly"], compat="head", breaks_on_quarterly=True) as lago:
        settings.LAGO_API_URL, settings.LAGO_API_KEY = lago.url, lago.key
        settings.BACKFILL_LAGO_RATE, settings.STEVE_BASE_URL = 0, ""
        settings.BACKFILL_LOG_DIR = tmp_path / "logs"
        settings.BACKFILL_LOG_DIR.mkdir()
        yield lago


def imported(tmp_path: Any, given: list[dict[str, str]], *options: str) -> Answer:
    path = tmp_path / "customers.csv"
    path.write_text(csv_text(given))
    return command(path, "--format", "json", "--billing-time", "anniversary", *options)


def test_a_run_goes_on_around_it_and_nothing_is_guessed_of_its_own_row(tmp_path: Any, head: Sandbox) -> None:
    """From the POST that is answered with 500 to the revert: nobody is made twice, and nobody is billed."""
    given = [row(1), row(2, plan_code="quarterly", start_date="2024-01-15"), row(3)]
    first = imported(tmp_path, given)
    made = head.state(live=True)

    again = imported(tmp_path, given, "--dry-run")
    others = imported(tmp_path, [row(7)], "--dry-run")

    assert (first.code, first.json["counts"]["failed"]) == (1, 1)
    assert (again.code, again.codes) == (1, {3: ["lago_subscription_unreadable"]})
    (caution,) = [one for one in again.json["warnings"] if one["code"] == "lago_list_unreadable"]
    assert "of 3 in its list" in caution["message"]
    assert "C-2" in caution["message"]
    assert (others.code, others.rows[2]["action"]) == (0, "create")
    assert imported(tmp_path, given, "--allow-partial").code == 1
    assert head.state(live=True) == made

    run = BackfillRun.objects.get()
    reconciled = called("backfill_reconcile", "--run-id", run.run_id, "--format", "json")
    reverted = called("backfill_revert", "--run-id", run.run_id, "--noinput", "--format", "json")

    assert reconciled.code == 1
    assert {one["external_id"] for one in reconciled.json["divergences"]} == {"C-2"}
    assert [one["code"] for one in reconciled.json["warnings"]] == ["lago_list_unreadable"]
    assert (reverted.code, [one["external_id"] for one in reverted.json["failures"]]) == (1, ["C-2"])
    left = head.state(live=True)
    assert [one["external_id"] for one in left["customers"]] == ["C-2"]
    assert head.journal() == {"invoices": [], "credit_notes": []}
    states = BackfillStep.objects.filter(row__external_id="C-2", name="lago_subscription")
    assert states.get().state == BackfillStep.State.INTENDED


def test_a_recorded_subscription_that_cannot_be_shown_any_more_is_named(tmp_path: Any, head: Sandbox) -> None:
    head.set_organization(breaks_on_quarterly=False)
    imported(tmp_path, [row(1), row(2, plan_code="quarterly", start_date="2024-01-15")])
    head.set_organization(breaks_on_quarterly=True)
    run = BackfillRun.objects.get()

    reconciled = called("backfill_reconcile", "--run-id", run.run_id, "--format", "json")
    looked = called("backfill_revert", "--run-id", run.run_id, "--dry-run", "--format", "json")
    shown = called("backfill_revert", "--run-id", run.run_id, "--dry-run")
    reverted = called("backfill_revert", "--run-id", run.run_id, "--noinput", "--format", "json")
    head.set_organization(breaks_on_quarterly=False)
    afterwards = called("backfill_revert", "--run-id", run.run_id, "--noinput", "--format", "json")

    kinds = [(one["external_id"], one["kind"]) for one in reconciled.json["divergences"]]
    assert kinds == [("C-2", "unreadable")]
    assert (looked.code, looked.json["remove"], looked.json["keep"]) == (1, ONE_OF_EACH, ONE_OF_EACH)
    assert "cannot be seen" in looked.json["rows"][1]["keep"]["lago_customer"]
    assert "1 row cannot be taken back now" in shown.out
    assert reverted.json["counts"] == {"removed": len(ONE_OF_EACH), "failed": 1}
    (failure,) = reverted.json["failures"]
    assert (failure["external_id"], "cannot be seen" in failure["why"]) == ("C-2", True)
    assert (afterwards.code, head.state(live=True)["subscriptions"]) == (0, [])
    assert head.journal() == {"invoices": [], "credit_notes": []}


def test_it_is_found_among_many_by_few_calls(tmp_path: Any, head: Sandbox) -> None:
    """Of 120 that are there: one page, its halves, and by name whoever seems to have none."""
    head.set_organization(breaks_on_quarterly=False)
    imported(tmp_path, [*rows(120), row(950, plan_code="quarterly", start_date="2024-01-15")])
    head.set_organization(breaks_on_quarterly=True)
    before = head.counts()["GET /subscriptions"]

    report = imported(
        tmp_path, [row(950, plan_code="quarterly", start_date="2024-01-15"), row(951), row(952)]
    )

    asked = head.counts()["GET /subscriptions"] - before
    assert "lago_subscription_unreadable" in report.codes[2]
    assert asked < 60


@pytest.mark.parametrize("number", [4, 12, 33])
def test_as_many_as_a_run_makes_before_it_gives_up_keep_no_other_run(
    tmp_path: Path, head: Sandbox, number: int
) -> None:
    """They are the newest, so that nothing can be read before them; with more, none of the list."""
    head.set_organization(breaks_on_quarterly=False)
    imported(tmp_path, rows(5))
    run = BackfillRun.objects.get()
    given = [row(100 + one, plan_code="quarterly", start_date="2024-01-15") for one in range(number)]
    imported(tmp_path, given)
    head.set_organization(breaks_on_quarterly=True)

    others = imported(tmp_path, [row(70)], "--dry-run")
    reconciled = called("backfill_reconcile", "--run-id", run.run_id, "--format", "json")
    looked = called("backfill_revert", "--run-id", run.run_id, "--dry-run", "--format", "json")
    reverted = called("backfill_revert", "--run-id", run.run_id, "--noinput", "--format", "json")

    assert (others.code, others.json["counts"]["create"]) == (0, 1)
    assert (reconciled.code, reconciled.json["divergences"]) == (0, [])
    assert (looked.code, looked.json["remove"]["lago_subscription"]) == (0, 5)
    assert reverted.code == 0
    assert len(head.state(live=True)["customers"]) == number


def test_a_lago_that_fails_at_everything_is_not_asked_for_each_customer(
    tmp_path: Path, head: Sandbox
) -> None:
    head.fault("500,method=GET,path=/subscriptions,times=100000")

    answer = imported(tmp_path, rows(200), "--dry-run")

    assert (answer.code, "Lago failed (500)" in answer.err) == (2, True)
    assert head.counts()["GET /subscriptions"] < 1_000


def test_one_that_cannot_be_shown_once_it_has_ended_stops_its_own_row_alone(
    tmp_path: Path, head: Sandbox
) -> None:
    head.set_organization(breaks_on_quarterly=False)
    given = [row(1), row(2, plan_code="quarterly", start_date="2024-01-15")]
    imported(tmp_path, given)
    for number in (1, 2):
        ended(head, f"backfill-C-{number}")
    head.set_organization(breaks_when_ended=True)
    run = BackfillRun.objects.get()

    reconciled = called("backfill_reconcile", "--run-id", run.run_id, "--format", "json")
    again = imported(tmp_path, [*given, row(3)], "--dry-run", "--skip-existing")

    kinds = {one["external_id"]: one["kind"] for one in reconciled.json["divergences"]}
    assert (reconciled.code, kinds) == (1, {"C-1": "terminated", "C-2": "unreadable"})
    assert (again.code, again.codes[3]) == (1, ["lago_subscription_unreadable"])
    assert "lago_subscription_unreadable" not in [*again.codes.get(2, []), *again.codes.get(4, [])]


def ended(lago: Sandbox, external_id: str) -> None:
    caller = Caller(lago)
    caller.delete(f"/subscriptions/{external_id}?on_termination_invoice=skip&on_termination_credit_note=skip")
    caller.close()


def test_an_end_that_is_answered_with_500_is_found_by_the_same_command_again(
    tmp_path: Path, head: Sandbox
) -> None:
    """Nobody has tried how that Lago answers a DELETE: whichever it is, nothing is left or billed."""
    head.set_organization(breaks_on_quarterly=False, breaks_when_ended=True)
    imported(tmp_path, [row(1), row(2, plan_code="quarterly", start_date="2024-01-15")])
    run = BackfillRun.objects.get()

    undone = [
        called("backfill_revert", "--run-id", run.run_id, "--noinput", "--format", "json") for _ in "12"
    ]

    assert [one.code for one in undone] == [1, 0]
    left = head.state(live=True)
    assert (left["customers"], left["subscriptions"]) == ([], [])
    assert head.journal() == {"invoices": [], "credit_notes": []}
