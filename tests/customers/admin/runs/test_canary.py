"""The first customers in the console: chosen beside Import, looked at, and continued with the rest."""

import re
from typing import Any

import pytest
from django.test import Client

from customers import jobs
from customers.backfill.ledger import life
from customers.models import BackfillRun, BackfillUpload, IdTagMapping, RunJob, User
from customers.workers import beat
from rehearsal.lago import Sandbox
from tests.customers.admin.world import (
    CONFIRM,
    audited,
    client_of,
    confirmation,
    csv_file,
    followed,
    member_of_staff,
    preview_of,
    preview_page,
    preview_url,
    run_url,
    said,
    text_of,
    words_of,
)
from tests.customers.backfill.engine.test_canary import FIRST, people, twenty
from tests.customers.jobs.test_jobs import SliceOfRows

pytestmark = pytest.mark.django_db


def confirmed(client: Client, first: str, **options: Any) -> Any:
    upload = preview_of(client, csv_file(twenty()), **options)
    return client.post(CONFIRM, confirmation(preview_page(client, upload)) | {"first": first})


def begun(client: Client, first: str = "5", **options: Any) -> BackfillRun:
    """Import the first customers, in batches of two rows."""
    assert confirmed(client, first, **options).status_code == 302
    run = BackfillRun.objects.latest("pk")
    BackfillUpload.objects.update(options={**run.upload.options, "batch_size": 2, "concurrency": 1})
    return run


def waiting(client: Client) -> BackfillRun:
    run = begun(client)
    assert jobs.import_run(run.pk) == "done"
    run.refresh_from_db()
    assert run.status == "canary"
    return run


def work() -> None:
    for job in RunJob.objects.unfinished():
        jobs.run_job(job.pk)


def primary(client: Client, run: BackfillRun) -> list[str]:
    page = text_of(followed(client, run))
    return [text.strip() for text in re.findall(r'class="pb-button pb-primary"[^>]*>([^<]*)<', page)]


# --- beside Import -----------------------------------------------------------------------------------


def test_the_preview_asks_how_many_and_names_who_they_are(client: Client) -> None:
    page = preview_page(client, preview_of(client, csv_file(twenty())))

    assert 'name="first"' in page
    assert "beginning with C-1, C-2, C-3, C-4, C-5." in page


def test_nothing_chosen_imports_all_of_them(client: Client) -> None:
    run = begun(client, "")

    jobs.import_run(run.pk)

    run.refresh_from_db()
    assert (run.status, len(people())) == ("succeeded", 18)


@pytest.mark.parametrize("first", ["0", "-1", "five"])
def test_a_number_that_makes_no_sense_starts_nothing_and_leads_back(client: Client, first: str) -> None:
    answer = confirmed(client, first)

    upload = BackfillUpload.objects.get()
    assert answer["Location"] == preview_url(upload)
    assert "Nothing was started. First customers only: a whole number from 1" in "".join(said(client, answer))
    assert not BackfillRun.objects.exists()


def test_fewer_than_have_begun_are_refused_in_the_words_of_the_console(client: Client) -> None:
    waiting(client)

    answer = confirmed(client, "2")

    told = "".join(said(client, answer))
    assert "is for 5 customers already" in told
    assert "Leave “First customers only” empty" in told
    assert BackfillRun.objects.get().status == "canary"


# --- the worker --------------------------------------------------------------------------------------


def test_slices_let_in_the_first_ones_and_nobody_else(client: Client, lago: Sandbox) -> None:
    run = begun(client)

    class SliceOfTwo(SliceOfRows):
        _rows = 2

    slices = 1
    while jobs.import_run(run.pk, slice_of=SliceOfTwo) == "more":
        slices += 1

    run.refresh_from_db()
    assert (run.status, people()) == ("canary", FIRST)
    assert slices > 1
    assert len(lago.state(live=True)["subscriptions"]) == 5
    assert [len(audited(f"run.{event}")) for event in ("queued", "started", "canary")] == [1, 1, 1]


def test_a_worker_that_is_woken_again_leaves_the_others_waiting(client: Client) -> None:
    run = waiting(client)

    assert (jobs.import_run(run.pk), jobs.sweep()) == ("nothing", 0)
    assert people() == FIRST


# --- the way through ---------------------------------------------------------------------------------


def test_the_page_leads_from_the_first_ones_to_the_rest(client: Client) -> None:
    run = waiting(client)
    steps = [primary(client, run)]
    for page in ("reconcile", "verify"):
        client.post(run_url(run, page))
        work()
        steps.append(primary(client, run))
    told = words_of(followed(client, run))
    client.post(run_url(run, "continue"), {"rest": "1"})
    jobs.import_run(run.pk)
    run.refresh_from_db()

    assert steps == [["Reconcile"], ["Verify"], ["Continue with the rest"]]
    assert "The first customers are in" in told
    assert "13 rows of the file wait, and nothing of them has been begun" in told
    assert (run.status, len(people()), BackfillRun.objects.count()) == ("succeeded", 18, 1)
    assert primary(client, run) == ["Reconcile"]


def test_a_divergence_among_the_first_ones_is_looked_at_before_the_rest(client: Client) -> None:
    run = waiting(client)
    IdTagMapping.objects.filter(id_tag="TAG0001").delete()

    client.post(run_url(run, "reconcile"))
    work()

    assert primary(client, run) == ["Look at the divergences"]


def test_a_second_click_on_continue_finds_it_queued_already(client: Client) -> None:
    run = waiting(client)

    client.post(run_url(run, "continue"), {"rest": "1"})
    client.post(run_url(run, "continue"), {"rest": "1"})

    run.refresh_from_db()
    assert run.status == "queued"
    assert len(audited("run.queued")) == 2


def test_one_that_was_stopped_continues_with_the_first_ones_or_with_all(client: Client) -> None:
    run = begun(client)
    jobs.import_run(run.pk, slice_of=SliceOfRows)
    BackfillRun.objects.update(status="queued")
    life.ask_to_stop(BackfillRun.objects.get(), actor="staff:1")
    page = text_of(followed(client, run))

    client.post(run_url(run, "continue"))
    jobs.import_run(run.pk)
    run.refresh_from_db()

    assert primary(client, run) == ["Reconcile"]
    assert "Continue with the rest" in page
    assert (run.status, people()) == ("canary", FIRST)


def test_the_file_uploaded_again_does_the_rest_of_the_same_run(client: Client) -> None:
    run = waiting(client)
    BackfillUpload.objects.all().delete()
    for page in ("reconcile", "verify"):
        client.post(run_url(run, page))
        work()

    leads_to = primary(client, run)
    begun(client, "")
    jobs.import_run(run.pk)
    run.refresh_from_db()

    assert leads_to == ["Upload the file again"]
    assert (run.status, len(people())) == ("succeeded", 18)


def test_one_that_waits_is_taken_back_and_cannot_be_continued_then(client: Client) -> None:
    run = waiting(client)
    client.post(run_url(run, "revert_look"))
    work()
    client.post(run_url(run, "revert"), {"run_id": run.run_id})
    work()

    client.post(run_url(run, "continue"), {"rest": "1"})

    run.refresh_from_db()
    assert (run.status, people()) == ("reverted", [])


def test_the_first_ones_may_be_invited_and_the_page_says_who_waits(client: Client) -> None:
    page = words_of(client.get(run_url(waiting(client), "welcome")))

    assert "13 rows of the file wait" in page
    assert "Only customers whose rows are in are invited." in page


def test_the_overview_says_that_it_waits_for_somebody(client: Client) -> None:
    beat()
    run = waiting(client)

    (found,) = client.get("/admin/").context["attention"]

    assert (found.which, found.what, found.is_urgent) == (run.run_id, "waits at its first customers", False)


def test_who_may_only_see_runs_does_not_continue_one(client: Client) -> None:
    run = waiting(client)
    other = client_of(member_of_staff("view_backfillrun", email="other@operator.example"))

    answer = other.post(run_url(run, "continue"), {"rest": "1"})

    run.refresh_from_db()
    assert (answer.status_code, run.status) == (403, "canary")
    assert User.objects.filter(role="customer").count() == 5
