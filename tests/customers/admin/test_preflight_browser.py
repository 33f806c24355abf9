"""The page before the night in a real browser: there at once, filled in as the systems answer."""

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from customers.backfill.preflight import lago as lago_part
from customers.models import User
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.support.browser import DESKTOP, PHONE, is_wider_than_its_window, shoot
from tests.support.smtp_server import Inbox

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PASSWORD = "correct-horse-battery"


@pytest.fixture
def browser(browser: Browser, steve: SteveSandbox, inbox: Inbox) -> Browser:
    User.objects.create_superuser("root@operator.example", PASSWORD)
    return browser


def open_page(page: Page, live_server: LiveServer) -> None:
    """Sign in and follow the link."""
    page.goto(f"{live_server.url}/admin/")
    page.get_by_label("Email").fill("root@operator.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name="Before the night").click()


def card(page: Page, title: str) -> Any:
    heading = page.get_by_role("heading", name=title, exact=True)
    return page.locator(".pb-card").filter(has=heading)


def test_the_page_is_there_while_lago_hangs_and_what_was_found_follows(
    browser: Browser, live_server: LiveServer, lago: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lago_part, "TIMEOUT_S", 60.0)  # it is held until this test lets it go
    lago.set_organization(version="v1.20.0")
    lago.fault("pause_before,path=/billable_metrics")  # for which the overview does not ask
    page = browser.new_page(viewport=DESKTOP)  # type: ignore[arg-type]
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)

    open_page(page, live_server)
    lago.wait_held()

    expect(card(page, "SteVe")).to_contain_text("it takes the login")
    expect(card(page, "Lago")).to_contain_text("looking…")
    lago.release()
    expect(card(page, "Lago")).to_contain_text("STOP")
    expect(card(page, "Lago")).to_contain_text("Upgrade Lago to 1.32")
    expect(page.get_by_text("looking…")).to_have_count(0)
    shoot(page, "preflight")
    assert complaints == []


def test_on_a_phone_it_is_no_wider_than_its_window(
    browser: Browser, live_server: LiveServer, lago: Sandbox
) -> None:
    lago.set_organization(version="v1.20.0")
    page = browser.new_page(viewport=PHONE)  # type: ignore[arg-type]

    open_page(page, live_server)

    expect(page.get_by_text("looking…")).to_have_count(0)
    expect(card(page, "Lago")).to_contain_text("Upgrade Lago to 1.32")
    assert not is_wider_than_its_window(page)


@pytest.mark.matrix
def test_nothing_is_asked_again_by_itself(browser: Browser, live_server: LiveServer, lago: Sandbox) -> None:
    page = browser.new_page(viewport=DESKTOP)  # type: ignore[arg-type]
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/preflight/" in request.url else None)

    open_page(page, live_server)
    expect(page.get_by_text("looking…")).to_have_count(0)

    assert page.locator("[data-fill], [data-follow]").count() == 0
    assert len(asked) == len(set(asked))


@pytest.mark.matrix
def test_a_part_that_could_not_be_asked_says_so(
    browser: Browser, live_server: LiveServer, lago: Sandbox
) -> None:
    page = browser.new_page(viewport=DESKTOP)  # type: ignore[arg-type]
    page.route("**/preflight/lago/", lambda route: route.abort())

    open_page(page, live_server)

    expect(card(page, "Lago")).to_contain_text("could not be asked; reload the page")


def test_without_scripts_a_link_looks(browser: Browser, live_server: LiveServer, lago: Sandbox) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    open_page(page, live_server)
    expect(page.get_by_text("looking…").first).to_be_hidden()

    page.get_by_role("link", name="Look now").click()

    expect(card(page, "Lago")).to_contain_text("Sandbox Charging")
    shoot(page, "preflight-without-scripts")
