"""What a monitoring system is told, and whom it is told."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import yaml
from django.core.checks import run_checks
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import DjangoAssertNumQueries

from customers import locks
from customers.backfill.ledger import figures as reading
from customers.models import BackfillRow, BackfillRun, RunCalls
from customers.workers import beat
from polaris_backfill import metrics
from tests.customers.imported_runs import make_run
from tests.polaris_backfill.processes import ROOT

TOKEN = "correct-horse-battery-staple-0123456789"
RULES = ROOT / "deploy" / "prometheus-alerts.yml"
Samples = dict[tuple[str, str], float]


@pytest.fixture(autouse=True)
def _nothing_is_remembered() -> None:
    reading._counted.clear()


@pytest.fixture
def scrape(client: Client, settings: Any) -> Callable[[], Samples]:
    settings.METRICS_TOKEN = TOKEN

    def read() -> Samples:
        answer = client.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"})
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        families = text_string_to_metric_families(answer.content.decode())
        return {
            (sample.name, ",".join(sample.labels.values())): sample.value
            for family in families
            for sample in family.samples
        }

    return read


# --- Who may read it ---------------------------------------------------------------------------------


def test_without_a_token_there_is_no_such_page(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = ""

    for said in ("", "Bearer ", "Bearer anything"):
        assert client.get("/metrics", headers={"authorization": said}).status_code == 404


@pytest.mark.parametrize("said", ["", TOKEN, f"Basic {TOKEN}", "Bearer ", f"Bearer {TOKEN[:-1]}", "Bearer é"])
def test_who_does_not_bring_it_is_told_nothing(client: Client, settings: Any, said: str) -> None:
    settings.METRICS_TOKEN = TOKEN

    answer = client.get("/metrics", headers={"authorization": said})

    assert (answer.status_code, answer.content) == (401, b"unauthorized\n")


def test_a_token_that_could_be_guessed_is_told_of(settings: Any) -> None:
    settings.METRICS_TOKEN = "secret"

    assert "polaris.W011" in [remark.id for remark in run_checks()]


def test_a_database_that_is_away_is_no_traceback(client: Client, settings: Any, monkeypatch: Any) -> None:
    settings.METRICS_TOKEN = TOKEN

    def gone(systems: object) -> None:
        raise DatabaseError("secret")

    monkeypatch.setattr(metrics, "figures", gone)
    monkeypatch.setattr(metrics.connection, "close", lambda: None)
    answer = client.get("/metrics", headers={"authorization": f"bearer {TOKEN}"})

    assert (answer.status_code, answer.content) == (503, b"database\n")


# --- What it says ------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_nothing_is_there_from_the_beginning_as_noughts(scrape: Callable[[], Samples]) -> None:
    told = scrape()

    assert told["polaris_runs", "running"] == 0
    assert told["polaris_rows", "pending"] == 0
    assert told["polaris_calls_total", "lago"] == told["polaris_call_errors_total", "polaris"] == 0
    assert told["polaris_mails", "queued"] == told["polaris_jobs", "revert"] == 0
    assert not [name for name, _ in told if "seconds" in name or "per_second" in name]


@pytest.mark.django_db(transaction=True)
def test_runs_rows_rate_and_calls_are_those_of_the_database(scrape: Callable[[], Samples]) -> None:
    make_run(3)
    began, came_on = (timezone.now() - timedelta(seconds=ago) for ago in (300, 90))
    run = make_run(4, status="running", active_s=2.0, started_at=began, settled_at=came_on)
    BackfillRow.objects.filter(run=run, line__gte=4).update(outcome="")
    for calls, errors in ((10, 1), (5, 2)):
        RunCalls.objects.create(run=make_run(), system="lago", calls=calls, errors=errors)
    beat()

    with locks.RUN.held(run.pk):
        told = scrape()

    assert told["polaris_runs", "succeeded"] == 3
    assert told["polaris_runs", "running"] == 1
    assert (told["polaris_rows", "created"], told["polaris_rows", "pending"]) == (5, 2)
    assert told["polaris_run_rows_per_second", ""] == 1.0
    assert 90 <= told["polaris_run_seconds_since_progress", "import"] < 120
    assert (told["polaris_calls_total", "lago"], told["polaris_call_errors_total", "lago"]) == (15, 3)
    assert told["polaris_worker_seconds_since_seen", ""] < 60


@pytest.mark.django_db
def test_a_run_whose_process_died_is_interrupted_and_stalls(scrape: Callable[[], Samples]) -> None:
    make_run(1, status="running", started_at=timezone.now() - timedelta(hours=1))

    told = scrape()

    assert (told["polaris_runs", "running"], told["polaris_runs", "interrupted"]) == (0, 1)
    assert told["polaris_run_seconds_since_progress", "import"] >= 3600


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"status": "queued"}, "import"),
        ({"status": "queued", "starts_at": timezone.now() + timedelta(hours=3)}, None),
        ({"status": "paused", "paused_at": timezone.now()}, None),
        ({"status": "reverting"}, "revert"),
        ({"status": "reverting", "paused_at": timezone.now()}, None),
        ({"status": "reverting", "reason": "1 thing could not be removed"}, None),
        ({"status": "partial"}, None),
    ],
)
def test_what_waits_for_a_person_or_an_hour_does_not_stall(
    scrape: Callable[[], Samples], fields: dict[str, Any], what: str | None
) -> None:
    make_run(1, started_at=timezone.now() - timedelta(hours=1), **fields)

    stalled = [label for name, label in scrape() if name == "polaris_run_seconds_since_progress"]

    assert stalled == ([what] if what else [])


@pytest.mark.django_db
def test_what_was_reverted_is_counted_no_more(scrape: Callable[[], Samples]) -> None:
    run = make_run(3)
    assert scrape()["polaris_rows", "created"] == 3

    BackfillRun.objects.filter(pk=run.pk).update(status="reverted")

    assert scrape()["polaris_rows", "created"] == 0


@pytest.mark.django_db
def test_a_run_at_rest_is_counted_once_and_again_after_it_went_on(
    scrape: Callable[[], Samples], django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    run = make_run(3, status="partial", finished_at=timezone.now())
    for _ in range(20):
        make_run(1)
    assert scrape()["polaris_rows", "failed"] == 0

    with django_assert_max_num_queries(6) as asked:
        assert scrape()["polaris_rows", "created"] == 23
    assert not [query for query in asked.captured_queries if "backfillrow" in query["sql"]]
    run.rows.filter(line=2).update(outcome="failed")
    BackfillRun.objects.filter(pk=run.pk).update(finished_at=timezone.now())

    assert (scrape()["polaris_rows", "failed"], scrape()["polaris_rows", "created"]) == (1, 22)


# --- The rules that we ship --------------------------------------------------------------------------


def rules() -> list[dict[str, Any]]:
    document = yaml.safe_load(RULES.read_text())
    return [rule for group in document["groups"] for rule in group["rules"]]


@pytest.mark.django_db
def test_each_alert_asks_for_what_there_is(scrape: Callable[[], Samples]) -> None:
    now = timezone.now()
    beat()
    make_run(1, status="running", active_s=1.0, settled_at=now)
    names = {name for name, _ in scrape()}

    asked = {name for rule in rules() for name in re.findall(r"\bpolaris_\w+", rule["expr"])}

    assert asked
    assert asked <= names


def test_each_alert_says_what_is_wrong_and_what_to_do() -> None:
    for rule in rules():
        assert rule["alert"].startswith("Polaris")
        assert {"summary", "description"} <= set(rule["annotations"])
        assert re.fullmatch(r"\d+[smh]", rule["for"])
