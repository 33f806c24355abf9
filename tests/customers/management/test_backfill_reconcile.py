"""`backfill_reconcile`: what it says, and with which exit code."""

from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from auditlog.models import AuditEntry
from billing.reports import ONLY_BY_HAND
from customers.models import BackfillStep, IdTagMapping, RunJob
from rehearsal.lago import Sandbox
from tests.customers import factories
from tests.customers.factories import row
from tests.customers.undoing import all_rows, called, divergences, latest_run
from tests.rehearsal.lago.calls import Caller

SKIP = "on_termination_invoice=skip&on_termination_credit_note=skip"


def reconcile_it(*arguments: str) -> tuple[str, ...]:
    return ("backfill_reconcile", "--run-id", latest_run().run_id, *arguments)


def test_what_agrees_is_counted_and_ends_well(imported: Sandbox) -> None:
    answer = called(*reconcile_it("--format", "json"))

    assert answer.code == 0
    assert answer.json == {
        "run_id": latest_run().run_id,
        "status": "agrees",
        "import": {
            "finished": True,
            "status": "succeeded",
            "rows_expected": 6,
            "rows_staged": 6,
            "rows_pending": 0,
            "rows_waiting": 0,
        },
        "rows": {"created": 6},
        "steps": {
            "user": {"expected": 5, "created": 5, "adopted": 0, "diverging": 0, "agreeing": 5},
            "id_tag_mapping": {"expected": 6, "created": 6, "adopted": 0, "diverging": 0, "agreeing": 6},
            "lago_customer": {"expected": 5, "created": 4, "adopted": 1, "diverging": 0, "agreeing": 5},
            "lago_subscription": {"expected": 5, "created": 4, "adopted": 1, "diverging": 0, "agreeing": 5},
        },
        "invoiced": {"invoices": 0, "customers": 0, "sums": [], "periods": [], "sentence": ""},
        "divergences": [],
        "remarks": [],
        "warnings": [],
    }


def test_an_adopted_subscription_that_ends_is_told_and_does_not_diverge(
    imported: Sandbox, by_hand: Caller
) -> None:
    by_hand.put("/subscriptions/theirs-5", {"subscription": {"ending_at": "2030-03-31T22:00:00Z"}})
    by_hand.put("/subscriptions/backfill-C-1", {"subscription": {"ending_at": "2030-03-31T22:00:00Z"}})

    document = called(*reconcile_it("--format", "json"))
    text = called(*reconcile_it())

    assert (document.code, document.json["status"]) == (0, "agrees")
    (remark,) = document.json["remarks"]
    assert (remark["external_id"], remark["code"]) == ("C-5", "lago_subscription_ends")
    assert "2030-03-31 (at 22:00 UTC)" in remark["message"]
    assert "C-5: The subscription theirs-5" in text.out
    assert "Nothing diverges." in text.out


def test_an_adopted_subscription_that_has_ended_diverges(imported: Sandbox, by_hand: Caller) -> None:
    by_hand.put("/subscriptions/theirs-5", {"subscription": {"ending_at": "2030-03-31T22:00:00Z"}})
    imported.set_clock("2030-04-02T00:00:00Z")

    document = called(*reconcile_it("--format", "json"))

    assert ("C-5", "terminated") in {
        (one["external_id"], one["kind"]) for one in document.json["divergences"]
    }
    assert document.json["remarks"] == []


def test_a_divergence_is_told_with_what_to_do_about_it(imported: Sandbox, by_hand: Caller) -> None:
    by_hand.delete(f"/subscriptions/backfill-C-1?{SKIP}")

    answer = called(*reconcile_it("--format", "json"))

    assert answer.code == 1
    assert answer.json["status"] == "diverges"
    assert answer.json["divergences"] == [
        {
            "line": 2,
            "external_id": "C-1",
            "step": "lago_subscription",
            "adopted": False,
            "kind": "terminated",
            "expected": "an active subscription",
            "found": "terminated",
            "remedy": ONLY_BY_HAND,
        }
    ]


def test_the_remedy_helps(imported: Sandbox, by_hand: Caller) -> None:
    by_hand.delete(f"/subscriptions/backfill-C-1?{SKIP}")
    IdTagMapping.objects.get(id_tag="SECOND3").delete()
    before = divergences()

    again = factories.imported(
        [*factories.rows(3), row(4, start_date="2030-01-01"), row(5), row(3, id_tag="SECOND3")],
        skip_existing=True,
    )

    assert before == {("C-1", "lago_subscription", "terminated"), ("C-3", "id_tag_mapping", "missing")}
    assert again.status == "succeeded"
    assert divergences() == set()


def test_the_customers_rows_alone_make_a_subscription_again_and_leave_others_ended(
    imported: Sandbox, by_hand: Caller
) -> None:
    for ended in (1, 2):
        by_hand.delete(f"/subscriptions/backfill-C-{ended}?{SKIP}")
    run_id = ("--run-id", latest_run().run_id)
    told = called("backfill_reconcile", *run_id, "--format", "json").json["divergences"]
    repaired = called("backfill_repair", *run_id, "--noinput", "--format", "json").json["advice"]

    again = factories.imported(factories.rows(1), skip_existing=True)

    assert {one["remedy"] for one in told} == {one["todo"] for one in repaired} == {ONLY_BY_HAND}
    assert again.status == "succeeded"
    assert [one.customers for one in again.invoices.first] == [1]  # it bills, and the preview says so
    live = {one["external_id"] for one in imported.state(live=True)["subscriptions"]}
    assert ("backfill-C-1" in live, "backfill-C-2" in live) == (True, False)


def test_what_was_adopted_is_told_apart(imported: Sandbox, by_hand: Caller) -> None:
    by_hand.delete(f"/subscriptions/theirs-5?{SKIP}")

    answer = called(*reconcile_it("--format", "json"))
    text = called(*reconcile_it())

    assert [one["adopted"] for one in answer.json["divergences"]] == [True]
    assert "terminated (adopted)" in text.out


def test_people_get_a_table_and_the_remedies(imported: Sandbox, by_hand: Caller) -> None:
    by_hand.post("/customers", {"customer": {"external_id": "C-2", "email": "other@example.com"}})

    answer = called(*reconcile_it())

    assert answer.code == 1
    assert "6 rows of the file (6 created)" in answer.out
    assert "email_drifted (1): Decide which is right and correct the other." in answer.out
    assert "other@example.com" not in answer.out


def test_nothing_is_written_but_that_somebody_looked(imported: Sandbox, by_hand: Caller) -> None:
    by_hand.delete("/customers/C-3")
    before = all_rows(RunJob, AuditEntry), imported.state(volatile=True)

    called(*reconcile_it())

    assert (all_rows(RunJob, AuditEntry), imported.state(volatile=True)) == before


def test_a_subscription_that_should_have_begun_is_named(imported: Sandbox) -> None:
    imported.set_clock("2029-12-31T00:00:00Z", frozen=True)  # Lago's clock, which does not go on

    with time_machine.travel(datetime(2030, 1, 2, tzinfo=UTC)):
        found = divergences()

    assert found == {("C-4", "lago_subscription", "pending")}


def test_rows_that_are_not_imported_are_named(db: None, lago: Sandbox) -> None:
    lago.fault("500,method=POST,path=/subscriptions,times=forever")
    factories.imported([row(1), row(2, plan_code="unknown")], allow_partial=True)

    answer = called(*reconcile_it("--format", "json"))

    named = [(one["external_id"], one["kind"], one["found"]) for one in answer.json["divergences"]]
    assert answer.code == 1
    assert named == [("C-1", "not_imported", "lago_unreachable"), ("C-2", "not_imported", "plan_not_found")]


def test_a_run_that_was_broken_off_is_told_in_few_lines_and_whole_in_json(db: None, lago: Sandbox) -> None:
    run = factories.imported(factories.rows(300)).run
    assert run is not None
    BackfillStep.objects.filter(row__run=run, row__line__gt=2).update(state="planned", ref="")
    run.rows.filter(line__gt=2).update(outcome="")
    IdTagMapping.objects.filter(id_tag="TAG0001").update(is_active=False)

    text, document = called(*reconcile_it()), called(*reconcile_it("--format", "json"))

    assert "not_imported (299 rows)" in text.out
    assert "C-2, C-3, C-4 and" in text.out
    assert "inactive (1): " in text.out
    assert len(text.out.splitlines()) < 30
    assert len(document.json["divergences"]) == 300


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("", "There is no run 'never'."),
        ("another-key", "Lago refused the key"),
    ],
)
def test_it_refuses_in_one_line(imported: Sandbox, settings: Any, key: str, says: str) -> None:
    settings.LAGO_API_KEY = key or imported.key
    run_id = latest_run().run_id if key else "never"

    answer = called("backfill_reconcile", "--run-id", run_id)

    assert answer.code == 2
    assert says in answer.err
    assert answer.out == ""


def test_a_run_into_another_organization_is_refused(imported: Sandbox, settings: Any) -> None:
    with Sandbox() as other:
        settings.LAGO_API_URL = other.url

        answer = called(*reconcile_it())

    assert answer.code == 2
    assert "went into another Lago organization" in answer.err
