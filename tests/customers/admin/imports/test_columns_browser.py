"""The columns of an export, chosen in a browser: from the upload to the preview, on a desk and on a phone."""

from typing import Any

import pytest
from django.conf import settings as project
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from rehearsal.lago import Sandbox
from tests.customers.admin.imports.test_columns import EXPORT
from tests.customers.admin.world import IMPORT, client_of, member_of_staff
from tests.support.browser import DESKTOP, PHONE, is_wider_than_its_window, shoot

pytestmark = [pytest.mark.browser, pytest.mark.django_db]


@pytest.fixture
def cookie(lago: Sandbox, live_server: LiveServer) -> Any:
    client = client_of(member_of_staff("run_backfill", "edit_mappings"))
    key = client.cookies[project.SESSION_COOKIE_NAME].value
    return {"name": project.SESSION_COOKIE_NAME, "value": key, "url": live_server.url}


def look(page: Page, name: str) -> None:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    assert not is_wider_than_its_window(page), name
    shoot(page, f"admin-{name}")
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]


@pytest.mark.matrix
def test_an_export_is_mapped_by_hand(browser: Browser, cookie: Any, live_server: LiveServer) -> None:
    complaints: list[str] = []
    context = browser.new_context()
    context.add_cookies([cookie])
    page = context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.goto(live_server.url + IMPORT)
    file: Any = {"name": "kunden.csv", "mimeType": "text/csv", "buffer": EXPORT}
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", name="Old tariffs and Lago's plans")).to_be_visible()
    look(page, "columns")

    page.locator("#field-external_id").select_option("Status")
    expect(page.locator("#samples-external_id")).to_have_text("aktiv · gekündigt")
    page.locator("#field-external_id").select_option("Kundennr")
    page.locator("#field-plan_code").select_option("the same for all rows…")
    expect(page.locator("[name='constant.plan_code']")).to_be_visible()
    page.locator("#field-plan_code").select_option("Tarif")
    page.locator("#field-start_date").select_option("Beginn")
    with page.expect_navigation():  # what is chosen before the new page is there, is lost
        page.get_by_role("button", name="Show again").click()
    for plan in page.locator("select[name=meant]").all():
        plan.select_option("standard")
    page.get_by_label("Save as").fill("CRM")
    look(page, "columns-chosen")
    with page.expect_download() as download:
        page.get_by_text("As a file").click()
        page.get_by_role("button", name="Download").click()
    page.get_by_role("button", name="Preview").click()

    expect(page.get_by_role("heading", name="Row by row")).to_be_visible()
    look(page, "preview-mapped")
    assert download.value.suggested_filename == "kunden.toml"
    assert complaints == []
