"""Every page of the console, as people with other eyes and hands meet it: axe-core finds nothing serious."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as project
from django.db import connections
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from auditlog.models import AuditEntry
from customers import jobs
from customers.backfill.welcome import send_campaign
from customers.models import BackfillRun, IdTagMapping, RunJob, User, WelcomeCampaign
from rehearsal.lago import Sandbox
from tests.customers.admin.world import client_of, csv_file, preview_of, preview_url, queued, run_url
from tests.customers.factories import imported, row, rows
from tests.support.accessibility import faults_of, too_wide
from tests.support.browser import chromium, shoot
from tests.support.keyboard import tab_to

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

RUNS = "/admin/customers/backfillrun/"
LONG = "X" * 200
OUTSIDE = {"login": "/admin/login/", "sign-in": "/sign-in/", "nothing": "/nothing/"}


@pytest.fixture
def client(lago: Sandbox, settings: Any) -> Client:
    settings.EMAIL_FROM = "Polaris <noreply@example.com>"
    return client_of(User.objects.create_superuser("root@operator.example"))


@pytest.fixture
def page(client: Client, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """A browser that is signed in already."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # Playwright's own loop runs in this thread
    with chromium() as browser:
        yield signed_in(browser, client, live_server)
        connections.close_all()  # those that were made while that loop ran


def signed_in(browser: Browser, client: Client, live_server: LiveServer) -> Page:
    context = browser.new_context()
    session = client.cookies[project.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": project.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])
    return context.new_page()


def work() -> None:
    for job in RunJob.objects.unfinished():
        jobs.run_job(job.pk)


@pytest.fixture
def addresses(client: Client) -> dict[str, str]:
    """Every page of the console by a name, with something to see on each."""
    done, failed = (
        imported([*rows(3), row(4, external_id=LONG)]).run,
        imported([row(5), row(6, plan_code="gold")], allow_partial=True).run,
    )
    assert done
    assert failed
    User.objects.filter(external_id="C-1").update(last_login=timezone.now() + timedelta(minutes=1))
    with_problems = preview_of(
        client,
        csv_file([row(7, plan_code="Standard"), row(8, start_date="2090-01-01"), row(9, id_tag="abcdef12")]),
    )
    for name in ("reconcile", "revert_look"):
        client.post(run_url(done, name))
    work()
    RunJob.objects.filter(kind="reconcile").update(
        result={
            **RunJob.objects.get(kind="reconcile").result,
            "divergences_total": 1,
            "divergences": [
                {
                    "line": [5],
                    "external_id": [LONG],
                    "number": 1,
                    "step": "user",
                    "adopted": False,
                    "kind": "missing",
                    "expected": "a customer",
                    "found": "none",
                    "remedy": "Look.",
                }
            ],
        }
    )
    kept = BackfillRun.objects.create(
        **{name: getattr(done, name) for name in ("input_sha256", "world", "options", "input_rows")},
        run_id="20261122-170501-7f3a", actor="cli:tester", input_name=f"{LONG}.csv", status="reverted",
        finished_at=timezone.now(),
    )  # fmt: skip
    left = kept.rows.create(line=2, external_id=LONG, plan_code=LONG, outcome="created")
    left.steps.create(name="user", state="kept", code="kept_active")
    waits = queued(client, csv_file([row(10)]))
    customer, staff = User.objects.get(external_id=LONG), User.objects.get(is_superuser=True)
    return {
        "overview": "/admin/",
        "import": f"{RUNS}import/",
        "before-the-night": f"{RUNS}preflight/?look=now",
        "preview": preview_url(with_problems),
        "runs": RUNS,
        "run": run_url(done),
        "run-partial": run_url(failed),
        "run-reverted": run_url(kept),
        "run-queued": run_url(waits),
        "reconcile": run_url(done, "reconcile"),
        "welcome": run_url(done, "welcome"),
        "revert": run_url(done, "revert"),
        "customers": "/admin/customers/customer/",
        "customer": f"/admin/customers/customer/{customer.pk}/change/",
        "id-tags": "/admin/customers/idtagmapping/",
        "id-tag": f"/admin/customers/idtagmapping/{IdTagMapping.objects.earliest('pk').pk}/change/",
        "audit-log": "/admin/auditlog/auditentry/",
        "audit-entry": f"/admin/auditlog/auditentry/{AuditEntry.objects.latest('pk').pk}/change/",
        "staff": "/admin/customers/user/",
        "staff-one": f"/admin/customers/user/{staff.pk}/change/",
        "staff-add": "/admin/customers/user/add/",
        "groups": "/admin/auth/group/",
        "groups-add": "/admin/auth/group/add/",
        "password": "/admin/password_change/",
        "not-found": "/admin/nothing/",
    }


def test_axe_finds_nothing_serious_on_any_page_and_long_ids_push_nothing_off_it(
    page: Page, addresses: dict[str, str], live_server: LiveServer
) -> None:
    found: dict[str, list[str]] = {}
    for name, address in addresses.items():
        page.goto(f"{live_server.url}{address}")
        if faults := [*faults_of(page), *too_wide(page)]:
            found[name] = faults
        shoot(page, f"console-{name}")
    page.context.clear_cookies()
    for name, address in OUTSIDE.items():
        page.goto(f"{live_server.url}{address}")
        if faults := faults_of(page):
            found[name] = faults
        shoot(page, f"console-{name}")

    assert not found, "\n".join(f"{name}: {fault}" for name, faults in found.items() for fault in faults)


def test_the_keyboard_reaches_the_menus(page: Page, client: Client, live_server: LiveServer) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"{live_server.url}/admin/customers/customer/")

    assert page.get_by_role("main").count() == 1
    tab_to(page, "dock_to_right")
    for shown in (False, True):
        page.keyboard.press("Enter")
        expect(page.locator("#nav-sidebar")).to_be_visible(visible=shown)
    tab_to(page, "Filters")
    page.keyboard.press("Enter")
    expect(page.locator("#changelist-filter")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#changelist-filter")).to_be_hidden()

    tab_to(page, "root@operator.example")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Log out")).to_be_visible()
    tab_to(page, "Dark")
    page.keyboard.press("Enter")
    assert "dark" in (page.locator("html").get_attribute("class") or "")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Log out")).to_be_hidden()


def test_whom_a_tick_means_is_counted_as_it_is_set(
    page: Page, client: Client, live_server: LiveServer, lago: Sandbox
) -> None:
    run = imported(rows(2)).run
    assert run is not None
    client.post(run_url(run, "welcome"), {"batch_size": "50", "delay_ms": "0"})
    send_campaign(WelcomeCampaign.objects.get().pk)
    page.goto(f"{live_server.url}{run_url(run, 'welcome')}")
    expect(page.get_by_text("0 customers of this run would be invited")).to_be_visible()

    page.get_by_label("Also to those whose link still works").check()
    expect(page.get_by_text("2 customers of this run would be invited")).to_be_visible()
    page.get_by_role("button", name="Send 2 mails").click()
    expect(page.get_by_role("button", name="Yes, send 2 mails")).to_be_visible()

    assert WelcomeCampaign.objects.count() == 1
