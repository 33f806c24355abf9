"""Who was told of a run, in a real browser: what failed is tried again by a button."""

import pytest
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from customers.backfill.ledger import life
from customers.backfill.notices.delivering import deliver_due
from customers.models import User
from tests.customers.imported_runs import make_run
from tests.support.browser import DESKTOP, PHONE, is_wider_than_its_window, shoot
from tests.support.receiver import Receiver
from tests.support.smtp_server import Inbox

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.matrix]

PASSWORD = "correct-horse-battery"


def test_what_failed_is_tried_again_and_the_page_fits_a_phone(
    browser: Browser, live_server: LiveServer, receiver: Receiver, inbox: Inbox
) -> None:
    root = User.objects.create_superuser("root@operator.example", PASSWORD, display_name="Ada")
    run = make_run(3, status="running", actor=f"staff:{root.pk}")
    receiver.answers = [200, 410, 404, 200]
    for status in ("canary", "running", "paused", "running", "succeeded"):
        run.status = "running"
        run.save()
        if status != "running":
            life.finish(run, status, actor=run.actor)
            deliver_due()
    page = browser.new_page(viewport=DESKTOP)  # type: ignore[arg-type]
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)

    page.goto(f"{live_server.url}/admin/customers/backfillrun/{run.pk}/change/")
    page.get_by_label("Email").fill("root@operator.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("#told")).to_contain_text("Import finished, by mail to Ada: delivered on")
    expect(page.locator("#told")).to_contain_text("given up after 1 try: it answers 410")
    shoot(page, "told")
    page.get_by_role("button", name="Try again").first.click()
    expect(page.get_by_text("It is tried again by the worker.")).to_be_visible()
    deliver_due()
    page.reload()

    expect(page.get_by_role("button", name="Try again")).to_have_count(1)
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    assert not is_wider_than_its_window(page)
    assert complaints == []
