"""The list of runs and the page of one: progress, stop, continue, files."""

import pytest
from django.conf import settings as project
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from customers.backfill.ledger.run_log import log_path
from customers.models import BackfillRow, BackfillRun
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.customers.admin.world import (
    EVERYTHING,
    client_of,
    csv_file,
    member_of_staff,
    queued,
    run_url,
    text_of,
    words_of,
)
from tests.customers.factories import imported, row, rows
from tests.customers.undoing import reverted

pytestmark = pytest.mark.django_db

LIST = "/admin/customers/backfillrun/"


@pytest.fixture
def client(lago: Sandbox) -> Client:
    return client_of(member_of_staff(*EVERYTHING))


# --- the list ----------------------------------------------------------------------------------------


def test_the_list_tells_when_who_what_and_how_it_ended(client: Client, run: BackfillRun) -> None:
    words = words_of(client.get(LIST))

    assert f"{run.run_id} just now cli:tester customers.csv succeeded 3" in words


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
    report = imported([row(1)])
    assert report.run is not None
    BackfillRun.objects.update(input_name=hostile, reason=hostile)
    report.run.rows.update(external_id=hostile)  # as a run of before may have it; a new one is refused

    for page in (client.get(run_url(report.run)), client.get(LIST)):
        assert hostile not in text_of(page)
        assert "&lt;img src=x" in text_of(page)


def test_a_run_that_does_not_exist_is_not_found(client: Client, run: BackfillRun) -> None:
    assert client.get("/admin/customers/backfillrun/999999/change/").status_code == 404
    assert client.get("/admin/customers/backfillrun/x/change/").status_code == 404


# --- files -------------------------------------------------------------------------------------------


def test_the_log_can_be_downloaded(client: Client, run: BackfillRun) -> None:
    path = run_url(run, "stop").replace("stop", "files/log")

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

    assert client.get(run_url(run, "stop").replace("stop", f"files/{kind}")).status_code == 404


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


# --- what it altered -----------------------------------------------------------------------------------


@pytest.fixture
def unblocked(client: Client, steve: SteveSandbox) -> BackfillRun:
    """A run over 122 idTags of which SteVe had blocked all but two."""
    for number in range(1, 121):
        steve.world.add_tag(f"TAG{number:04}", max_active_transaction_count=0)
    given = [*rows(121), row(122, start_date="2090-01-01")]
    report = imported(given, skip_existing=True)
    assert report.run is not None
    return report.run


def test_each_id_tag_that_was_unblocked_can_be_seen_page_by_page(
    client: Client, unblocked: BackfillRun
) -> None:
    whole = client.get(run_url(unblocked))
    pages = [
        client.get(run_url(unblocked), {"warning": "steve_id_tag_unblocked", "page": str(number)})
        for number in (1, 2, 3)
    ]

    assert "SteVe blocks 120 idTags that the run unblocks." in words_of(whole)
    assert 'href="?warning=steve_id_tag_unblocked#rows"' in text_of(whole)
    assert [row["line"] for page in pages for row in page.context["rows"]] == list(range(2, 122))
    assert "(number 120); the run unblocks it." in words_of(pages[2])
    assert "&amp;warning=steve_id_tag_unblocked#rows" in text_of(pages[0])


def test_a_filter_by_warning_goes_with_outcome_and_search(client: Client, unblocked: BackfillRun) -> None:
    query = {"warning": "steve_id_tag_unblocked", "outcome": "created", "q": "C-119"}

    found, other = client.get(run_url(unblocked), query), client.get(run_url(unblocked), {"warning": "none"})

    assert [row["line"] for row in found.context["rows"]] == [120]
    assert other.context["page"].paginator.count == 122


def test_a_run_without_warnings_has_no_filter_for_them(client: Client, run: BackfillRun) -> None:
    assert "with and without warnings" not in text_of(client.get(run_url(run)))


# --- when they start ---------------------------------------------------------------------------------


def test_the_page_draws_when_the_customers_start_of_whom_the_run_made_something(client: Client) -> None:
    imported(rows(1))
    given = [*rows(1), row(2, start_date="2025-05-01"), row(2, start_date="2025-05-01", id_tag="SECOND")]
    report = imported([*given, row(3, start_date="2090-01-01")], skip_existing=True)
    assert report.run is not None

    words = words_of(client.get(run_url(report.run)))

    assert "2 customers, from 2025-05-01 to 2090-01-01; 1 later." in words
    reverted(report.run)
    assert "When the new customers start" not in words_of(client.get(run_url(report.run)))


@pytest.mark.parametrize("page", ["change", "welcome"])
def test_each_page_about_a_run_says_the_way_to_it(client: Client, run: BackfillRun, page: str) -> None:
    answer = client.get(run_url(run, page))

    assert f"Runs › {run.run_id}" in words_of(answer)
    assert "Backfill runs" not in words_of(answer)
