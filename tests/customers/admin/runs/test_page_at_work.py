"""The page of a run while it works: progress, stop, continue."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from time_machine import TimeMachineFixture

from auditlog.models import AuditEntry
from customers import jobs
from customers.backfill.ledger.at_work import working_on
from customers.models import BackfillRun, BackfillUpload
from customers.workers import beat
from rehearsal.lago import Sandbox
from tests.customers.admin.world import (
    EVERYTHING,
    audited,
    client_of,
    customers_csv,
    followed,
    member_of_staff,
    queued,
    run_url,
    said,
    stamp_of,
    text_of,
    words_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(lago: Sandbox) -> Client:
    return client_of(member_of_staff(*EVERYTHING))


def live(client: Client, run: BackfillRun) -> str:
    return words_of(followed(client, run))


# --- while it works ----------------------------------------------------------------------------------


def test_the_live_part_of_a_queued_run_knows_how_many_rows_are_to_come(client: Client) -> None:
    run = queued(client, customers_csv(3))

    words = live(client, run)

    assert "0 of 3 rows (0.0 %): waiting for the worker" in words
    assert "No worker is running" in words


def test_the_live_part_asks_for_a_worker_only_where_none_lives(client: Client) -> None:
    run = queued(client, customers_csv(1))
    beat()

    assert "No worker is running" not in live(client, run)


def test_the_live_part_tells_rate_and_time_left(
    client: Client, run: BackfillRun, time_machine: TimeMachineFixture
) -> None:
    now = timezone.now()
    time_machine.move_to(now, tick=False)
    BackfillRun.objects.update(status="running")
    run.rows.filter(line__in=(2, 3)).update(settled_at=now - timedelta(seconds=4))
    run.rows.filter(line=4).update(outcome="", settled_at=None)

    with working_on(run.pk, "cli:test"):
        words = live(client, run)

    assert "2 of 3 rows (66.7 %), 0.5 per second, about 2 s left" in words


def test_the_page_asks_again_by_itself_only_while_something_is_under_way(
    client: Client, run: BackfillRun
) -> None:
    done = text_of(client.get(run_url(run)))
    BackfillRun.objects.update(status="queued")
    waiting = text_of(client.get(run_url(run)))

    assert "data-follow=" not in done
    assert "Look again" not in done
    assert "data-follow=" in waiting
    assert '<a href="">Look again</a></p></noscript>' in waiting


def test_a_run_whose_process_has_died_is_shown_as_interrupted(client: Client, run: BackfillRun) -> None:
    BackfillRun.objects.update(status="running")

    assert live(client, run).startswith("The run is interrupted. interrupted")


def test_rows_come_with_the_live_part_once_and_then_only_when_they_have_changed(
    client: Client, run: BackfillRun
) -> None:
    BackfillRun.objects.update(status="queued")
    run.rows.filter(line__gt=2).update(outcome="")
    page = {"outcome": "created"}
    seen = {"X-Follow": stamp_of(client.get(run_url(run), page))}

    with CaptureQueriesContext(connection) as queries:
        same = client.get(run_url(run), page, headers=seen)
    run.rows.filter(line=3).update(outcome="created")
    changed = client.get(run_url(run), page, headers=seen)

    assert "data-same" in text_of(same)
    assert "<html" not in text_of(same)
    assert len(queries) <= 14
    assert re.findall('id="line-([0-9]+)"', text_of(same)) == []
    assert re.findall('id="line-([0-9]+)"', text_of(changed)) == ["2", "3"]


# --- stop and continue -------------------------------------------------------------------------------


def test_a_waiting_run_is_stopped_at_once(client: Client) -> None:
    run = queued(client, customers_csv(1))

    client.post(run_url(run, "stop"))

    run.refresh_from_db()
    (told,) = audited("run.interrupted")
    assert (run.status, run.reason) == ("interrupted", f"stopped by {told.actor}")
    assert "stopped by Sam Staff" in live(client, run)
    assert jobs.import_run(run.pk) == "nothing"


def test_a_running_run_is_asked_to_stop_once(client: Client, run: BackfillRun) -> None:
    BackfillRun.objects.update(status="running")

    for _ in range(2):
        client.post(run_url(run, "stop"))

    run.refresh_from_db()
    assert run.stop_requested
    assert [entry.actor[:6] for entry in audited("run.stop_requested")] == ["staff:"]


def test_a_run_that_has_ended_cannot_be_stopped(client: Client, run: BackfillRun) -> None:
    client.post(run_url(run, "stop"))

    run.refresh_from_db()
    assert (run.status, run.stop_requested) == ("succeeded", False)


def test_a_stopped_run_is_continued_and_finishes(client: Client) -> None:
    run = queued(client, customers_csv(2))
    client.post(run_url(run, "stop"))

    client.post(run_url(run, "continue"))

    run.refresh_from_db()
    assert run.status == "queued"
    assert jobs.import_run(run.pk) == "done"
    run.refresh_from_db()
    assert run.status == "succeeded"


def test_continuing_twice_queues_it_once(client: Client) -> None:
    run = queued(client, customers_csv(2))
    client.post(run_url(run, "stop"))

    client.post(run_url(run, "continue"))
    answer = client.post(run_url(run, "continue"))

    assert any("The run is queued" in message for message in said(client, answer))
    assert len(audited("run.queued")) == 2  # by the confirmation, and by continuing


def test_without_the_file_the_page_says_how_it_goes_on(client: Client) -> None:
    run = queued(client, customers_csv(2))
    client.post(run_url(run, "stop"))
    BackfillUpload.objects.all().delete()

    answer = client.post(run_url(run, "continue"))

    assert any("run backfill_customers with it" in message for message in said(client, answer))
    assert "upload the same file again: confirmed, it continues this run" in words_of(
        client.get(run_url(run))
    )


def test_a_run_that_lost_its_worker_can_be_continued(client: Client) -> None:
    run = queued(client, customers_csv(2))
    BackfillRun.objects.update(status="running")

    client.post(run_url(run, "continue"))

    run.refresh_from_db()
    assert run.status == "queued"


@pytest.mark.parametrize(
    "page",
    ["stop", "continue", "verify_stop", "charge_now", "welcome_pause", "welcome_resume", "revert_look"],
)
def test_what_changes_something_is_a_post(client: Client, run: BackfillRun, page: str) -> None:
    assert client.get(run_url(run, page)).status_code == 405


@pytest.mark.parametrize(
    "page",
    [
        "stop",
        "continue",
        "reconcile",
        "verify",
        "charge_now",
        "revert",
        "revert_look",
        "welcome",
        "welcome_pause",
    ],
)
def test_a_post_without_its_csrf_token_is_refused(run: BackfillRun, page: str) -> None:
    strict = client_of(member_of_staff(*EVERYTHING, email="olga@operator.example"), enforce_csrf_checks=True)
    before = AuditEntry.objects.count()

    assert strict.post(run_url(run, page)).status_code == 403
    assert AuditEntry.objects.count() == before
