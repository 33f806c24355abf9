"""A German export in a browser: three buttons, one corrected cell, imported, and no row is lost."""

from typing import Any

import pytest
from django.conf import settings as project
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from customers import jobs
from customers.models import BackfillRun, BackfillUpload, User
from rehearsal.lago import Sandbox
from tests.customers import factories
from tests.customers.admin.world import IMPORT, client_of, csv_file, member_of_staff
from tests.customers.factories import row
from tests.support.accessibility import faults_of, too_wide
from tests.support.browser import shoot

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def page(lago: Sandbox, browser: Browser, live_server: LiveServer) -> Page:
    """A browser that is signed in already."""
    client = client_of(member_of_staff("run_backfill", "view_backfillrun"))
    session = client.cookies[project.SESSION_COOKIE_NAME].value
    context = browser.new_context()
    context.add_cookies([{"name": project.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])
    return context.new_page()


def german() -> bytes:
    """24 rows: German days, a plan by another name, one that exists, and a broken address."""
    given = [row(number, start_date=f"{number:02}.12.2023") for number in range(1, 25)]
    for one in given[4:9]:
        one["plan_code"] = "Fleet"
    given[20]["email"] = "ann\u00a0@example"
    return csv_file(given).replace(b",", b";")


@pytest.mark.matrix
def test_a_german_file_is_put_right_on_the_page_and_no_row_is_lost(
    page: Page, live_server: LiveServer
) -> None:
    factories.imported([row(1, start_date="2023-12-01")])
    page.goto(live_server.url + IMPORT)
    file: Any = {"name": "kunden.csv", "mimeType": "text/csv", "buffer": german()}
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", name="What is wrong, and what puts it right")).to_be_visible()
    look(page, "preview-causes")

    buttons = {
        "Read them as day.month.year": "7 rows have",
        "Use fleet": "2 rows",
        "Skip what exists": "1 row has",
    }
    for button, left in buttons.items():
        page.get_by_role("button", name=button).click()
        expect(page.get_by_text(f"Planned anew. {left}")).to_be_visible()
    page.get_by_label("email").fill("ann@example.com")
    look(page, "preview-cell")
    page.get_by_role("button", name="Save corrections").click()
    expect(page.get_by_text("Planned anew. No row fails.")).to_be_visible()
    page.get_by_text("Options:").click()
    look(page, "preview-put-right")
    page.get_by_role("button", name="Import 23 rows").click()
    expect(page.get_by_text("is queued. This page follows it.")).to_be_visible()
    run = BackfillRun.objects.latest("pk")
    jobs.import_run(run.pk)

    run.refresh_from_db()
    assert (run.status, run.input_rows) == (BackfillRun.Status.SUCCEEDED, 24)
    assert User.objects.filter(external_id__startswith="C-").count() == 24
    assert not BackfillUpload.objects.exists()


def look(page: Page, name: str) -> None:
    """Keep pictures, and have nothing serious on the page, light and dark, at a desk and on a phone."""
    assert not [*faults_of(page), *too_wide(page)]
    for theme in ("light", "dark"):
        page.evaluate("theme => document.documentElement.classList.toggle('dark', theme === 'dark')", theme)
        shoot(page, f"{name}-{theme}")
