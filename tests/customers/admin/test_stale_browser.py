"""A page that is followed while the web server is away, comes back, and forgets who is there."""

from collections.abc import Iterator

import pytest
from django.conf import settings as project
from django.db import connections
from django.test import Client
from playwright.sync_api import Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from customers.models import User
from rehearsal.lago import Sandbox
from tests.customers.admin.world import client_of, customers_csv, queued, run_url
from tests.support.browser import chromium, shoot

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def page(lago: Sandbox, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """The page of a run that waits for its worker."""
    client: Client = client_of(User.objects.create_superuser("root@operator.example"))
    run = queued(client, customers_csv(3))
    session = client.cookies[project.SESSION_COOKIE_NAME].value
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # Playwright's own loop runs in this thread
    with chromium() as browser:
        context = browser.new_context()
        context.add_cookies([{"name": project.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])
        page = context.new_page()
        page.goto(f"{live_server.url}{run_url(run)}")
        yield page
        connections.close_all()  # those that were made while that loop ran


def away(route: Route) -> None:
    route.abort("connectionrefused")


def test_a_page_says_that_it_is_old_and_why(page: Page) -> None:
    lost = page.locator("#live > .pb-lost")
    expect(page.get_by_text("0 of 3 rows")).to_be_visible()

    page.route("**/*", away)
    expect(lost).to_contain_text("Connection lost: trying again by itself. This is as it was at")
    assert page.locator("#live > section").evaluate("one => getComputedStyle(one).opacity") == "0.45"
    shoot(page, "console-stale")

    page.unroute("**/*", away)
    expect(lost).to_have_count(0)
    assert page.locator("#live > section").evaluate("one => getComputedStyle(one).opacity") == "1"

    page.context.clear_cookies()
    expect(lost).to_contain_text("You are signed out: reload the page to sign in again.")


def test_a_page_that_waits_does_not_go_away_with_the_server(page: Page) -> None:
    page.goto(page.url.replace("/change/", "/reconcile/"))
    page.get_by_role("button", name="Reconcile now").click()
    expect(page.get_by_text("Queued.")).to_be_visible()

    page.route("**/*", away)

    expect(page.get_by_text("Connection lost")).to_be_visible()
    expect(page.get_by_text("Queued.")).to_be_visible()
