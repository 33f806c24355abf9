"""The charging sessions on a customer's page, in a real browser and under the content security policy."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from customers.models import User
from rehearsal.steve import SteveSandbox
from tests.charging.factories import charged, charging
from tests.customers.admin.world import client_of, member_of_staff
from tests.customers.factories import customer, mapping
from tests.support.browser import is_wider_than_its_window, shoot

pytestmark = pytest.mark.browser

MORNING = datetime(2026, 11, 20, 8, tzinfo=UTC)


@pytest.fixture
def alice(steve: SteveSandbox, live_server: LiveServer) -> User:
    user = customer(1)
    tag = steve.world.add_tag("TAG0001")
    mapping(user, steve_ocpp_tag_pk=tag.pk, created_at=MORNING)
    charged(steve, "TAG0001", started_at=MORNING)
    charged(steve, "tag0001", started_at=MORNING + timedelta(hours=3))
    charging(steve, "TAG0001", started_at=MORNING + timedelta(hours=5))
    return user


def page_of_staff(browser: Browser, live_server: LiveServer) -> Page:
    """Open a page of somebody who is signed in."""
    cookie = client_of(member_of_staff("view_customer", "change_customer")).cookies["sessionid"].value
    page = browser.new_page()
    page.context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
    return page


def test_sessions_appear_on_the_page_or_it_says_that_steve_does_not_answer(
    browser: Browser, live_server: LiveServer, steve: SteveSandbox, alice: User
) -> None:
    page = page_of_staff(browser, live_server)
    refused: list[str] = []
    page.on("console", lambda said: refused.append(said.text) if "Security Policy" in said.text else None)

    page.goto(f"{live_server.url}/admin/customers/customer/{alice.pk}/change/")
    expect(page.get_by_text("running", exact=True)).to_be_visible()
    expect(page.get_by_text("spelled otherwise: not billed")).to_be_visible()
    expect(page.get_by_role("cell", name="5.000", exact=True)).to_have_count(2)
    expect(page.get_by_role("cell", name="charging since")).to_be_visible()
    expect(page.get_by_text("Lago has no such customer.")).to_be_visible()
    shoot(page, "admin-customer-sessions")
    wide = is_wider_than_its_window(page)
    steve.fault("500,times=forever")
    page.reload()
    expect(page.get_by_text("SteVe does not answer")).to_be_visible()
    expect(page.get_by_role("cell", name="SteVe could not be asked")).to_be_visible()
    shoot(page, "admin-customer-steve-down")

    assert (refused, wide) == ([], False)
