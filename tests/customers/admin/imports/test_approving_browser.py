"""Two people in two browsers: one asks, the other looks and approves, and the first imports."""

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from customers import jobs
from customers.models import BackfillRun, PlanApproval, User
from rehearsal.lago import Sandbox
from tests.customers.admin.imports.test_working_browser import look
from tests.customers.admin.world import (
    IMPORT,
    audited,
    client_of,
    csv_file,
    member_of_staff,
    preview_of,
    preview_url,
)
from tests.customers.commands import command
from tests.customers.factories import row, rows

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.matrix]


@pytest.fixture(autouse=True)
def required(lago: Sandbox, settings: Any) -> None:
    settings.BACKFILL_REQUIRE_APPROVAL = True


@pytest.fixture
def anna() -> User:
    return member_of_staff("run_backfill", "view_backfillrun", email="anna@operator.example")


@pytest.fixture
def bert() -> User:
    return member_of_staff("approve_backfill", email="bert@operator.example")


def page_of(browser: Browser, user: User, live_server: LiveServer) -> Page:
    session = client_of(user).cookies[project.SESSION_COOKIE_NAME].value
    context = browser.new_context()
    context.add_cookies([{"name": project.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])
    return context.new_page()


@pytest.fixture
def pages(browser: Browser, anna: User, bert: User, live_server: LiveServer) -> tuple[Page, Page]:
    return page_of(browser, anna, live_server), page_of(browser, bert, live_server)


def test_one_asks_another_approves_and_the_first_imports(
    pages: tuple[Page, Page], anna: User, bert: User, live_server: LiveServer
) -> None:
    first, second = pages
    upload = preview_of(client_of(anna), csv_file(rows(5)))
    first.goto(live_server.url + preview_url(upload))
    expect(first.get_by_role("button", name="Import 5 rows")).to_be_disabled()
    look(first, "approval-unasked")

    first.get_by_role("button", name="Ask for approval").click()
    expect(first.get_by_text("Waits for approval.")).to_be_visible()
    second.goto(live_server.url + IMPORT + "approvals/")
    look(second, "approvals")
    second.get_by_role("link", name="customers.csv").click()
    expect(second.get_by_role("button", name="Approve")).to_be_visible()
    expect(second.get_by_role("button", name="Save corrections")).to_have_count(0)
    look(second, "approval-of-a-colleague")
    second.get_by_role("button", name="Approve").click()
    expect(second.get_by_text("Nothing waits for approval.")).to_be_visible()

    first.reload()
    expect(first.get_by_text("Approved by")).to_be_visible()
    first.get_by_role("button", name="Import 5 rows").click()
    expect(first.get_by_text("This page follows it.")).to_be_visible()
    run = BackfillRun.objects.get()
    jobs.import_run(run.pk)

    run.refresh_from_db()
    assert run.status == "succeeded"
    assert [one.actor for one in audited("preview.opened")] == [f"staff:{bert.pk}"]
    assert PlanApproval.objects.get().run == run


def test_a_declined_plan_says_why(pages: tuple[Page, Page], anna: User, live_server: LiveServer) -> None:
    first, second = pages
    upload = preview_of(client_of(anna), csv_file(rows(2)))
    first.goto(live_server.url + preview_url(upload))
    first.get_by_role("button", name="Ask for approval").click()

    second.goto(live_server.url + preview_url(upload))
    second.get_by_label("Why it is declined").fill("Wait for the new prices.")
    second.get_by_role("button", name="Decline").click()
    expect(second.get_by_text("Nothing waits for approval.")).to_be_visible()

    first.reload()
    expect(first.get_by_text("Wait for the new prices.")).to_be_visible()
    look(first, "approval-declined")


def test_a_plan_of_the_terminal_has_a_page_of_its_own(
    pages: tuple[Page, Page], live_server: LiveServer, tmp_path: Path
) -> None:
    _, second = pages
    file = tmp_path / "customers.csv"
    file.write_bytes(csv_file([*rows(3), row(4, start_date="2030-01-01"), row(1, id_tag="SECOND1")]))
    command(file, "--dry-run", "--save-plan", str(tmp_path / "plan.json"))

    second.goto(live_server.url + IMPORT + "approvals/")
    second.get_by_role("link", name="customers.csv").click()

    expect(second.get_by_text("where people are known by their login alone")).to_be_visible()
    look(second, "approval-of-the-terminal")
