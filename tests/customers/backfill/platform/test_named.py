"""The console says which platform's database is written to, and counts its two steps in every table."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from customers import jobs
from customers.models import BackfillRun, RunJob
from polaris.schema import TABLES
from tests.customers.admin.world import (
    EVERYTHING,
    client_of,
    csv_file,
    customers_csv,
    member_of_staff,
    preview_of,
    preview_page,
    run_url,
    text_of,
    words_of,
)
from tests.customers.backfill.platform import world
from tests.customers.factories import imported, row, rows
from tests.rehearsal.platform.town import Town

pytestmark = pytest.mark.django_db
USER, MAPPING = "Polaris user", "Polaris mapping"


@pytest.fixture
def client(town: Town) -> Client:
    return client_of(member_of_staff(*EVERYTHING))


@pytest.fixture
def run(town: Town) -> BackfillRun:
    return world.imported_beside(town, rows(3))


def place(town: Town) -> str:
    return f"{town.database.info.dbname} at {town.database.info.host}:{town.database.info.port}"


def test_the_overview_names_the_database(client: Client, town: Town, settings: Any) -> None:
    named = f"an import writes to its database too, {place(town)}."

    beside = words_of(client.get("/admin/"))
    settings.POLARIS_DATABASE_URL = "none"
    alone = words_of(client.get("/admin/"))

    assert (named in beside, "Polaris Express" in alone) == (True, False)


def test_the_overview_warns_where_nobody_said_what_is_to_be_done(client: Client, settings: Any) -> None:
    settings.POLARIS_DATABASE_URL = ""
    before = words_of(client.get("/admin/"))
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f'CREATE TABLE "{table}" (id int)')

    assert "holds the tables of a Polaris Express" not in before
    assert "holds the tables of a Polaris Express" in words_of(client.get("/admin/"))


def test_a_runs_page_names_the_database_that_it_wrote_to(
    client: Client, town: Town, run: BackfillRun, settings: Any
) -> None:
    beside = words_of(client.get(run_url(run)))
    settings.POLARIS_DATABASE_URL = "none"
    alone = words_of(client.get(run_url(run)))

    assert f"Polaris {place(town)}" in beside
    assert f"Polaris {town.database.info.dbname}, which is not connected now" in alone


def test_a_runs_page_says_that_a_run_did_not_write_there(client: Client, town: Town, settings: Any) -> None:
    address, settings.POLARIS_DATABASE_URL = settings.POLARIS_DATABASE_URL, "none"
    run = imported(rows(1)).run
    assert run is not None
    alone = words_of(client.get(run_url(run)))
    settings.POLARIS_DATABASE_URL = address

    assert "Polaris" not in alone.replace("Polaris Backfill", "").partition("About this run")[2]
    assert "connected, and not written to by this run" in words_of(client.get(run_url(run)))


# --- Counts ----------------------------------------------------------------------------------------------


def done(run: BackfillRun, kind: str) -> None:
    assert jobs.run_job(jobs.ask(run, kind, "staff:1").pk) == "done"


def test_the_preview_has_the_steps_of_the_platform(client: Client, town: Town) -> None:
    kept = preview_of(client, customers_csv(2))

    page = preview_page(client, kept)

    assert f"<dt>Polaris</dt><dd>{place(town)}</dd>" in page
    assert [page.count(f"<span>{label} <b") for label in (USER, MAPPING)] == [2, 2]


@pytest.mark.parametrize("beside_platform", [True, False])
def test_the_preview_says_that_cards_are_blocked_until_their_start(
    client: Client, settings: Any, beside_platform: bool
) -> None:
    later = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
    if not beside_platform:
        settings.POLARIS_DATABASE_URL = "none"

    kept = preview_of(client, csv_file([row(1, start_date=later)]))

    words = words_of(client.get(reverse("admin:customers_backfillrun_preview", args=[kept.pk])))
    assert ("until then the platform keeps their cards blocked" in words) is beside_platform
    assert ("until then what these customers charge is not billed" in words) is not beside_platform


def test_the_page_of_a_run_counts_them(client: Client, run: BackfillRun) -> None:
    words = words_of(client.get(run_url(run)))

    assert f"{USER} 3 created" in words
    assert f"{MAPPING} 3 created" in words


def test_a_reconciliation_counts_them(client: Client, run: BackfillRun) -> None:
    done(run, RunJob.Kind.RECONCILE)

    answer = client.get(run_url(run, "reconcile"))

    assert f"{USER} 3 3 0 3 0" in words_of(answer)
    assert f"{MAPPING} 3 3 0 3 0" in words_of(answer)
    assert "the platform&#x27;s database" in text_of(answer) or "the platform's database" in text_of(answer)


def test_a_look_at_a_revert_counts_them(client: Client, run: BackfillRun, town: Town) -> None:
    world.bill(town)
    done(run, RunJob.Kind.REVERT_PREVIEW)

    words = words_of(client.get(run_url(run, "revert")))

    assert f"{USER} 2 1 0 0" in words
    assert f"{MAPPING} 2" in words
