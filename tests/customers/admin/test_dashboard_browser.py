"""The overview in a real browser, while Lago and SteVe hang and when they answer."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from customers.admin import reachable
from customers.models import User
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.support.browser import DESKTOP, is_wider_than_its_window, shoot

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PASSWORD = "correct-horse-battery"


@pytest.fixture
def steve(settings: Any, lago: Sandbox) -> Iterator[SteveSandbox]:
    with SteveSandbox() as steve:
        settings.STEVE_BASE_URL = steve.url
        settings.STEVE_API_USERNAME, settings.STEVE_API_KEY = steve.username, steve.key
        yield steve


@pytest.fixture
def browser(browser: Browser) -> Browser:
    User.objects.create_superuser("root@operator.example", PASSWORD)
    return browser


def sign_in(page: Page, live_server: LiveServer) -> None:
    page.goto(f"{live_server.url}/admin/")
    page.get_by_label("Email").fill("root@operator.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()


def tile(page: Page, name: str) -> Any:
    return page.locator(".pb-tile").filter(has_text=name)


def test_the_page_is_there_while_two_systems_hang_and_their_state_follows(
    browser: Browser,
    live_server: LiveServer,
    lago: Sandbox,
    steve: SteveSandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reachable, "TIMEOUT_S", 60.0)  # they are held until this test lets them go
    lago.fault("pause_before")
    steve.fault("pause_before")
    page = browser.new_page(viewport=DESKTOP)  # type: ignore[arg-type]
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)

    sign_in(page, live_server)
    lago.wait_held()
    steve.wait_held()

    expect(page.get_by_text("Last reconciliation")).to_be_visible()
    expect(tile(page, "Lago")).to_contain_text("looking…")
    expect(tile(page, "SteVe")).to_contain_text("looking…")
    assert not is_wider_than_its_window(page)
    shoot(page, "overview-looking")

    lago.release()
    expect(tile(page, "Lago")).to_contain_text("Sandbox Charging")
    expect(tile(page, "SteVe")).to_contain_text("looking…")
    steve.release()
    expect(tile(page, "SteVe")).to_contain_text("reachable")
    shoot(page, "overview-looked")
    assert complaints == []


@pytest.mark.matrix
def test_a_system_that_never_answers_is_not_reachable(
    browser: Browser, live_server: LiveServer, lago: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reachable, "TIMEOUT_S", 0.5)
    lago.fault("pause_before")
    page = browser.new_page(viewport=DESKTOP)  # type: ignore[arg-type]

    sign_in(page, live_server)

    expect(tile(page, "Lago")).to_contain_text("not reachable")
    shoot(page, "overview-away")


def test_a_session_that_ended_is_not_shown_in_the_place_of_a_system(
    browser: Browser, live_server: LiveServer, lago: Sandbox
) -> None:
    page = browser.new_page(viewport=DESKTOP)  # type: ignore[arg-type]
    ended = {"status": 302, "headers": {"Location": "/admin/login/"}}
    page.route("**/systems/lago/", lambda route: route.fulfill(**ended))

    sign_in(page, live_server)

    expect(tile(page, "Lago")).to_contain_text("could not be asked; reload the page")
    expect(page.get_by_label("Password")).to_have_count(0)


def test_without_scripts_a_link_looks(browser: Browser, live_server: LiveServer, lago: Sandbox) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    sign_in(page, live_server)
    expect(page.get_by_text("looking…")).to_be_hidden()

    shoot(page, "overview-without-scripts")
    page.get_by_role("link", name="look now").first.click()

    expect(tile(page, "Lago")).to_contain_text("Sandbox Charging")
