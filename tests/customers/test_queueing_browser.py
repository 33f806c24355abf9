"""What people see in a real browser while the queue is away."""

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from customers import workers
from customers.models import User
from rehearsal.lago import Sandbox
from tests.customers.factories import csv_text, rows
from tests.support.browser import DESKTOP, PHONE, is_wider_than_its_window, shoot
from tests.support.redis_server import RedisServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PASSWORD = "correct-horse-battery"


def preview(page: Page, live_server: LiveServer) -> None:
    page.goto(f"{live_server.url}/admin/customers/backfillrun/import/")
    page.get_by_label("Email").fill("root@operator.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    file: Any = {"name": "customers.csv", "mimeType": "text/csv", "buffer": csv_text(rows(3)).encode()}
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Preview").click()


def test_an_import_that_is_confirmed_waits_and_says_for_what(
    browser: Browser, live_server: LiveServer, lago: Sandbox, queue: RedisServer
) -> None:
    User.objects.create_superuser("root@operator.example", PASSWORD)
    page = browser.new_page(viewport=DESKTOP)  # type: ignore[arg-type]
    preview(page, live_server)
    queue.kill()
    workers.beat()

    page.get_by_role("button", name="Import 3 rows").click()

    expect(page.get_by_text("It goes on by itself when the queue is back.")).to_be_visible()
    shoot(page, "queue-away-run")
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    assert not is_wider_than_its_window(page)

    page.goto(f"{live_server.url}/admin/")
    expect(page.locator(".pb-tile").filter(has_text="Queue")).to_contain_text("not reachable")
    shoot(page, "queue-away-overview")


@pytest.mark.matrix
def test_the_page_says_it_no_longer_once_the_queue_is_back(
    browser: Browser, live_server: LiveServer, lago: Sandbox, queue: RedisServer
) -> None:
    User.objects.create_superuser("root@operator.example", PASSWORD)
    page = browser.new_page(viewport=DESKTOP)  # type: ignore[arg-type]
    preview(page, live_server)
    queue.kill()
    page.get_by_role("button", name="Import 3 rows").click()
    note = page.get_by_text("It goes on by itself when the queue is back.")
    expect(note).to_be_visible()

    queue.start()

    expect(note).to_have_count(0, timeout=20_000)


def test_a_customer_is_told_that_no_link_is_on_its_way(
    browser: Browser, live_server: LiveServer, queue: RedisServer
) -> None:
    queue.kill()
    page = browser.new_page(viewport=PHONE)  # type: ignore[arg-type]
    page.goto(f"{live_server.url}/sign-in/")
    page.get_by_label("Email address").fill("erika@example.com")

    page.get_by_role("button", name="Send me a link").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Not at this moment")
    assert not is_wider_than_its_window(page)
    shoot(page, "queue-away-customer")
    page.get_by_role("link", name="try again").click()
    expect(page.get_by_label("Email address")).to_be_visible()
