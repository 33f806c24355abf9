"""The console beside a platform in a real browser, with a real worker: it waits, is stopped, is killed."""

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from customers.models import BackfillRun, IdTagMapping, RunJob, User, WorkerBeat
from tests.customers.admin.world import (
    EVERYTHING,
    client_of,
    customers_csv,
    member_of_staff,
    queued,
    run_url,
)
from tests.customers.backfill.platform import world
from tests.customers.factories import csv_text, imported, row
from tests.rehearsal.platform.rows import add_mapping
from tests.rehearsal.platform.town import Town
from tests.support.browser import DESKTOP, PHONE, is_wider_than_its_window, shoot
from tests.support.processes import environment, kill_group, started, wait_for, worker

pytestmark = pytest.mark.browser
LONG_MS = 120_000
LONG = "customer-of-the-old-system-with-an-id-that-has-no-blank-in-it-" + "0123456789" * 9


@pytest.fixture
def env(database_url: str, town: Town, settings: Any) -> dict[str, str]:
    return environment(
        DATABASE_URL=database_url, LAGO_API_URL=town.lago.url, LAGO_API_KEY=town.lago.key,
        BACKFILL_LAGO_RATE="0", BACKFILL_LOG_DIR=str(settings.BACKFILL_LOG_DIR),
        **town.steve.variables(), **town.platform.variables(),
    )  # fmt: skip


@pytest.fixture
def complaints() -> list[str]:
    return []


@pytest.fixture
def page(browser: Browser, live_server: LiveServer, complaints: list[str]) -> Page:
    """The browser of somebody who may do everything."""
    cookie = client_of(member_of_staff(*EVERYTHING)).cookies["sessionid"].value
    page = browser.new_page(viewport=DESKTOP)  # type: ignore[arg-type]
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
    return page


def look(page: Page, name: str) -> None:
    """See that nothing is wider than a phone or a desk, and keep pictures where that was asked for."""
    for size in (PHONE, DESKTOP):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        assert not is_wider_than_its_window(page), name
    shoot(page, f"platform-{name}")
    page.evaluate("document.documentElement.classList.add('dark')")
    shoot(page, f"platform-{name}-dark")
    page.evaluate("document.documentElement.classList.remove('dark')")
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]


def upload(page: Page, live_server: LiveServer, content: str) -> None:
    page.goto(f"{live_server.url}/admin/customers/backfillrun/import/")
    file: Any = {"name": "customers.csv", "mimeType": "text/csv", "buffer": content.encode()}
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_text("More options").click()
    expect(page.get_by_label("Do not wait for the platform")).to_be_visible()
    look(page, "import")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", name="Row by row")).to_be_visible(timeout=LONG_MS)


def wait_of(run: BackfillRun) -> RunJob:
    """The last one: after an import, or after its revert."""
    return run.jobs.filter(kind=RunJob.Kind.SETTLE).latest("pk")


@pytest.mark.matrix
def test_an_import_and_a_revert_wait_for_the_platform_before_ones_eyes(
    page: Page, live_server: LiveServer, town: Town, env: dict[str, str], complaints: list[str]
) -> None:
    town.platform.stop_worker()
    page.goto(f"{live_server.url}/admin/")
    expect(page.get_by_text("Beside a Polaris Express")).to_be_visible()
    expect(page.locator(".pb-tile").filter(has_text="Polaris").locator("b")).to_have_text("reachable")
    look(page, "overview")
    with worker(env):
        wait_for(WorkerBeat.is_fresh)

        upload(page, live_server, csv_text([row(1), row(1, id_tag="SECOND"), row(2, external_id=LONG)]))
        look(page, "preview")
        page.get_by_role("button", name="Import 3 rows").click()
        expect(page.get_by_text("UTC at the latest")).to_be_visible(timeout=LONG_MS)
        expect(page.locator("#rows").get_by_text("Lago subscription").first).to_be_visible(timeout=LONG_MS)
        look(page, "waiting")
        town.database.execute(
            "update user_mappings set is_active = false where steve_ocpp_id_tag = 'TAG0002'"
        )
        town.platform.start_worker()
        expect(page.get_by_text("1 card is still blocked in SteVe")).to_be_visible(timeout=LONG_MS)
        expect(page.get_by_role("button", name="Stop waiting")).to_have_count(0)
        look(page, "blocked")

        run = BackfillRun.objects.get()
        page.get_by_role("button", name="Reconcile").click()
        expect(page.get_by_text("2 divergences")).to_be_visible(timeout=LONG_MS)
        look(page, "reconciled")

        page.goto(live_server.url + run_url(run, "revert"))
        page.get_by_role("button", name="Look what it would remove").click()
        expect(page.get_by_label("Do not wait for the platform")).to_be_visible(timeout=LONG_MS)
        look(page, "revert")
        town.platform.stop_worker()
        page.get_by_label("Type the run id").fill(run.run_id)
        page.get_by_role("button", name=f"Revert run {run.run_id}").click()
        expect(page.get_by_text("UTC at the latest")).to_be_visible(timeout=LONG_MS)
        look(page, "reverted-waiting")
        page.get_by_role("button", name="Stop waiting").click()
        expect(page.get_by_text("Nobody waited for the platform's sync.")).to_be_visible(timeout=LONG_MS)
        look(page, "reverted-stopped")

    assert world.open_tags(town) == set()
    assert wait_of(run).status == "stopped"
    assert complaints == []


def test_a_worker_that_is_killed_while_it_waits_leaves_that_to_the_next(
    live_server: LiveServer, town: Town, env: dict[str, str]
) -> None:
    town.platform.stop_worker()
    run = queued(client_of(member_of_staff(*EVERYTHING)), customers_csv(2))

    with started("qcluster", env=env) as first:
        wait_for(lambda: run.jobs.filter(status="running", result__has_key="since").exists(), within_s=180)
        kill_group(first)
    left = wait_of(run)
    town.platform.start_worker()
    with worker(env):
        wait_for(lambda: wait_of(run).is_over, within_s=180)

    assert (left.status, wait_of(run).pk) == ("running", left.pk)
    assert wait_of(run).result == {"sync": "completed", "remarks": []}
    assert world.open_tags(town) == {"TAG0001", "TAG0002"}


def test_the_pages_of_a_customer_and_of_a_card_show_the_platform(
    page: Page, live_server: LiveServer, town: Town, complaints: list[str], settings: Any
) -> None:
    imported([row(1), row(1, id_tag="SECOND"), row(1, id_tag="A-CARD-WITH-20-LETTERS"[:20])])
    town.platform.make_metas()
    town.database.execute(
        "update user_mappings set is_active = false, lago_subscription_external_id = %s"
        " where steve_ocpp_id_tag = 'SECOND'",
        [LONG],
    )
    add_mapping(
        town.database, None, town.add_tag("UNKNOWN"), steve_ocpp_id_tag="UNKNOWN", is_active=True,
        lago_customer_external_id="C-1",
    )  # fmt: skip
    alice = User.objects.get(external_id="C-1")

    page.goto(f"{live_server.url}/admin/customers/customer/{alice.pk}/change/")
    expect(page.get_by_text("has never signed in there")).to_be_visible()
    expect(page.get_by_text("Active here and inactive there")).to_be_visible()
    expect(page.get_by_text("1 more card of this customer there, unknown here.")).to_be_visible()
    look(page, "customer")

    card = IdTagMapping.objects.get(id_tag="SECOND")
    page.goto(f"{live_server.url}/admin/customers/idtagmapping/{card.pk}/change/")
    expect(page.get_by_text("Another subscription than here.")).to_be_visible()
    look(page, "card")

    settings.POLARIS_DATABASE_URL = "postgresql://nobody@127.0.0.1:1/away"
    page.reload()
    expect(page.get_by_text("The platform's database does not answer.")).to_be_visible()
    look(page, "card-away")
    assert complaints == []
