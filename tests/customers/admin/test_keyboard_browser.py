"""A story by keyboard alone: from the login to the mails, and out again."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from customers import jobs
from customers.backfill.welcome import send_campaign
from customers.models import BackfillRun, RunJob, User, WelcomeCampaign
from rehearsal.lago import Sandbox
from tests.customers.admin.world import customers_csv
from tests.support.browser import DESKTOP, until
from tests.support.keyboard import choose_file, go, press, tab_to, write

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PASSWORD = "correct-horse-battery"


@pytest.fixture
def page(lago: Sandbox, browser: Browser, live_server: LiveServer, settings: Any) -> Page:
    settings.EMAIL_FROM, settings.CUSTOMER_BASE_URL = "Polaris <noreply@example.com>", live_server.url
    User.objects.create_superuser("root@operator.example", PASSWORD)
    page = browser.new_page(viewport=DESKTOP)  # type: ignore[arg-type]
    page.goto(f"{live_server.url}/admin/")
    return page


def test_a_story_by_keyboard_alone(page: Page, tmp_path: Path) -> None:
    sign_in(page)
    import_a_file(page, tmp_path / "customers.csv")
    reconcile(page)
    invite(page)
    press(page, "root@operator.example", "Space")
    go(page, "Log out")
    expect(page.get_by_role("heading", name="Logged out")).to_be_visible()


def sign_in(page: Page) -> None:
    write(page, "Email", "root@operator.example")
    write(page, "Password", PASSWORD)
    go(page, "Log in", "Space")
    expect(page.get_by_text("Last reconciliation")).to_be_visible()


def import_a_file(page: Page, path: Path) -> None:
    path.write_bytes(customers_csv(3))
    go(page, "Import a file")
    choose_file(page, "File", path)
    go(page, "Preview", "Space")
    expect(page.get_by_role("heading", name="Row by row")).to_be_visible()
    go(page, "Import 3 rows")
    expect(page.get_by_text("0 of 3 rows")).to_be_visible()
    tab_to(page, "Stop")
    jobs.import_run(BackfillRun.objects.get().pk)  # as the worker would
    expect(page.locator("#live .pb-tag")).to_have_text("succeeded")


def reconcile(page: Page) -> None:
    """Go on where *Stop* was, which had the focus when it went: that is not at the top of the page again."""
    until(page, "document.activeElement.matches('.pb-followed')")
    go(page, "Reconcile")
    expect(page.locator(".pb-followed").get_by_text("Queued.")).to_be_visible()
    jobs.run_job(RunJob.objects.get().pk)
    expect(page.get_by_text("nothing diverges")).to_be_visible()
    go(page, "Back to the run")


def invite(page: Page) -> None:
    go(page, "Welcome mails")
    write(page, "Pause between batches", "0")
    go(page, "Send 3 mails")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    send_campaign(WelcomeCampaign.objects.get().pk)
    expect(page.get_by_text("3 of 3 mails")).to_be_visible()
