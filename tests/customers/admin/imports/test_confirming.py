"""Confirming a preview: once, by whoever it was shown to, of that very file, within the hour."""

import threading
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django_q.models import OrmQ

from auditlog.models import AuditEntry
from customers import jobs
from customers.backfill.engine.options import Options
from customers.backfill.uploads import Reading, keep, plan_upload
from customers.models import BackfillRun, BackfillUpload, User
from rehearsal.lago import Sandbox
from tests.customers import factories
from tests.customers.admin.world import (
    CONFIRM,
    IMPORT,
    audited,
    client_of,
    confirm,
    confirmation,
    csv_file,
    customers_csv,
    errors_on,
    member_of_staff,
    preview_of,
    preview_page,
    preview_url,
    queued,
    run_url,
    said,
    text_of,
    upload,
    words_of,
)
from tests.customers.factories import row, rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def user(db: None) -> User:
    return member_of_staff("run_backfill")


@pytest.fixture
def client(lago: Sandbox, user: User) -> Client:
    return client_of(user)


@pytest.fixture
def fields(client: Client) -> dict[str, str]:
    """What the page of a good preview would send."""
    return confirmation(preview_page(client, preview_of(client, customers_csv(2))))


# --- the good way ------------------------------------------------------------------------------------


def test_a_confirmed_file_waits_in_the_queue(
    client: Client, user: User, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        run = queued(client, customers_csv(3))

    assert (run.status, run.actor, run.upload.rows) == ("queued", f"staff:{user.pk}", 3)
    assert run.lago_organization_name == "Sandbox Charging"
    assert OrmQ.objects.count() == 1
    assert [entry.actor for entry in audited("run.queued")] == [f"staff:{user.pk}"]


def test_the_worker_imports_it_and_the_file_is_gone(
    client: Client, user: User, django_capture_on_commit_callbacks: Any
) -> None:
    run = queued(client, customers_csv(3))

    assert jobs.import_run(run.pk) == "done"

    run.refresh_from_db()
    assert run.status == "succeeded"
    assert User.objects.filter(role="customer").count() == 3
    assert not BackfillUpload.objects.exists()
    assert {entry.actor for entry in audited("user.created")} == {f"staff:{user.pk}"}


def test_the_run_is_the_one_that_was_queued(client: Client) -> None:
    run = queued(client, customers_csv(1))

    jobs.import_run(run.pk)

    assert BackfillRun.objects.get().run_id == run.run_id
    assert [entry.action for entry in reversed(run_entries(run))] == [
        "run.queued", "run.started", "run.succeeded",
    ]  # fmt: skip


def run_entries(run: BackfillRun) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(subject=f"run:{run.run_id}"))


# --- once --------------------------------------------------------------------------------------------


def test_a_second_click_leads_to_the_run_of_the_first(client: Client, fields: dict[str, str]) -> None:
    first, second = client.post(CONFIRM, fields), client.post(CONFIRM, fields)

    assert first["Location"] == second["Location"] == run_url(BackfillRun.objects.get())
    assert len(audited("run.queued")) == 1


def test_going_back_to_what_was_imported_leads_to_its_run(client: Client) -> None:
    done = preview_of(client, customers_csv(2))
    fields = confirmation(preview_page(client, done))
    client.post(CONFIRM, fields)
    run = BackfillRun.objects.get()
    jobs.import_run(run.pk)
    assert not BackfillUpload.objects.exists()

    back, again = client.get(preview_url(done)), client.post(CONFIRM, fields)
    discarded = client.post(f"{preview_url(done)}discard/")

    assert back["Location"] == again["Location"] == discarded["Location"] == run_url(run)
    assert "That preview was confirmed: this is its run." in said(client, back)


def test_a_preview_that_was_discarded_is_remembered(client: Client) -> None:
    gone = preview_of(client, customers_csv(2))
    client.post(f"{preview_url(gone)}discard/", follow=True)

    assert said(client, client.get(preview_url(gone))) == [
        "That preview was discarded by Sam Staff. Nothing was imported."
    ]


def test_a_colleague_opens_a_preview_and_confirms_it_as_themselves(client: Client) -> None:
    theirs = preview_of(client, customers_csv(2))
    olga = member_of_staff("run_backfill", email="olga@operator.example")
    other = client_of(olga)

    page = words_of(other.get(preview_url(theirs)))
    confirm(other, theirs)

    run = BackfillRun.objects.get()
    assert "Uploaded by Sam Staff" in page
    assert [entry.actor for entry in audited("preview.opened")] == [f"staff:{olga.pk}"]
    assert (run.actor, run.upload.uploaded_by) == (f"staff:{olga.pk}", olga)


def test_only_who_uploaded_a_file_discards_it(client: Client) -> None:
    theirs = preview_of(client, customers_csv(2))
    other = client_of(member_of_staff("run_backfill", email="olga@operator.example"))

    told = said(other, other.post(f"{preview_url(theirs)}discard/"))

    assert told[0].startswith("That is a file of Sam Staff")
    assert BackfillUpload.objects.filter(pk=theirs.pk).exists()


def test_open_previews_are_listed(client: Client) -> None:
    mine = preview_of(client, customers_csv(2), "mine.csv")
    olga = client_of(member_of_staff("run_backfill", email="olga@operator.example"))
    preview_of(olga, customers_csv(3), "hers.csv")

    page = client.get(IMPORT)

    assert "hers.csv 3 Sam Staff" in words_of(page)
    assert "mine.csv 2 you" in words_of(page)
    assert f'href="{mine.pk}/"' in text_of(page)


def test_two_tabs_with_the_same_file_start_one_run(client: Client) -> None:
    one, two = (preview_of(client, customers_csv(2)) for _ in range(2))
    first, second = (confirmation(preview_page(client, upload)) for upload in (one, two))

    client.post(CONFIRM, first)
    answer = client.post(CONFIRM, second)

    run = BackfillRun.objects.get()
    assert any(f"worked on already: run {run.run_id}" in message for message in said(client, answer))


@pytest.mark.django_db(transaction=True)
def test_confirmations_at_the_same_moment_start_one_run(lago: Sandbox) -> None:
    user = member_of_staff("run_backfill")
    clients = [client_of(user) for _ in range(4)]
    sent = [confirmation(preview_page(one, preview_of(one, customers_csv(2)))) for one in clients]
    together = threading.Barrier(len(clients))
    answers: list[int] = []

    def click(client: Client, fields: dict[str, str]) -> None:
        together.wait()
        answers.append(client.post(CONFIRM, fields).status_code)
        connections.close_all()

    threads = [threading.Thread(target=click, args=pair) for pair in zip(clients, sent, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [302] * 4
    assert BackfillRun.objects.count() == 1
    assert BackfillUpload.objects.filter(run__isnull=False).count() == 1


def test_a_run_that_works_on_the_file_is_named_on_the_preview(client: Client) -> None:
    run = queued(client, customers_csv(2))

    page = preview_page(client, preview_of_another_tab(client))

    assert run.run_id in page
    assert f'action="{CONFIRM}"' not in page


def preview_of_another_tab(client: Client) -> BackfillUpload:
    """Make a preview as a tab has it that was opened before the run was queued."""
    user = User.objects.get(role="staff")
    upload = keep("customers.csv", customers_csv(2), Reading(), Options(), user)
    plan_upload(upload)
    return upload


def test_a_file_that_is_worked_on_is_refused_on_the_form(client: Client) -> None:
    run = queued(client, customers_csv(2))

    answer = upload(client, customers_csv(2))

    assert any(f"worked on already: run {run.run_id}" in message for message in errors_on(answer))
    assert BackfillUpload.objects.count() == 1


def test_the_preview_of_a_confirmed_file_leads_to_its_run(client: Client) -> None:
    run = queued(client, customers_csv(2))

    assert client.get(preview_url(run.upload))["Location"] == run_url(run)


# --- the world changed -------------------------------------------------------------------------------


def test_a_world_that_changed_since_the_preview_stops_the_run_and_is_told(
    client: Client, lago: Sandbox
) -> None:
    run = queued(client, customers_csv(3))
    factories.customer(2)

    assert jobs.import_run(run.pk) == "refused"

    run.refresh_from_db()
    assert run.status == "failed"
    assert "Rows that would fail now: 1 (lines 3: email_exists" in run.reason
    assert User.objects.filter(role="customer").count() == 1
    assert lago.state()["customers"] == []


def test_good_rows_go_in_although_others_fail_if_that_was_chosen(client: Client) -> None:
    run = queued(client, csv_file([row(1), row(2, plan_code="gold")]), allow_partial="on")

    jobs.import_run(run.pk)

    run.refresh_from_db()
    assert (run.status, run.reason) == ("partial", "1 row failed")
    assert User.objects.filter(role="customer").count() == 1


def test_another_lago_than_in_the_preview_is_refused(client: Client) -> None:
    run = queued(client, customers_csv(1))
    BackfillRun.objects.update(lago_organization_id="the one of the preview")

    jobs.import_run(run.pk)

    run.refresh_from_db()
    assert run.status == "interrupted"
    assert "another Lago organization" in run.reason


# --- continuing --------------------------------------------------------------------------------------


def test_the_same_file_continues_its_unfinished_run(client: Client) -> None:
    run = queued(client, csv_file([row(1), row(2)]))
    BackfillRun.objects.update(status="interrupted")
    BackfillUpload.objects.all().delete()

    again = queued(client, csv_file([row(1), row(2)]))

    assert again.pk == run.pk
    assert again.status == "queued"


def test_a_run_that_was_begun_otherwise_since_the_preview_is_not_continued(
    client: Client, lago: Sandbox
) -> None:
    preview = preview_of(client, customers_csv(2), billing_time="anniversary")
    answer = confirmation(preview_page(client, preview))
    lago.fault("500,method=POST,path=/customers,times=5")
    begun = factories.imported(rows(2), concurrency=1).run
    assert begun is not None

    told = said(client, client.post(CONFIRM, answer))

    began = f"The unfinished run {begun.run_id} over this file was begun with"
    assert f"{began} “Billing periods follow: the calendar”" in str(told)
    assert BackfillRun.objects.get().options["billing_time"] == "calendar"
    assert (BackfillRun.objects.get().status, audited("run.queued")) == ("partial", [])


def test_a_new_run_can_be_preferred_to_continuing(client: Client) -> None:
    first = queued(client, customers_csv(1))
    BackfillRun.objects.update(status="interrupted")

    second = queued(client, customers_csv(1), new_run="on")

    first.refresh_from_db()
    assert (first.status, second.status) == ("abandoned", "queued")
    assert jobs.import_run(second.pk) == "done"
    second.refresh_from_db()
    assert second.status == "succeeded"


def test_the_command_takes_up_what_waits_in_the_queue(client: Client) -> None:
    run = queued(client, customers_csv(2))

    report = factories.imported(rows(2))

    assert report.run is not None
    assert report.run.pk == run.pk
    assert jobs.import_run(run.pk) == "nothing"
