"""What the page of a run says to do next: the one right thing in green, and never one that leads nowhere."""

import csv
import io
import re

import pytest
from django.test import Client
from django.utils import timezone

from customers import jobs
from customers.models import BackfillRun, BackfillUpload, RunJob, User
from customers.workers import beat
from rehearsal.lago import Sandbox
from tests.customers.admin.world import (
    audited,
    client_of,
    csv_file,
    customers_csv,
    followed,
    member_of_staff,
    queued,
    run_url,
    text_of,
    words_of,
)
from tests.customers.factories import client_of as lago_client
from tests.customers.factories import imported, row, rows

pytestmark = pytest.mark.django_db


def work() -> None:
    for job in RunJob.objects.unfinished():
        jobs.run_job(job.pk)


def primary(client: Client, run: BackfillRun) -> list[str]:
    """Give what is green among the buttons."""
    page = text_of(followed(client, run))
    return [text.strip() for text in re.findall(r'class="pb-button pb-primary"[^>]*>([^<]*)<', page)]


def partial(client: Client) -> BackfillRun:
    run = queued(client, csv_file([row(1), row(2, plan_code="gold")]), allow_partial="on")
    jobs.import_run(run.pk)
    run.refresh_from_db()
    assert run.status == "partial"
    return run


# --- what is next --------------------------------------------------------------------------------------


def test_customers_are_invited_only_once_nothing_diverges(
    client: Client, run: BackfillRun, lago: Sandbox
) -> None:
    steps = [primary(client, run)]
    client.post(run_url(run, "reconcile"))
    work()
    steps.append(primary(client, run))
    with lago_client(lago) as connected:
        connected.terminate_subscription("backfill-C-2", pending=False)
    client.post(run_url(run, "reconcile"))
    work()
    steps.append(primary(client, run))

    assert steps == [["Reconcile"], ["Verify"], ["Look at the divergences"]]


def test_a_run_that_asks_for_a_preview_offers_one_and_does_not_continue(
    client: Client, lago: Sandbox
) -> None:
    run = queued(client, customers_csv(1))
    lago.put_plans("standard:9900:EUR:monthly")

    jobs.import_run(run.pk)

    assert primary(client, run) == ["Upload the file again"]
    assert "continue/" not in text_of(client.get(run_url(run)))


def test_rows_that_failed_are_to_be_downloaded_and_trying_again_says_what_it_changed(client: Client) -> None:
    run = partial(client)
    before = words_of(client.get(run_url(run)))

    client.post(run_url(run, "continue"))
    jobs.import_run(run.pk)

    after = words_of(client.get(run_url(run)))
    assert primary(client, run) == ["Reconcile"]
    assert "Download the 1 row that failed" in before
    assert "Try the failed rows again" in before
    assert "no further row went in" not in before
    assert "UTC: no further row went in." in after


def test_failed_rows_are_downloaded_from_the_page_of_their_run(client: Client) -> None:
    run = partial(client)

    with_file = client.get(run_url(run, "failed"))
    BackfillUpload.objects.all().delete()
    without = client.get(run_url(run, "failed"))

    (line,) = csv.DictReader(io.StringIO(with_file.content.decode("utf-8-sig")))
    assert (line["email"], line["plan_code"]) == ("customer2@example.com", "gold")
    (line,) = csv.DictReader(io.StringIO(without.content.decode()))
    assert (line["line"], line["external_id"], line["code"]) == ("3", "C-2", "plan_not_found")
    assert b"customer2@example.com" not in without.content
    assert len(audited("run.failed_rows_read")) == 2


# --- workers ---------------------------------------------------------------------------------------------


def test_a_run_whose_worker_was_killed_says_so_and_the_page_goes_on_asking(client: Client) -> None:
    run = queued(client, customers_csv(2))
    BackfillRun.objects.update(status="running")
    beat()

    page = client.get(run_url(run))

    assert "its worker is gone. The next one goes on by itself" in words_of(page)
    assert "data-follow=" in text_of(page)
    assert "continue/" not in text_of(page)
    assert jobs.import_run(run.pk) == "done"
    assert primary(client, run) == ["Reconcile"]


def test_a_command_that_was_killed_says_so_and_nobody_goes_on(client: Client, run: BackfillRun) -> None:
    BackfillRun.objects.update(status="running")

    page = client.get(run_url(run))

    assert "The process that was at it is gone." in words_of(page)
    assert "data-follow=" not in text_of(page)


@pytest.mark.parametrize(
    ("ask", "page"), [("reconcile", "reconcile"), ("revert_look", "revert"), ("verify", "verify")]
)
def test_a_job_that_waits_says_that_no_worker_runs(
    client: Client, run: BackfillRun, ask: str, page: str
) -> None:
    client.post(run_url(run, ask))
    without = words_of(client.get(run_url(run, page)))
    beat()
    with_one = words_of(client.get(run_url(run, page)))

    assert "No worker is running" in without
    assert "No worker is running" not in with_one


# --- stopping --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("right", "status", "answer"),
    [
        ("run_backfill", "queued", 302),
        ("revert_backfill", "queued", 403),
        ("run_backfill", "reverting", 403),
        ("revert_backfill", "reverting", 302),
    ],
)
def test_who_may_begin_it_may_stop_it(run: BackfillRun, right: str, status: str, answer: int) -> None:
    somebody = client_of(member_of_staff(right, email="olga@operator.example"))
    BackfillRun.objects.update(status=status)

    shown = "stop/" in text_of(somebody.get(run_url(run)))

    assert somebody.post(run_url(run, "stop")).status_code == answer
    assert shown == (answer == 302 and status == "queued")


# --- a revert that leaves customers whole ------------------------------------------------------------------


@pytest.fixture
def kept(client: Client, run: BackfillRun) -> BackfillRun:
    """The run, reconciled, and then reverted but for one customer who had signed in."""
    client.post(run_url(run, "reconcile"))
    work()
    User.objects.filter(external_id="C-1").update(last_login=timezone.now())
    revert(client, run, choice="keep_active")
    return run


def revert(client: Client, run: BackfillRun, **choice: str) -> None:
    client.post(run_url(run, "revert_look"))
    work()
    client.post(run_url(run, "revert"), {"run_id": run.run_id, **choice})
    work()
    run.refresh_from_db()
    assert run.status == "reverted"


def test_what_a_revert_left_is_told_with_its_reason_and_nothing_stays_green(
    client: Client, kept: BackfillRun
) -> None:
    page = followed(client, kept)

    words = words_of(page)
    assert "1 kept 2 reverted" in words
    assert "1 customer was kept whole, as was chosen: active after the run." in words
    assert "Nothing that this run made is left" not in words
    assert "Reconcile, before the revert: nothing diverges" in words
    assert "pb-good" not in text_of(page)
    assert 'class="pb-created"' not in text_of(page)
    assert "It was reverted since" in words_of(client.get("/admin/"))


def test_the_file_of_it_is_imported_again_as_the_page_says(client: Client, kept: BackfillRun) -> None:
    assert "import the same file with “Skip what exists”" in words_of(client.get(run_url(kept)))

    assert imported(rows(3)).status == "would_fail"
    assert imported(rows(3), skip_existing=True).status == "succeeded"


def test_what_was_kept_is_reverted_later(client: Client, kept: BackfillRun) -> None:
    assert "Revert what was kept…" in words_of(client.get(run_url(kept)))
    assert "Type the run id" not in words_of(client.get(run_url(kept, "revert")))  # before a new look

    revert(client, kept, choice="discard_activity")

    assert not User.objects.filter(role="customer").exists()
    words = words_of(client.get(run_url(kept)))
    assert "Nothing that this run made is left." in words
    assert "Revert what was kept" not in words
