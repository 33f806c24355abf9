"""The first of a month in a real browser: refused, ticked, and accepted."""

import pytest
from django.conf import settings as project
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from rehearsal.lago import Sandbox
from tests.customers.admin.world import IMPORT, client_of, csv_file, member_of_staff
from tests.customers.factories import row, rows
from tests.support.browser import DESKTOP, PHONE, is_wider_than_its_window, shoot

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

GIVEN = [*rows(4), row(4, id_tag="CARD2"), row(5, plan_code="ahead"), row(6, start_date="2027-03-02")]


def preview(page: Page, live_server: LiveServer, *, ticked: bool) -> None:
    page.goto(live_server.url + IMPORT)
    file = {"name": "customers.csv", "mimeType": "text/csv", "buffer": csv_file(GIVEN)}
    page.locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]
    if ticked:
        page.get_by_label("Accept invoices for days that are over").check()
    page.get_by_role("button", name="Preview", exact=True).click()


def look(page: Page, name: str) -> None:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    assert not is_wider_than_its_window(page), name
    shoot(page, f"admin-{name}")
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]


@pytest.mark.matrix
def test_what_is_invoiced_for_days_that_are_over_is_refused_until_it_is_ticked(
    browser: Browser, live_server: LiveServer, lago: Sandbox
) -> None:
    lago.put_plans("ahead:3000:EUR:monthly:advance")
    lago.set_clock("2027-03-01T09:00:00Z")
    client = client_of(member_of_staff("run_backfill", "view_backfillrun"))
    cookie = client.cookies[project.SESSION_COOKIE_NAME].value
    context = browser.new_context(viewport=DESKTOP)  # type: ignore[arg-type]
    context.add_cookies([{"name": project.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])
    page = context.new_page()

    preview(page, live_server, ticked=False)
    expect(page.get_by_text("would invoice 4 customers today, 2027-03-01: 40.00 EUR")).to_be_visible()
    expect(page.get_by_role("button", name="Import")).to_have_count(0)
    look(page, "invoices-today-refused")

    preview(page, live_server, ticked=True)
    expect(page.get_by_text("This is accepted for 2027-03-01")).to_be_visible()
    expect(
        page.get_by_text("Lago invoices at once: today, 2027-03-01, 70.00 EUR (5 invoices)")
    ).to_be_visible()
    expect(page.get_by_role("button", name="Import 7 rows")).to_be_visible()
    look(page, "invoices-today-accepted")
