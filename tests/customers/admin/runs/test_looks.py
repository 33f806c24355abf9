"""What the page of a run knows of looks: whoever looked, and what became of the run since."""

import pytest
from django.test import Client

from customers import jobs
from customers.models import BackfillRun, IdTagMapping, RunJob, User
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.customers.admin.world import audited, run_url, words_of
from tests.customers.backfill.steve.world import manage
from tests.customers.backfill.verify.world import AND_CHARGE, run_over
from tests.customers.factories import imported, rows

pytestmark = pytest.mark.django_db
EDITED = "A customer or a card was changed here since the last look"


def page_of(client: Client, run: BackfillRun) -> str:
    return words_of(client.get(run_url(run)))


def reconciled(run: BackfillRun) -> RunJob:
    job = jobs.ask(run, RunJob.Kind.RECONCILE, "staff:1")
    assert jobs.run_job(job.pk) == "done"
    return job


def moved(client: Client, external_id: str, email: str) -> None:
    """Change an address as people do, on the customer's page."""
    user = User.objects.get(external_id=external_id)
    fields = {"email": email, "display_name": user.display_name, "is_active": "on"}
    answer = client.post(f"/admin/customers/customer/{user.pk}/change/", fields)
    assert answer.status_code == 302


# --- at the terminal ---------------------------------------------------------------------------------


def test_what_was_looked_at_at_the_terminal_is_known_on_the_page(client: Client, run: BackfillRun) -> None:
    before = page_of(client, run)
    manage("backfill_reconcile", "--run-id", run.run_id)
    between = page_of(client, run)
    manage("backfill_verify", "--run-id", run.run_id)

    assert "Reconcile: nothing diverges" not in before
    assert "Reconcile: nothing diverges" in between
    assert "Verify: GO" not in between
    assert "Verify: GO" in page_of(client, run)
    told = [(entry.actor.split(":")[0], entry.data) for entry in audited("run.reconciled")]
    assert told == [("cli", {"divergences": 0})]
    assert [entry.data for entry in audited("run.verified")] == [{"verdict": "go"}]


def test_both_write_down_the_same(run: BackfillRun, lago: Sandbox) -> None:
    IdTagMapping.objects.filter(id_tag="TAG0001").update(is_active=False)

    manage("backfill_reconcile", "--run-id", run.run_id)
    reconciled(run)

    at_terminal, in_console = RunJob.objects.order_by("pk")
    assert at_terminal.result == in_console.result
    assert (at_terminal.status, at_terminal.result["divergences_total"]) == ("done", 1)


def test_a_session_that_was_charged_at_the_terminal_is_one(client: Client, steve: SteveSandbox) -> None:
    run = run_over(rows(1), steve)
    manage("backfill_reconcile", "--run-id", run.run_id)

    code, _, _ = manage("backfill_verify", "--run-id", run.run_id, *AND_CHARGE)

    assert code == 0
    assert "GO, with a charging session" in page_of(client, run)
    assert ", with a charging session" in words_of(client.get(run_url(run, "verify")))


# --- since -------------------------------------------------------------------------------------------


def test_an_address_that_is_changed_here_makes_the_last_look_one_of_before(
    client: Client, run: BackfillRun
) -> None:
    reconciled(run)

    moved(client, "C-2", "moved@example.com")

    assert EDITED in page_of(client, run)
    said = words_of(client.get(run_url(run, "reconcile")))
    assert "A customer or a card of the run was changed here since. Reconcile it again." in said
    assert "A customer or a card of the run was changed here since" in words_of(client.get("/admin/"))
    reconciled(run)
    assert EDITED not in page_of(client, run)
    assert "1 divergence" in page_of(client, run)


def test_a_card_that_is_switched_off_here_does_so_too(client: Client, run: BackfillRun) -> None:
    reconciled(run)

    client.post(f"/admin/customers/idtagmapping/{IdTagMapping.objects.get(id_tag='TAG0003').pk}/change/", {})

    assert EDITED in page_of(client, run)


def test_what_is_saved_unchanged_or_is_of_another_run_changes_nothing(
    client: Client, run: BackfillRun
) -> None:
    other = imported([row for row in rows(4) if row["external_id"] == "C-4"]).run
    assert other is not None
    reconciled(run)

    moved(client, "C-1", User.objects.get(external_id="C-1").email)
    moved(client, "C-4", "moved@example.com")

    assert EDITED not in page_of(client, run)


def test_a_look_is_of_before_from_the_moment_that_a_revert_begins(client: Client, run: BackfillRun) -> None:
    reconciled(run)
    BackfillRun.objects.update(status="reverting")

    assert "Reconcile, before the revert: nothing diverges" in page_of(client, run)
    assert "Before the revert, " in words_of(client.get(run_url(run, "reconcile")))
    assert "It was reverted since" in words_of(client.get("/admin/"))


def test_a_revert_that_was_refused_makes_nothing_old(client: Client, run: BackfillRun) -> None:
    reconciled(run)
    job = RunJob.objects.create(run=run, kind=RunJob.Kind.REVERT, actor="staff:1", status="refused")
    RunJob.objects.filter(pk=job.pk).update(finished_at=job.created_at)

    assert "changed since" not in page_of(client, run)
