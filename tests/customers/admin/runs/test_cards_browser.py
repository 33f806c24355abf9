"""Refused cards in a real browser: ticked by a person, previewed, and no wider than a phone."""

import os
from pathlib import Path

import pytest
from django.conf import settings as project
from django.test import Client
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from customers.models import User
from rehearsal.steve import SteveSandbox
from tests.customers.admin.world import client_of, run_url
from tests.customers.backfill.cards.world import MET, meet, run_with_refused
from tests.customers.factories import imported, row
from tests.support.browser import PHONE, is_wider_than_its_window

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.matrix]
DESK = {"width": 1440, "height": 900}


@pytest.fixture
def client(steve: SteveSandbox) -> Client:
    return client_of(User.objects.create_superuser("root@operator.example"))


@pytest.fixture
def page(client: Client, browser: Browser, live_server: LiveServer) -> Page:
    page = browser.new_context(viewport=DESK).new_page()  # type: ignore[arg-type]
    name = project.SESSION_COOKIE_NAME
    page.context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": live_server.url}])
    return page


def test_a_person_ticks_what_they_are_sure_of(
    page: Page, live_server: LiveServer, steve: SteveSandbox
) -> None:
    run = run_with_refused(steve)
    imported([row(2, id_tag="15-A1-B2-C6")], skip_existing=True)
    imported([row(30, id_tag="C6B2A11C")])
    meet(steve, "04a1b2c3d4e582", energy_wh=4200)
    page.goto(f"{live_server.url}{run_url(run)}")
    page.get_by_role("link", name="Refused cards").click()

    expect(page.get_by_role("heading", name="Corrected since")).to_be_visible()
    expect(page.get_by_role("checkbox")).to_have_count(7)
    for scheme in ("light", "dark"):
        page.evaluate("dark => document.documentElement.classList.toggle('dark', dark)", scheme == "dark")
        for kind, size in (("390", PHONE), ("1440", DESK)):
            page.set_viewport_size(size)  # type: ignore[arg-type]
            assert not is_wider_than_its_window(page), kind
            keep(page, f"cards-{scheme}-{kind}")

    page.get_by_role("checkbox", name=f"{list(MET)[3]} of C-4").check()
    page.get_by_role("button", name="Preview the ticked cards…").click()

    expect(page.get_by_role("heading", name="Preview of cards.csv")).to_be_visible()
    keep(page, "cards-preview-1440")


def keep(page: Page, name: str) -> None:
    if folder := os.environ.get("POLARIS_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
