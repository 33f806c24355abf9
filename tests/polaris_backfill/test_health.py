"""Whether the process lives, and whether everything is there that it needs."""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone

from customers.models import WorkerBeat
from customers.workers import beat
from tests.polaris_backfill.processes import PRODUCTION, manage


def test_a_process_that_answers_is_alive_whatever_is_around_it(client: Client) -> None:
    answer = client.get("/healthz")  # without a database: this test may not touch one

    assert (answer.status_code, answer.content) == (200, b"ok\n")


@pytest.mark.django_db
def test_ready_means_database_migrations_and_a_worker(client: Client) -> None:
    beat()

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()) == (200, {"ready": True, "missing": []})


@pytest.mark.django_db
def test_a_worker_that_was_never_seen_is_missing(client: Client) -> None:
    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()["missing"]) == (503, ["worker"])


@pytest.mark.django_db
def test_a_worker_that_was_seen_long_ago_is_missing(client: Client) -> None:
    WorkerBeat.objects.create(id=1, seen_at=timezone.now() - timedelta(minutes=1))

    assert client.get("/readyz").json()["missing"] == ["worker"]


@pytest.mark.django_db
def test_a_migration_that_was_not_applied_is_missing(client: Client) -> None:
    beat()
    newest = MigrationLoader(connection).graph.leaf_nodes("customers")[0]
    MigrationRecorder(connection).record_unapplied(*newest)

    assert client.get("/readyz").json()["missing"] == ["migrations"]


@pytest.mark.django_db
def test_a_database_that_takes_no_writes_is_missing(client: Client) -> None:
    beat()
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")

    assert client.get("/readyz").json()["missing"] == ["database"]


def test_a_database_that_is_away_is_missing_and_named_without_its_address() -> None:
    get = "Client().get('/readyz', secure=True, headers={'host': 'localhost'})"
    ask = f"from django.test import Client; r = {get}"
    tell = "print(r.status_code, r.content.decode())"

    done = manage(
        "shell", "--no-imports", "-c", f"{ask}; {tell}", **{**PRODUCTION, "ALLOWED_HOSTS": "localhost"}
    )

    assert done.stdout.split(" ", 1) == ["503", '{"ready": false, "missing": ["database"]}\n']


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_nothing_but_reading_is_answered(client: Client, path: str) -> None:
    assert client.post(path).status_code == 405
