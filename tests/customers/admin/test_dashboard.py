"""The first page of the admin: how everything stands, for whoever may know it."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from customers.admin import reachable
from customers.models import BackfillRun, RunJob, User, WelcomeMail
from customers.workers import beat
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.customers.admin.world import EVERYTHING, client_of, member_of_staff, run_url, words_of
from tests.customers.factories import customer, imported, row, rows
from tests.customers.imported_runs import make_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(lago: Sandbox) -> Client:
    return client_of(member_of_staff(*EVERYTHING))


def overview(client: Client) -> str:
    """Look at everything at once, as a browser without scripts does."""
    return words_of(client.get("/admin/?look=now"))


def system(client: Client, key: str) -> str:
    return words_of(client.get(f"/admin/customers/backfillrun/systems/{key}/"))


def test_an_empty_house_says_so(client: Client) -> None:
    words = overview(client)

    assert "Customers 0 0 have signed in" in words
    assert "None yet." in words


def test_it_counts_customers_id_tags_and_runs(client: Client) -> None:
    report = imported(rows(3))
    assert report.run is not None
    User.objects.filter(external_id="C-1").update(last_login="2026-11-22T12:00:00Z")

    words = overview(client)

    assert "Customers 3 1 have signed in" in words
    assert "idTags 3 3 are billed" in words
    assert f"{report.run.run_id} just now cli:tester customers.csv succeeded 3" in words


def test_it_tells_of_mails_that_wait_and_that_need_a_look(client: Client) -> None:
    campaign = make_run().welcome_campaigns.create(actor="staff:1", batch_size=1, delay_ms=0)
    for number, state in enumerate(("queued", "queued", "failed")):
        WelcomeMail.objects.create(campaign=campaign, external_id=str(number), state=state)

    assert "Welcome mails waiting 2 0 sent, 1 to look at" in overview(client)


def test_it_tells_of_the_last_reconciliation(client: Client) -> None:
    run = make_run()
    result = {"divergences_total": 2}
    RunJob.objects.create(run=run, kind="reconcile", status="done", result=result, finished_at=timezone.now())

    assert f"Run {run.run_id} just now : 2 divergences" in overview(client)


def test_what_needs_somebody_is_at_the_top_each_with_its_way(client: Client) -> None:
    failed, diverging, mailing, whole = make_run(), make_run(), make_run(), make_run()
    BackfillRun.objects.filter(pk=failed.pk).update(status="failed", reason="The breaker stopped it.")
    RunJob.objects.create(run=diverging, kind="reconcile", status="done", result={"divergences_total": 2})
    RunJob.objects.create(run=whole, kind="reconcile", status="done", result={"divergences_total": 2})
    RunJob.objects.create(run=whole, kind="reconcile", status="done", result={"divergences_total": 0})
    campaign = mailing.welcome_campaigns.create(
        actor="worker", batch_size=1, delay_ms=0, status="paused", reason="The server refuses."
    )
    lost, come = customer(1), customer(2, last_login=timezone.now())
    for user in (lost, come):
        WelcomeMail.objects.create(campaign=campaign, user=user, external_id="x", state="failed")

    found = [(one.which, one.what, one.url) for one in client.get("/admin/").context["attention"]]

    assert found == [
        ("No worker is running", "", "#systems"),
        (failed.run_id, "failed", run_url(failed)),
        (mailing.run_id, "has its welcome mails paused", run_url(mailing)),
        (diverging.run_id, "has 2 divergences at the last reconcile", run_url(diverging, "reconcile")),
        (mailing.run_id, "has 1 welcome mail that failed, or may not have arrived", run_url(mailing)),
    ]


def test_a_house_in_order_needs_nobody(client: Client) -> None:
    beat()

    assert "Needs attention now Nothing." in words_of(client.get("/admin/"))


def test_customers_are_counted_by_plan_and_by_what_became_of_their_invitation(client: Client) -> None:
    report = imported([row(1), row(2), row(3, plan_code="fleet"), row(1, id_tag="SECONDCARD")])
    assert report.run is not None
    campaign = report.run.welcome_campaigns.create(actor="worker", batch_size=1, delay_ms=0)
    now = timezone.now()
    sent = {"state": "sent", "sent_at": now, "claimed_at": now, "expires_at": now, "message_id": "<1@x>"}
    for user in User.objects.filter(external_id__in=("C-1", "C-2")):
        WelcomeMail.objects.create(campaign=campaign, user=user, external_id=user.external_id, **sent)
    User.objects.filter(external_id="C-1").update(last_login=now)

    seen = client.get("/admin/customers/customer/figures/").context

    assert [(plan.code, plan.number) for plan in seen["plans"]] == [("standard", 2), ("fleet", 1)]
    assert (seen["invited"].number, seen["invited"].signed_in, seen["invited"].never) == (2, 1, 1)
    links = [plan.url for plan in seen["plans"]] + [seen["invited"].url, seen["invited"].url_never]
    assert [len(client.get(link).context["cl"].result_list) for link in links] == [2, 1, 2, 1]


def test_it_tells_whether_lago_and_worker_answer(client: Client, lago: Sandbox) -> None:
    without = overview(client)
    beat()
    with_worker = overview(client)
    lago.stop()
    without_lago = overview(client)

    assert "Lago reachable Sandbox Charging" in without
    assert "Worker not reachable never seen" in without
    assert "Worker reachable" in with_worker
    assert "Lago not reachable" in without_lago


def test_it_tells_whether_steve_answers_where_there_is_one(
    client: Client, lago: Sandbox, settings: Any
) -> None:
    without = overview(client)
    with SteveSandbox() as steve:
        settings.STEVE_BASE_URL = steve.url
        settings.STEVE_API_USERNAME, settings.STEVE_API_KEY = steve.username, steve.key
        with_steve = overview(client)
        settings.STEVE_API_KEY = "wrong"
        refused = overview(client)

    assert "SteVe" not in without
    assert "SteVe reachable" in with_steve
    assert "SteVe not reachable" in refused


# --- the page first, then the state of the systems ----------------------------------------------------


def test_the_page_itself_asks_nobody(client: Client, lago: Sandbox, settings: Any) -> None:
    with SteveSandbox() as steve:
        settings.STEVE_BASE_URL = steve.url
        settings.STEVE_API_USERNAME, settings.STEVE_API_KEY = steve.username, steve.key

        words = words_of(client.get("/admin/"))

        assert "Lago looking… look now SteVe looking… look now Worker not reachable" in words
        assert steve.state()["requests"] == {}
    assert not lago.counts()


def test_each_system_is_asked_by_itself(client: Client, lago: Sandbox, settings: Any) -> None:
    settings.STEVE_BASE_URL = "http://127.0.0.1:1"
    settings.STEVE_API_USERNAME = settings.STEVE_API_KEY = "x"

    told = [system(client, key) for key in ("lago", "steve")]

    assert told[0] == "Lago reachable Sandbox Charging"
    assert told[1].startswith("SteVe not reachable")


def test_one_that_hangs_is_not_waited_for_long(
    client: Client, lago: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reachable, "TIMEOUT_S", 0.2)
    lago.fault("pause_before")

    told = system(client, "lago")

    assert told.startswith("Lago not reachable")


@pytest.mark.parametrize("key", ["steve", "queue", "worker", "elsewhere"])
def test_what_is_not_configured_is_not_asked(client: Client, key: str) -> None:
    assert client.get(f"/admin/customers/backfillrun/systems/{key}/").status_code == 404


def test_the_state_of_a_system_is_for_those_who_may_see_runs(lago: Sandbox) -> None:
    stranger = client_of(member_of_staff("view_customer"))

    answer = stranger.get("/admin/customers/backfillrun/systems/lago/")

    assert answer.status_code == 403
    assert not lago.counts()


def test_without_a_key_it_says_so_and_asks_nobody(client: Client, lago: Sandbox, settings: Any) -> None:
    settings.LAGO_API_KEY = ""

    assert "LAGO_API_KEY is not set" in overview(client)
    assert not lago.counts()


def test_it_takes_as_many_queries_for_many_runs_as_for_one(client: Client) -> None:
    make_run(1)
    overview(client)
    with CaptureQueriesContext(connection) as with_one:
        overview(client)
    for _ in range(4):
        make_run(1)

    with CaptureQueriesContext(connection) as with_five:
        overview(client)

    assert len(with_five) == len(with_one)


@pytest.mark.parametrize(
    ("permission", "sees", "misses"),
    [
        ("view_customer", "have signed in", "Last reconciliation"),
        ("view_backfillrun", "Last reconciliation", "have signed in"),
    ],
)
def test_each_sees_only_what_is_open_to_them(lago: Sandbox, permission: str, sees: str, misses: str) -> None:
    words = overview(client_of(member_of_staff(permission)))

    assert sees in words
    assert misses not in words


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("STEVE_API_KEY", "", "STEVE_API_KEY is not set, although STEVE_BASE_URL is."),
        ("LAGO_API_KEY", "schlüssel—", "LAGO_API_KEY"),
    ],
)
def test_settings_that_cannot_be_used_are_named_and_do_not_take_the_page_down(
    client: Client, settings: Any, name: str, value: str, told: str
) -> None:
    with SteveSandbox() as steve:
        settings.STEVE_BASE_URL = steve.url
        settings.STEVE_API_USERNAME, settings.STEVE_API_KEY = steve.username, steve.key
        setattr(settings, name, value)

        assert told in overview(client)
