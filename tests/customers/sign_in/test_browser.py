"""Signing in with a real browser: twice clicked, in two tabs, without cookies, and locked out."""

import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from customers.models import User
from customers.sign_in import links
from tests.customers.imported_runs import make_customer
from tests.support.browser import PHONE, is_wider_than_its_window, shoot

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

BUTTON = "Sign in"
TRIES = 24
PASSWORD = "correct-horse-battery"
NAP_S = 0.15


class SlowLine(socketserver.ThreadingTCPServer):
    """A line on the way to the server: what comes back is late, as on a phone, so that clicks overtake it."""

    allow_reuse_address = True
    daemon_threads = False  # so that closing waits for them

    def __init__(self, url: str) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        self.target = (host, int(port))
        super().__init__(("127.0.0.1", 0), SlowConnection)
        self.url = f"http://localhost:{self.server_address[1]}"


class SlowConnection(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, SlowLine)
        with socket.create_connection(self.server.target) as far:
            back = threading.Thread(target=self._carry, args=(far, self.request, NAP_S))
            back.start()
            self._carry(self.request, far, 0)
            back.join()

    @staticmethod
    def _carry(source: socket.socket, target: socket.socket, delay_s: float) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                time.sleep(delay_s)
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def slow_line(url: str) -> Iterator[str]:
    with SlowLine(url) as line:
        thread = threading.Thread(target=line.serve_forever)
        thread.start()
        try:
            yield line.url
        finally:
            line.shutdown()
            thread.join()


@pytest.fixture
def browser(browser: Browser, live_server: LiveServer, settings: Settings) -> Browser:
    settings.CUSTOMER_BASE_URL = live_server.url
    settings.OPERATOR_NAME = "Acme Charging"
    settings.OPERATOR_CONTACT_EMAIL = "help@example.com"
    settings.TRUSTED_PROXY_COUNT = 0
    return browser


@pytest.fixture
def page(browser: Browser) -> Page:
    return browser.new_page(viewport=PHONE)  # type: ignore[arg-type]


def heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_contain_text(text)
    assert not is_wider_than_its_window(page)


@pytest.mark.parametrize("pause_ms", [0, 40, 100, 180, 250, 400])
@pytest.mark.matrix
def test_a_double_click_leads_to_the_account(
    pause_ms: int, browser: Browser, live_server: LiveServer, settings: Settings
) -> None:
    user = make_customer()
    with slow_line(live_server.url) as url:
        settings.CUSTOMER_BASE_URL = url
        for _ in range(TRIES // 6):
            user.refresh_from_db()
            with browser.new_context() as context:
                page = context.new_page()
                page.goto(links.requested_link(user))

                click_twice(page, BUTTON, pause_ms)

                expect(page).to_have_url(f"{url}/account/")
                expect(page.get_by_text(user.email)).to_be_visible()
                page.reload()
                expect(page.get_by_text(user.email)).to_be_visible()


def click_twice(page: Page, name: str, pause_ms: int) -> None:
    """Click on the same place again, whatever is there by then."""
    box = page.get_by_role("button", name=name).bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 30, box["y"] + 20)
    page.wait_for_timeout(pause_ms)
    page.mouse.click(box["x"] + 30, box["y"] + 20)


@pytest.mark.matrix
def test_the_link_in_a_second_tab_and_opened_again_leads_to_the_account(browser: Browser) -> None:
    user = make_customer()
    context = browser.new_context(viewport=PHONE)  # type: ignore[arg-type]
    first, second = context.new_page(), context.new_page()
    link = links.requested_link(user)
    first.goto(link)
    second.goto(link)

    first.get_by_role("button", name=BUTTON).click()
    heading(first, "Erika Mustermann")
    second.get_by_role("button", name=BUTTON).click()
    heading(second, "Erika Mustermann")
    first.goto(link)
    heading(first, "Erika Mustermann")
    context.close()


def test_the_sign_in_page_knows_who_is_signed_in(page: Page, live_server: LiveServer) -> None:
    page.goto(links.requested_link(make_customer()))
    page.get_by_role("button", name=BUTTON).click()

    page.goto(f"{live_server.url}/sign-in/")
    heading(page, "You are signed in")
    shoot(page, "signed-in")
    page.get_by_role("link", name="Open my account").click()
    heading(page, "Erika Mustermann")
    page.goto(f"{live_server.url}/sign-in/")
    page.get_by_role("main").get_by_role("button", name="Sign out").click()

    heading(page, "Sign in")


def test_without_cookies_the_page_says_what_to_do_and_leads_back(page: Page) -> None:
    link = links.requested_link(make_customer())
    page.goto(link)
    page.context.clear_cookies()

    page.get_by_role("button", name=BUTTON).click()
    heading(page, "Please allow cookies")
    shoot(page, "cookies-blocked")
    page.get_by_role("link", name="Try again").click()
    page.get_by_role("button", name=BUTTON).click()

    heading(page, "Erika Mustermann")


def test_an_expired_form_leads_back_to_its_button(page: Page, live_server: LiveServer) -> None:
    page.goto(links.requested_link(make_customer()))
    page.context.add_cookies([{"name": "csrftoken", "value": "a" * 32, "url": live_server.url}])

    page.get_by_role("button", name=BUTTON).click()
    heading(page, "Please try once more")
    shoot(page, "form-expired")
    page.get_by_role("link", name="Try again").click()
    page.get_by_role("button", name=BUTTON).click()

    heading(page, "Erika Mustermann")


@pytest.fixture
def sam(settings: Settings) -> User:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return User.objects.create_superuser("sam@operator.example", PASSWORD, display_name="Sam Staff")


def fill_in(page: Page, live_server: LiveServer, name: str, password: str) -> None:
    page.goto(f"{live_server.url}/admin/login/")
    page.locator("#id_username").fill(name)
    page.locator("#id_password").fill(password)


def test_staff_sign_in_by_two_clicks_and_the_sign_in_page_knows_them(
    page: Page, live_server: LiveServer, sam: User
) -> None:
    fill_in(page, live_server, sam.email, PASSWORD)
    page.get_by_role("button", name="Log in").dblclick(no_wait_after=True)
    expect(page).to_have_url(f"{live_server.url}/admin/")

    page.goto(f"{live_server.url}/sign-in/")
    heading(page, "You are signed in")
    shoot(page, "signed-in-staff")

    page.get_by_role("link", name="Open the console").click()
    expect(page).to_have_url(f"{live_server.url}/admin/")


def test_a_form_of_the_admin_that_is_out_of_date_leads_back(
    page: Page, live_server: LiveServer, sam: User
) -> None:
    fill_in(page, live_server, sam.email, PASSWORD)
    page.context.add_cookies([{"name": "csrftoken", "value": "a" * 32, "url": live_server.url}])
    page.get_by_role("button", name="Log in").click()
    heading(page, "Please try once more")
    shoot(page, "admin-form-expired")
    page.get_by_role("link", name="Open the page again").click()
    expect(page.locator("#id_username")).to_be_visible()

    fill_in(page, live_server, sam.email, PASSWORD)
    page.context.clear_cookies()
    page.get_by_role("button", name="Log in").click()

    heading(page, "Please allow cookies")
    shoot(page, "admin-cookies-blocked")


@pytest.mark.matrix
def test_who_is_locked_out_is_told_for_how_long(page: Page, live_server: LiveServer, sam: User) -> None:
    for number in range(10):
        fill_in(page, live_server, sam.email.upper() if number % 2 else sam.email, "wrong")
        page.get_by_role("button", name="Log in").click()

    heading(page, "Too many wrong passwords")
    expect(page.get_by_text("15 minutes")).to_be_visible()
    shoot(page, "locked-out")


def test_the_overview_misses_the_number_of_proxies(
    page: Page, live_server: LiveServer, sam: User, settings: Settings
) -> None:
    settings.TRUSTED_PROXY_COUNT = None
    settings.LAGO_API_KEY = ""
    page.set_extra_http_headers({"X-Forwarded-For": "203.0.113.9"})

    fill_in(page, live_server, sam.email, PASSWORD)
    page.get_by_role("button", name="Log in").click()

    expect(page.get_by_text("TRUSTED_PROXY_COUNT")).to_be_visible()
    shoot(page, "overview-proxies")
