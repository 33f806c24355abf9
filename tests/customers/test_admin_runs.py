"""The list of runs and the page of one: progress, stop, continue, files."""

from datetime import timedelta

import pytest
from django.conf import settings as project
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from auditlog.models import AuditEntry
from billing.sandbox import Sandbox
from customers import jobs
from customers.backfill.lock import only_one
from customers.backfill.run_log import log_path
from customers.models import BackfillRow, BackfillRun, BackfillUpload
from customers.workers import beat
from tests.customers.admin_world import (
    EVERYTHING,
    audited,
    client_of,
    csv_file,
    customers_csv,
    member_of_staff,
    queued,
    run_url,
    said,
    text_of,
    words_of,
)
from tests.customers.factories import imported, row, rows

pytestmark = pytest.mark.django_db

LIST = "/admin/customers/backfillrun/"


@pytest.fixture
def client(lago: Sandbox) -> Client:
    return client_of(member_of_staff(*EVERYTHING))


@pytest.fixture
def run(client: Client) -> BackfillRun:
    """A run that has succeeded."""
    report = imported(rows(3))
    assert report.run is not None
    return report.run


def live(client: Client, run: BackfillRun) -> str:
    return words_of(client.get(run_url(run, "live")))


# --- the list ----------------------------------------------------------------------------------------


def test_the_list_tells_when_who_what_and_how_it_ended(client: Client, run: BackfillRun) -> None:
    words = words_of(client.get(LIST))

    assert f"{run.run_id} {run.started_at:%Y-%m-%d %H:%M} cli:tester customers.csv succeeded 3" in words


def test_the_list_takes_as_many_queries_for_many_runs_as_for_one(client: Client, run: BackfillRun) -> None:
    client.get(LIST)
    with CaptureQueriesContext(connection) as with_one:
        client.get(LIST)
    for number in range(5):
        run.pk, run.run_id, run.input_sha256 = None, f"20261122-17050{number}-aaaa", str(number)
        run.save(force_insert=True)
        BackfillRow.objects.create(run=run, line=2)

    with CaptureQueriesContext(connection) as with_six:
        client.get(LIST)

    assert len(with_six) == len(with_one)


# --- the page ----------------------------------------------------------------------------------------


def test_the_page_tells_all_of_a_run(client: Client, run: BackfillRun) -> None:
    words = words_of(client.get(run_url(run)))

    for told in ("3 of 3 rows", "Sandbox Charging", "3 created", "run.succeeded", "C-2", "Run log"):
        assert told in words


@pytest.mark.parametrize(
    ("query", "lines"),
    [
        ({"outcome": "created"}, [2, 4]),
        ({"outcome": "failed"}, [3]),
        ({"q": "c-3"}, [4]),
        ({"q": "3"}, [3, 4]),
        ({"outcome": "created", "q": "C-2"}, []),
        ({"outcome": "nonsense", "page": "99"}, [2, 3, 4]),
    ],
)
def test_rows_are_filtered_and_searched(client: Client, query: dict[str, str], lines: list[int]) -> None:
    report = imported([row(1), row(2, plan_code="gold"), row(3)], allow_partial=True)
    assert report.run is not None

    page = client.get(run_url(report.run), query)

    assert [row["line"] for row in page.context["rows"]] == lines


def test_html_in_a_run_is_shown_as_text(client: Client) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    report = imported([row(1, external_id=hostile)])
    assert report.run is not None
    BackfillRun.objects.update(input_name=hostile, reason=hostile)

    for page in (client.get(run_url(report.run)), client.get(LIST)):
        assert hostile not in text_of(page)
        assert "&lt;img src=x" in text_of(page)


def test_a_run_that_does_not_exist_is_not_found(client: Client, run: BackfillRun) -> None:
    assert client.get("/admin/customers/backfillrun/999999/change/").status_code == 404
    assert client.get("/admin/customers/backfillrun/x/change/").status_code == 404


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


def test_the_live_part_tells_rate_and_time_left(client: Client, run: BackfillRun) -> None:
    now = timezone.now()
    BackfillRun.objects.update(status="running")
    run.rows.filter(line__in=(2, 3)).update(settled_at=now - timedelta(seconds=4))
    run.rows.filter(line=4).update(outcome="", settled_at=None)

    with only_one():
        words = live(client, run)

    assert "2 of 3 rows (66.7 %), 0.5 per second, about 2 s left" in words


def test_the_page_asks_again_by_itself_only_while_something_is_under_way(
    client: Client, run: BackfillRun
) -> None:
    done = text_of(client.get(run_url(run)))
    BackfillRun.objects.update(status="queued")
    waiting = text_of(client.get(run_url(run)))

    assert "data-poll=" not in done
    assert 'http-equiv="refresh"' not in done
    assert f'data-poll="{run_url(run, "live")}"' in waiting
    assert '<noscript><meta http-equiv="refresh"' in waiting


def test_a_run_whose_process_has_died_is_shown_as_interrupted(client: Client, run: BackfillRun) -> None:
    BackfillRun.objects.update(status="running")

    assert live(client, run).startswith("interrupted")


def test_the_live_part_takes_few_queries(client: Client, run: BackfillRun) -> None:
    client.get(run_url(run, "live"))

    with CaptureQueriesContext(connection) as queries:
        client.get(run_url(run, "live"))

    assert len(queries) <= 14


# --- stop and continue -------------------------------------------------------------------------------


def test_a_waiting_run_is_stopped_at_once(client: Client) -> None:
    run = queued(client, customers_csv(1))

    client.post(run_url(run, "stop"))

    run.refresh_from_db()
    assert (run.status, run.reason) == ("interrupted", "stopped in the admin")
    assert jobs.import_run(run.pk) == "nothing"
    assert len(audited("run.interrupted")) == 1


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


def test_without_the_file_the_command_is_named(client: Client) -> None:
    run = queued(client, customers_csv(2))
    client.post(run_url(run, "stop"))
    BackfillUpload.objects.all().delete()

    answer = client.post(run_url(run, "continue"))

    assert any("run backfill_customers with it" in message for message in said(client, answer))
    assert "backfill_customers --input customers.csv" in words_of(client.get(run_url(run)))


def test_a_run_that_lost_its_worker_can_be_continued(client: Client) -> None:
    run = queued(client, customers_csv(2))
    BackfillRun.objects.update(status="running")

    client.post(run_url(run, "continue"))

    run.refresh_from_db()
    assert run.status == "queued"


@pytest.mark.parametrize("page", ["stop", "continue", "welcome_pause", "welcome_resume", "revert_look"])
def test_what_changes_something_is_a_post(client: Client, run: BackfillRun, page: str) -> None:
    assert client.get(run_url(run, page)).status_code == 405


@pytest.mark.parametrize(
    "page", ["stop", "continue", "reconcile", "revert", "revert_look", "welcome", "welcome_pause"]
)
def test_a_post_without_its_csrf_token_is_refused(run: BackfillRun, page: str) -> None:
    strict = client_of(member_of_staff(*EVERYTHING, email="olga@operator.example"), enforce_csrf_checks=True)
    before = AuditEntry.objects.count()

    assert strict.post(run_url(run, page)).status_code == 403
    assert AuditEntry.objects.count() == before


# --- files -------------------------------------------------------------------------------------------


def test_the_log_can_be_downloaded(client: Client, run: BackfillRun) -> None:
    path = run_url(run, "live").replace("live", "files/log")

    answer = client.get(path)

    content = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    assert f"run={run.run_id}" in content
    assert (
        answer["Content-Disposition"]
        == f'attachment; filename="{log_path(project.BACKFILL_LOG_DIR, run.run_id).name}"'
    )


@pytest.mark.parametrize("kind", ["manifest", "nonsense", "secret.log", ".."])
def test_other_files_are_not_found(client: Client, run: BackfillRun, kind: str) -> None:
    (project.BACKFILL_LOG_DIR / "secret.log").write_text("secret")

    assert client.get(run_url(run, "live").replace("live", f"files/{kind}")).status_code == 404


def test_a_large_number_in_the_search_is_no_error(client: Client, run: BackfillRun) -> None:
    assert client.get(run_url(run), {"q": "9" * 30}).status_code == 200


def test_a_page_of_a_file_with_many_cards_takes_few_queries(client: Client) -> None:
    report = imported([row(1, id_tag=f"CARD{number}") for number in range(30)])
    assert report.run is not None
    client.get(run_url(report.run))

    with CaptureQueriesContext(connection) as queries:
        client.get(run_url(report.run))

    assert len(queries) <= 26


def test_the_file_of_a_run_is_not_read_for_its_page(client: Client) -> None:
    run = queued(client, csv_file(rows(2)))

    with CaptureQueriesContext(connection) as queries:
        client.get(run_url(run))

    assert not any('"customers_backfillupload"."data"' in query["sql"] for query in queries.captured_queries)
