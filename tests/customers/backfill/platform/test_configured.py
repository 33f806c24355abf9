"""POLARIS_DATABASE_URL: set, set to none, and not set although our database is the platform's too."""

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test import Client
from django.urls import reverse
from psycopg.conninfo import make_conninfo

from customers.backfill.systems import connect
from customers.backfill.welcome import Ended, send_campaign, start_campaign
from customers.models import BackfillRun, WelcomeCampaign
from polaris.schema import TABLES
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.customers.backfill.platform.there import platform
from tests.customers.backfill.steve.world import CHARGE_BOX, manage, run_of
from tests.customers.factories import csv_text, imported, row, rows
from tests.rehearsal.platform.town import Town
from tests.support.smtp_server import Inbox

pytestmark = pytest.mark.django_db
SAID = "POLARIS_DATABASE_URL is not set"


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "customers.csv"
    path.write_text(csv_text(rows(1)))
    return str(path)


@pytest.fixture
def shared(steve: SteveSandbox, settings: Any) -> None:
    """Our tables lie in the platform's own database, and nobody said what is to be done there."""
    settings.POLARIS_DATABASE_URL = ""
    _make_platform_tables()


def _make_platform_tables() -> None:
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"create table {table} (id text)")


@pytest.fixture
def earlier(steve: SteveSandbox, settings: Any) -> str:
    """A run that was made before anybody thought of the platform."""
    settings.POLARIS_DATABASE_URL = ""
    return run_of(imported([row(2)])).run_id


@pytest.mark.usefixtures("shared")
def test_an_import_is_refused_and_says_what_to_set(file: str, lago: Sandbox, steve: SteveSandbox) -> None:
    code, _, err = manage("backfill_customers", "--input", file)

    assert (code, SAID in err, "to none: then its next sync blocks the cards" in err) == (2, True, True)
    assert (lago.state()["customers"], steve.state()["id_tags"]) == ([], [])


def test_a_revert_is_refused_and_its_dry_run_warns(earlier: str, shared: None, lago: Sandbox) -> None:
    code, _, err = manage("backfill_revert", "--run-id", earlier, "--noinput")
    dry = manage("backfill_revert", "--run-id", earlier, "--dry-run")

    assert (code, SAID in err) == (2, True)
    assert (dry[0], dry[2].count(SAID)) == (0, 1)
    assert len(lago.state(live=True)["customers"]) == 1


def test_a_session_is_not_begun_for_a_verify(earlier: str, shared: None, steve: SteveSandbox) -> None:
    charging = ("--id-tag", "TAG0002", "--charge-box", CHARGE_BOX)

    code, _, err = manage("backfill_verify", "--run-id", earlier, *charging)

    assert (code, err.count(SAID)) == (2, 1)
    assert steve.state()["transactions"] == []


@pytest.mark.parametrize("how", [("--inline",), ()], ids=["inline", "by the worker"])
def test_nobody_is_invited_and_the_command_says_what_to_set(
    earlier: str, shared: None, inbox: Inbox, how: tuple[str, ...]
) -> None:
    code, _, err = manage("backfill_welcome", "--run-id", earlier, *how)
    shown = manage("backfill_welcome", "--run-id", earlier, "--status")

    assert (code, err.count(SAID), "to none: then its next sync" in err) == (2, 1, True)
    assert (inbox.received, WelcomeCampaign.objects.count()) == ([], 0)
    assert (shown[0], shown[2].count(SAID)) == (0, 1)


def test_the_console_starts_no_campaign(
    earlier: str, shared: None, inbox: Inbox, admin_client: Client
) -> None:
    page = reverse("admin:customers_backfillrun_welcome", args=[BackfillRun.objects.get().pk])

    answer = admin_client.post(page, {"batch_size": "50", "delay_ms": "0"})

    assert SAID in answer.content.decode()
    assert not WelcomeCampaign.objects.exists()


def test_a_campaign_that_waits_is_paused_and_says_why(earlier: str, inbox: Inbox, settings: Any) -> None:
    """It was started while the variable was set, and somebody lost it since."""
    settings.POLARIS_DATABASE_URL = settings.NO_PLATFORM
    campaign = start_campaign(BackfillRun.objects.get(), "staff:1", enqueue=False).campaign
    settings.POLARIS_DATABASE_URL = ""
    _make_platform_tables()

    ended = send_campaign(campaign.pk) if campaign else None

    assert (ended, inbox.received) == (Ended.PAUSED, [])
    assert SAID in WelcomeCampaign.objects.get().reason


@pytest.mark.usefixtures("shared")
def test_a_preflight_reads_and_says_that_the_night_would_stop() -> None:
    code, out, err = manage("backfill_preflight")

    assert (code, SAID in " ".join((out + err).split())) == (1, True)


def test_what_only_reads_warns_once(earlier: str, shared: None, file: str) -> None:
    answers = [
        manage("backfill_customers", "--input", file, "--dry-run"),
        manage("backfill_reconcile", "--run-id", earlier),
        manage("backfill_verify", "--run-id", earlier),
    ]

    assert [(code, err.count(SAID)) for code, _, err in answers] == [(0, 1)] * 3


@pytest.mark.usefixtures("shared")
def test_the_warning_leaves_a_document_as_it_is(file: str) -> None:
    _, out, err = manage("backfill_customers", "--input", file, "--dry-run", "--format", "json")

    assert (out.startswith("{"), SAID in out, SAID in err) == (True, False, True)


@pytest.mark.usefixtures("shared")
def test_none_goes_on_without_a_word(file: str, settings: Any) -> None:
    settings.POLARIS_DATABASE_URL = settings.NO_PLATFORM

    code, _, err = manage("backfill_customers", "--input", file)

    assert (code, SAID in err) == (0, False)


def test_another_database_than_the_platforms_is_asked_nothing(file: str, steve: SteveSandbox) -> None:
    code, _, err = manage("backfill_customers", "--input", file)

    assert (code, "POLARIS" in err) == (0, False)


def test_without_steve_it_is_refused_in_one_line(town: Town, file: str, settings: Any) -> None:
    for name in ("STEVE_BASE_URL", "STEVE_API_USERNAME", "STEVE_API_KEY"):
        setattr(settings, name, "")

    code, _, err = manage("backfill_customers", "--input", file, "--dry-run")

    assert (code, len(err.strip().splitlines())) == (2, 1)
    assert "POLARIS_DATABASE_URL needs SteVe" in err
    with pytest.raises(ImproperlyConfigured), connect():
        pass


def test_an_address_of_another_database_is_told_by_that_alone(
    town: Town, file: str, settings: Any, database_address: str
) -> None:
    settings.POLARIS_DATABASE_URL = database_address

    code, _, err = manage("backfill_customers", "--input", file, "--dry-run")

    assert (code, "none of the platform's tables: check POLARIS_DATABASE_URL" in err) == (2, True)
    assert "public_id" not in err


@pytest.mark.parametrize("wrong", ["port", "user", "name"])
def test_a_database_that_lets_nobody_in_is_told_with_the_variable_to_look_at(
    town: Town, file: str, settings: Any, wrong: str
) -> None:
    info = town.database.info
    given = {"dbname": info.dbname, "host": info.host, "port": str(info.port), "user": info.user}
    given |= {"port": {"port": "1"}, "user": {"user": "nobody-here"}, "name": {"dbname": "not-here"}}[wrong]
    settings.POLARIS_DATABASE_URL = make_conninfo("", **given, password="not to be shown")

    code, _, err = manage("backfill_customers", "--input", file, "--dry-run")

    assert (code, "check POLARIS_DATABASE_URL" in err, given["dbname"] in err) == (2, True, True)
    assert "not to be shown" not in err


def test_each_command_says_first_which_database_of_the_platform_it_is(town: Town, file: str) -> None:
    place = town.database.info.dbname

    said = [
        manage("backfill_customers", "--input", file, "--no-wait")[2],
        manage("backfill_customers", "--input", file, "--dry-run", "--skip-existing")[2],
        manage("backfill_reconcile", "--run-id", _last_run())[2],
        manage("backfill_verify", "--run-id", _last_run())[2],
        manage("backfill_revert", "--run-id", _last_run(), "--dry-run")[2],
    ]

    assert [any(place in line for line in text.splitlines()[:6]) for text in said] == [True] * 5


def _last_run() -> str:
    return BackfillRun.objects.latest("pk").run_id


def test_a_run_knows_its_platform_and_refuses_another(town: Town, file: str, settings: Any) -> None:
    run = run_of(imported(rows(1)))
    town.database.execute("update user_mappings set lago_customer_external_id = 'X'")
    town.database.execute("update users set lago_customer_external_id = 'X'")
    run.world = {**run.world, "polaris": "1/another"}
    run.save(update_fields=["world"])

    code, _, err = manage("backfill_reconcile", "--run-id", run.run_id)

    assert code == 2
    assert "Polaris" in err


def test_a_restored_platform_is_known_by_what_the_run_made(town: Town) -> None:
    run = run_of(imported(rows(1)))
    run.world = {**run.world, "polaris": "1/before the upgrade"}
    run.save(update_fields=["world"])

    code, _, err = manage("backfill_reconcile", "--run-id", run.run_id)

    assert (code, err.count("another")) == (0, 0)


def test_where_none_is_connected_verify_and_reconcile_name_nothing_of_it(earlier: str) -> None:
    said = [
        manage("backfill_verify", "--run-id", earlier),
        manage("backfill_verify", "--run-id", earlier, "--format", "json"),
        manage("backfill_reconcile", "--run-id", earlier),
        manage("backfill_reconcile", "--run-id", earlier, "--format", "json"),
    ]

    assert [code for code, *_ in said] == [0] * 4
    lines = [line.lower() for _, out, err in said for line in (out + err).splitlines()]
    about = [line for line in lines if not line.startswith("database ")]  # whose address may hold any name
    assert not [line for line in about if "polaris" in line or "platform_" in line]


def test_a_dry_run_writes_nothing_on_the_platform(town: Town, file: str) -> None:
    before = platform(town)

    code, _, _ = manage("backfill_customers", "--input", file, "--dry-run")

    assert (code, platform(town)) == (0, before)
