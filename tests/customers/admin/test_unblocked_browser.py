"""The idTags that a run unblocks, as a browser shows them: from the summary to each of them."""

import pytest
from django.conf import settings as project
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from charging import SteveClient
from customers.models import BackfillRun
from rehearsal.steve import SteveSandbox
from tests.customers.admin.world import (
    client_of,
    customers_csv,
    member_of_staff,
    preview_of,
    preview_url,
    run_url,
)
from tests.customers.factories import imported, rows
from tests.support.browser import DESKTOP, PHONE, is_wider_than_its_window, shoot

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

BLOCKED = 320


@pytest.fixture
def addresses(
    steve: SteveSandbox, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, str, str]:
    """The preview of a file, the page of its run, and the cookie of who may see both."""
    monkeypatch.setattr(SteveClient, "call_s", property(lambda client: 30))
    for number in range(1, BLOCKED + 1):
        steve.world.add_tag(f"TAG{number:04}", max_active_transaction_count=0)
    client = client_of(member_of_staff("run_backfill", "view_backfillrun"))
    preview = preview_of(client, customers_csv(BLOCKED + 10), skip_existing="on")
    report = imported(rows(BLOCKED + 10), skip_existing=True)
    run = BackfillRun.objects.get(pk=report.run.pk) if report.run else None
    assert run is not None
    return (
        live_server.url + preview_url(preview),
        live_server.url + run_url(run),
        client.cookies[project.SESSION_COOKIE_NAME].value,
    )


def look(page: Page, name: str) -> None:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    assert not is_wider_than_its_window(page), name
    shoot(page, f"admin-{name}")
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]


@pytest.mark.matrix
def test_a_link_in_the_summary_leads_to_each_of_them(
    addresses: tuple[str, str, str], browser: Browser, live_server: LiveServer
) -> None:
    preview, run, cookie = addresses
    context = browser.new_context(viewport=DESKTOP)  # type: ignore[arg-type]
    context.add_cookies([{"name": project.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])
    page = context.new_page()

    page.goto(preview)
    expect(page.get_by_text("10 new idTags and 320 idTags to change")).to_be_visible()
    look(page, "unblocked-summary")
    page.get_by_role("link", name="See each of them").click()
    expect(page.get_by_text("(number 200); the run unblocks it.")).to_be_visible()
    look(page, "unblocked-preview")
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_text("Rows 201 to 320 of 320")).to_be_visible()

    page.goto(run)
    page.get_by_role("link", name="See each of them").click()
    expect(page.get_by_text("(number 50); the run unblocks it.")).to_be_visible()
    look(page, "unblocked-run")
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_text("Page 2 of 7")).to_be_visible()
    expect(page.get_by_text("(number 100); the run unblocks it.")).to_be_visible()
