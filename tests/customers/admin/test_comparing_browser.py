"""Comparing in a real browser: a file chosen, read, saved again, and no wider than a phone."""

import os
from pathlib import Path

import pytest
from django.conf import settings as project
from django.test import Client
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from customers.models import User
from rehearsal.lago import Sandbox
from tests.customers.admin.world import client_of, csv_file
from tests.customers.backfill.compare.exports import two_exports
from tests.customers.factories import imported, row
from tests.support.browser import PHONE, is_wider_than_its_window

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.matrix]
DESK = {"width": 1440, "height": 900}
LONG = "A-customer-whose-external-id-is-as-long-as-that-of-many-systems-0001"


@pytest.fixture
def page(lago: Sandbox, browser: Browser, live_server: LiveServer) -> Page:
    client: Client = client_of(User.objects.create_superuser("root@operator.example"))
    page = browser.new_context(viewport=DESK).new_page()  # type: ignore[arg-type]
    name = project.SESSION_COOKIE_NAME
    page.context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": live_server.url}])
    return page


def test_a_person_compares_and_saves_what_comes_of_it(
    page: Page, live_server: LiveServer, tmp_path: Path
) -> None:
    exports = two_exports(40, joined=4, left=3, plans=3, cards=12, addresses=4)
    imported([*exports.first, row(90, external_id=LONG)])
    later = tmp_path / "later.csv"
    later.write_bytes(csv_file([*exports.second, row(91, external_id="1.2E+13"), row(92, start_date="soon")]))
    page.goto(f"{live_server.url}/admin/customers/backfillrun/import/")
    page.get_by_role("link", name="compared with what is imported").click()
    keep(page, "compare-form-1440")
    page.locator("input[type=file]").set_input_files(later)
    page.get_by_role("button", name="Compare").click()

    expect(page.get_by_role("heading", name="Joined: 5")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="joined.csv").click()
    assert len(download.value.path().read_text("utf-8").splitlines()) == 6
    for scheme in ("light", "dark"):
        page.evaluate("dark => document.documentElement.classList.toggle('dark', dark)", scheme == "dark")
        for kind, size in (("390", PHONE), ("1440", DESK)):
            page.set_viewport_size(size)  # type: ignore[arg-type]
            assert not is_wider_than_its_window(page), kind
            keep(page, f"compare-{scheme}-{kind}")


def keep(page: Page, name: str) -> None:
    if folder := os.environ.get("POLARIS_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
