"""The first customers in a browser: chosen, looked at, and the rest continued, at a desk and on a phone."""

import pytest
from django.conf import settings as project
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from customers import jobs
from customers.models import BackfillRun, RunJob
from rehearsal.lago import Sandbox
from tests.customers.admin.world import EVERYTHING, IMPORT, client_of, csv_file, member_of_staff
from tests.customers.backfill.engine.test_canary import FIRST, people, twenty
from tests.support.accessibility import faults_of, too_wide
from tests.support.browser import DESKTOP, PHONE, is_wider_than_its_window, shoot

pytestmark = [pytest.mark.browser, pytest.mark.django_db, pytest.mark.matrix]


@pytest.fixture
def page(lago: Sandbox, browser: Browser, live_server: LiveServer) -> Page:
    cookie = client_of(member_of_staff(*EVERYTHING)).cookies[project.SESSION_COOKIE_NAME].value
    context = browser.new_context(viewport=DESKTOP)  # type: ignore[arg-type]
    context.add_cookies([{"name": project.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])
    return context.new_page()


def look(page: Page, name: str) -> None:
    """See that the page fits a desk and a phone, and keep pictures of it in light and dark."""
    assert too_wide(page) == [], name
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    assert not is_wider_than_its_window(page), name
    for theme in ("dark", "light"):
        page.evaluate(f"document.documentElement.classList.toggle('dark', {str(theme == 'dark').lower()})")
        shoot(page, f"canary-{name}-{theme}")
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]


def work() -> None:
    for job in RunJob.objects.unfinished():
        jobs.run_job(job.pk)


def test_five_go_in_are_looked_at_and_the_rest_follows(page: Page, live_server: LiveServer) -> None:
    page.goto(live_server.url + IMPORT)
    file = {"name": "customers.csv", "mimeType": "text/csv", "buffer": csv_file(twenty())}
    page.locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]
    page.get_by_role("button", name="Preview", exact=True).click()
    page.get_by_label("First customers only").fill("5")
    look(page, "preview")
    page.get_by_role("button", name="Import 20 rows").click()
    page.wait_for_url("**/change/**")
    run = BackfillRun.objects.get()
    jobs.import_run(run.pk)
    page.reload()
    expect(page.get_by_text("13 rows of the file wait, and nothing of them has been begun")).to_be_visible()
    look(page, "waiting")
    assert people() == FIRST

    for name in ("Reconcile", "Verify"):
        page.get_by_role("button", name=name, exact=True).click()
        page.wait_for_load_state()
        work()
        page.goto(f"{live_server.url}/admin/customers/backfillrun/{run.pk}/change/")
    assert faults_of(page) == []
    look(page, "looked-at")
    page.get_by_role("button", name="Continue with the rest").click()
    expect(page.get_by_text("waiting for the worker")).to_be_visible()
    jobs.import_run(run.pk)
    page.reload()

    expect(page.locator(".pb-big")).to_have_text("succeeded")
    assert len(people()) == 18
