"""A customer signs in with a real browser, from a mail taken off a real mail server."""

import json
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from customers.backfill.welcome import cancel_for_run
from customers.models import BackfillRun, WorkerBeat
from tests.customers.imported_runs import add_id_tag, customers_of, make_run
from tests.support.browser import PHONE, is_wider_than_its_window, shoot
from tests.support.processes import environment, manage, wait_for, worker
from tests.support.smtp_server import MailServer, Received

pytestmark = pytest.mark.browser

BUTTON_WELCOME = "Open my account"
DEAD = "This link no longer works"


@pytest.fixture
def env(
    database_url: str, mail_server: MailServer, live_server: LiveServer, settings: Settings
) -> dict[str, str]:
    settings.CUSTOMER_BASE_URL = live_server.url
    settings.OPERATOR_NAME = "Acme Charging"
    settings.OPERATOR_CONTACT_EMAIL = "help@example.com"
    return environment(
        DATABASE_URL=database_url, EMAIL_URL=mail_server.url, CUSTOMER_BASE_URL=live_server.url
    )


@pytest.fixture
def run(env: dict[str, str]) -> BackfillRun:
    """A run whose first customer has two cards."""
    run = make_run(2)
    customer = customers_of(run)[0]
    add_id_tag(customer, "04E12345AABB80")
    add_id_tag(customer, "SPARE-1", is_active=False)
    return run


def open_mail(page: Page, mail: Received, folder: Path) -> None:
    (folder / "mail.html").write_text(mail.part("html"))
    page.goto((folder / "mail.html").as_uri())


def test_a_customer_signs_in_from_the_welcome_mail(
    browser: Browser, env: dict[str, str], mail_server: MailServer, run: BackfillRun, tmp_path: Path
) -> None:
    welcome = ("backfill_welcome", "--run-id", run.run_id, "--format", "json")
    page = browser.new_page(viewport=PHONE)  # type: ignore[arg-type]

    with worker(env):
        wait_for(WorkerBeat.is_fresh)
        manage(*welcome, env=env)
    first, second = mail_server.inbox.received

    open_mail(page, first, tmp_path)
    assert not is_wider_than_its_window(page)
    shoot(page, "mail-welcome")

    urllib.request.urlopen(first.link).read()  # a scanner
    page.goto(first.link)
    expect(page.get_by_role("heading")).to_have_text("Welcome, Customer 1")
    shoot(page, "link-welcome")
    page.get_by_role("button", name=BUTTON_WELCOME).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Customer 1")
    expect(page.get_by_text("04E1…")).to_be_visible()
    expect(page.get_by_text("standard")).to_be_visible()
    assert "04E12345" not in page.content()
    assert not is_wider_than_its_window(page)
    shoot(page, "account")

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading")).to_have_text("Sign in")
    page.goto(first.link)
    expect(page.get_by_role("heading")).to_have_text(DEAD)
    shoot(page, "link-dead")

    again = json.loads(manage(*welcome, "--inline", env=env).stdout)
    assert again["left_out"] == {"signed_in": 1, "link_valid": 1}

    cancel_for_run(run)
    page.goto(second.link)
    expect(page.get_by_role("heading")).to_have_text(DEAD)


@pytest.mark.matrix
def test_a_customer_asks_for_a_link_and_signs_in(
    browser: Browser,
    env: dict[str, str],
    live_server: LiveServer,
    mail_server: MailServer,
    run: BackfillRun,
    tmp_path: Path,
) -> None:
    page = browser.new_page(viewport=PHONE)  # type: ignore[arg-type]

    page.goto(live_server.url)
    expect(page.get_by_role("heading")).to_have_text("Sign in")
    shoot(page, "sign-in")
    page.get_by_role("button", name="Send me a link").click()
    expect(page.get_by_role("alert")).to_have_text("Enter your email address.")
    shoot(page, "sign-in-error")
    page.get_by_label("Email address").fill(customers_of(run)[0].email.upper())
    page.get_by_role("button", name="Send me a link").click()
    expect(page.get_by_role("heading")).to_have_text("Look into your inbox")
    shoot(page, "sent")
    with worker(env):
        wait_for(lambda: mail_server.inbox.received)
    mail = mail_server.inbox.received[0]
    open_mail(page, mail, tmp_path)
    assert not is_wider_than_its_window(page)
    shoot(page, "mail-sign-in")
    page.goto(mail.link)
    page.get_by_role("button", name="Sign in").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Customer 1")
