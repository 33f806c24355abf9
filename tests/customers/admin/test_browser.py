"""The whole story in a real browser: hundreds of customers, from the file to their mails and back."""

from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from customers.models import BackfillRun, BackfillUpload, User, WelcomeMail, WorkerBeat
from rehearsal.lago import Sandbox
from tests.customers.factories import csv_text, row, rows
from tests.support.browser import DESKTOP, PHONE, is_wider_than_its_window, shoot
from tests.support.processes import environment, wait_for, worker
from tests.support.smtp_server import MailServer

pytestmark = pytest.mark.browser

ROWS = 400
LONG_MS = 120_000
PASSWORD = "correct-horse-battery"


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture
def env(
    database_url: str, lago: Sandbox, mail_server: MailServer, live_server: LiveServer, settings: Any
) -> dict[str, str]:
    settings.CUSTOMER_BASE_URL = live_server.url
    settings.EMAIL_FROM = "Polaris <noreply@example.com>"
    return environment(
        DATABASE_URL=database_url, LAGO_API_URL=lago.url, LAGO_API_KEY=lago.key, BACKFILL_LAGO_RATE="0",
        BACKFILL_LOG_DIR=str(settings.BACKFILL_LOG_DIR), EMAIL_URL=mail_server.url,
        CUSTOMER_BASE_URL=live_server.url,
    )  # fmt: skip


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complained about: broken scripts, and what the content policy kept out."""
    return []


@pytest.fixture
def page(browser: Browser, live_server: LiveServer, complaints: list[str]) -> Page:
    """A superuser's browser, signed in through the login page."""
    User.objects.create_superuser("root@operator.example", PASSWORD)
    page = browser.new_page(viewport=DESKTOP)  # type: ignore[arg-type]
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.goto(f"{live_server.url}/admin/")
    look(page, "login")
    page.get_by_label("Email").fill("root@operator.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("Last reconciliation")).to_be_visible()
    return page


def look(page: Page, name: str) -> None:
    """Look at the page as a phone shows it, and keep pictures where that was asked for."""
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    assert not is_wider_than_its_window(page), name
    shoot(page, f"admin-{name}")
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]


def upload(page: Page, live_server: LiveServer, content: str) -> None:
    page.goto(f"{live_server.url}/admin/customers/backfillrun/import/")
    file: Any = {"name": "customers.csv", "mimeType": "text/csv", "buffer": content.encode()}
    page.locator("input[type=file]").set_input_files(file)
    look(page, "import")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", name="Row by row")).to_be_visible(timeout=LONG_MS)


def test_the_whole_story(
    page: Page, browser: Browser, env: dict[str, str], live_server: LiveServer, lago: Sandbox,
    mail_server: MailServer, complaints: list[str], tmp_path: Path,
) -> None:  # fmt: skip
    look(page, "overview-empty")
    with worker(env):
        wait_for(WorkerBeat.is_fresh)

        import_them(page, live_server, lago)
        reconcile(page)
        verify(page)
        invite(page, mail_server)
        a_customer_signs_in(browser, mail_server)
        revert(page, tmp_path)
        look_around(page, live_server)

    assert [one["external_id"] for one in lago.state(live=True)["customers"]] == ["C-1"]
    assert lago.journal() == {"invoices": [], "credit_notes": []}
    assert list(User.objects.filter(role="customer").values_list("external_id", flat=True)) == ["C-1"]
    assert complaints == []


def import_them(page: Page, live_server: LiveServer, lago: Sandbox) -> None:
    lago.fault(f"pause_before,method=POST,path=/subscriptions,nth={ROWS // 2}")  # until it was seen running
    upload(page, live_server, csv_text(rows(ROWS)))
    look(page, "preview")
    page.get_by_role("button", name=f"Import {ROWS} rows").click()
    expect(page.locator("#live .pb-tag")).to_have_text("running", timeout=LONG_MS)
    look(page, "running")
    lago.release()
    expect(page.locator("#live .pb-tag")).to_have_text("succeeded", timeout=LONG_MS)
    expect(page.get_by_text(f"{ROWS} of {ROWS} rows")).to_be_visible()
    look(page, "succeeded")
    wait_for(lambda: not BackfillUpload.objects.exists())


def reconcile(page: Page) -> None:
    page.get_by_role("button", name="Reconcile").click()
    expect(page.get_by_text("nothing diverges")).to_be_visible(timeout=LONG_MS)
    look(page, "reconciled")
    page.get_by_role("link", name="Back to the run").click()


def verify(page: Page) -> None:
    expect(page.locator("[aria-current=step]")).to_contain_text("Verify")
    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_text("GO (not checked: idTags in SteVe, charging session)")).to_be_visible(
        timeout=LONG_MS
    )
    look(page, "verified")
    page.get_by_role("link", name="Back to the run").click()
    expect(page.locator("[aria-current=step]")).to_contain_text("Invite")


def invite(page: Page, mail_server: MailServer) -> None:
    paused = Event()
    held = f"customer{ROWS // 2}@example.com"  # until the campaign was paused, but less than EMAIL_TIMEOUT
    mail_server.inbox.on_data = lambda address: address == held and paused.wait(8)
    page.get_by_role("link", name="Welcome mails").click()
    expect(page.get_by_text(f"{ROWS} customers of this run would be invited")).to_be_visible()
    look(page, "welcome")
    page.get_by_label("Mails per batch").fill("500")
    page.get_by_label("Pause between batches").fill("0")
    page.get_by_role("button", name=f"Send {ROWS} mails").click()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused by ")).to_be_visible()
    paused.set()
    look(page, "welcome-paused")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text(f"{ROWS} of {ROWS} mails")).to_be_visible(timeout=LONG_MS)
    assert WelcomeMail.objects.filter(state="sent").count() == ROWS


def a_customer_signs_in(browser: Browser, mail_server: MailServer) -> None:
    mail = next(one for one in mail_server.inbox.received if one.to == "customer1@example.com")
    page = browser.new_page(viewport=PHONE)  # type: ignore[arg-type]
    page.goto(mail.link)
    page.get_by_role("button", name="Open my account").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Customer 1")
    page.close()


def revert(page: Page, folder: Path) -> None:
    run_id = BackfillRun.objects.get().run_id
    page.get_by_role("link", name="Back to the run").click()
    page.get_by_role("link", name="Revert…").click()
    look(page, "revert")
    page.get_by_role("button", name="Look what it would remove").click()
    expect(page.get_by_text("1 customer active after the run")).to_be_visible(timeout=LONG_MS)
    look(page, "revert-looked")

    page.get_by_label("Type the run id").fill("something else")
    page.get_by_role("button", name=f"Revert run {run_id}").click()
    assert BackfillRun.objects.get().status == "succeeded"

    page.get_by_label("Keep them").check()
    page.get_by_label("Type the run id").fill(run_id)
    page.get_by_role("button", name=f"Revert run {run_id}").click()
    expect(page.locator("#live .pb-tag")).to_have_text("reverted", timeout=LONG_MS)
    look(page, "reverted")
    with page.expect_download() as download:
        page.get_by_role("link", name="Manifest of the revert").click()
    download.value.save_as(folder / "manifest.log")
    assert f"run={run_id}" in (folder / "manifest.log").read_text()


def look_around(page: Page, live_server: LiveServer) -> None:
    """See every other page once, on a phone and on a desktop."""
    for name, path in {
        "overview": "", "runs": "customers/backfillrun/", "customers": "customers/customer/",
        "id-tags": "customers/idtagmapping/", "audit-log": "auditlog/auditentry/",
        "staff": "customers/user/", "staff-add": "customers/user/add/", "groups": "auth/group/",
        "groups-add": "auth/group/add/",
    }.items():  # fmt: skip
        page.goto(f"{live_server.url}/admin/{path}")
        look(page, name)
    page.goto(f"{live_server.url}/admin/customers/user/")
    page.locator("#result_list").get_by_role("link", name="root@operator.example").click()
    page.wait_for_url("**/customers/user/*/change/")
    look(page, "staff-one")
    page.goto(f"{live_server.url}/admin/customers/customer/")
    page.get_by_role("link", name="Customer 1").click()
    expect(page.get_by_role("heading", name="Audit trail")).to_be_visible()
    look(page, "customer")


def test_a_file_with_defects_is_shown_with_what_is_wrong(
    page: Page, env: dict[str, str], live_server: LiveServer, lago: Sandbox, complaints: list[str]
) -> None:
    hostile = '<img src=x onerror="document.title = 1">'
    given = [row(1), row(2, plan_code="Standard"), row(3, external_id=hostile, email="nobody")]

    upload(page, live_server, csv_text(given))

    expect(page.get_by_text("Did you mean “standard”?").first).to_be_visible()
    expect(page.get_by_text(hostile).first).to_be_visible()
    expect(page.get_by_role("button", name="Import")).to_have_count(0)
    look(page, "defects")
    page.get_by_role("link", name="create 1").click()
    expect(page.locator("#rows tbody tr")).to_have_count(1)
    assert complaints == []


def test_it_works_without_javascript(
    browser: Browser, env: dict[str, str], live_server: LiveServer, lago: Sandbox
) -> None:
    User.objects.create_superuser("root@operator.example", PASSWORD)
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(f"{live_server.url}/admin/")
    page.get_by_label("Email").fill("root@operator.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()

    upload_without_looking(page, live_server)
    with worker(env):
        page.get_by_role("button", name="Import 3 rows").click()
        while not page.locator("#live .pb-tag", has_text="succeeded").count():
            page.get_by_role("link", name="Look again").click()


def upload_without_looking(page: Page, live_server: LiveServer) -> None:
    page.goto(f"{live_server.url}/admin/customers/backfillrun/import/")
    file: Any = {"name": "customers.csv", "mimeType": "text/csv", "buffer": csv_text(rows(3)).encode()}
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Preview").click()
