"""Every page of the console, as people with other eyes and hands meet it: axe-core finds nothing serious."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as project
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from auditlog.models import AuditEntry
from customers import jobs
from customers.backfill.welcome import send_campaign
from customers.models import BackfillMapping, BackfillRun, IdTagMapping, RunJob, User, WelcomeCampaign
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.customers.admin.imports.test_columns import to_map
from tests.customers.admin.imports.test_columns import url as url_of_columns
from tests.customers.admin.world import (
    client_of,
    csv_file,
    member_of_staff,
    preview_of,
    preview_url,
    queued,
    run_url,
)
from tests.customers.backfill.steve.world import CHARGE_BOX
from tests.customers.factories import imported, row, rows
from tests.support.accessibility import faults_of, too_wide
from tests.support.browser import PHONE, is_wider_than_its_window, shoot
from tests.support.keyboard import tab_to

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

RUNS = "/admin/customers/backfillrun/"
LONG = "X" * 200
NOBODY = "nobody@operator.example"
OUTSIDE = {"login": "/admin/login/", "sign-in": "/sign-in/", "nothing": "/nothing/"}


@pytest.fixture
def client(lago: Sandbox, steve: SteveSandbox, settings: Any) -> Client:
    settings.EMAIL_FROM = "Polaris <noreply@example.com>"
    return client_of(User.objects.create_superuser("root@operator.example"))


@pytest.fixture
def page(client: Client, browser: Browser, live_server: LiveServer) -> Page:
    """A browser that is signed in already."""
    return signed_in(browser, client, live_server)


def signed_in(browser: Browser, client: Client, live_server: LiveServer) -> Page:
    page = browser.new_context().new_page()
    enter(page, client, live_server)
    return page


def enter(page: Page, client: Client, live_server: LiveServer) -> None:
    name = project.SESSION_COOKIE_NAME
    session = client.cookies[name].value
    page.context.add_cookies([{"name": name, "value": session, "url": live_server.url}])


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
    for name in ("reconcile", "revert_look", "verify"):
        client.post(run_url(done, name))
    client.post(run_url(done, "welcome"), {"batch_size": "50", "delay_ms": "0"})
    work()
    send_campaign(WelcomeCampaign.objects.get().pk)
    mapping = BackfillMapping.objects.create(name=LONG[:100], content='[fields]\nemail = "Mail"\n')
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
        "compare": f"{RUNS}compare/",
        "before-the-night": f"{RUNS}preflight/?look=now",
        "preview": preview_url(with_problems),
        "runs": RUNS,
        "run": run_url(done),
        "run-partial": run_url(failed),
        "run-reverted": run_url(kept),
        "run-queued": run_url(waits),
        "columns": url_of_columns(to_map(client)),
        "mappings": "/admin/customers/backfillmapping/",
        "mapping": f"/admin/customers/backfillmapping/{mapping.pk}/change/",
        "reconcile": run_url(done, "reconcile"),
        "verify": run_url(done, "verify"),
        "cards": run_url(done, "cards"),
        "charge": run_url(done, "charge"),
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


@pytest.mark.matrix
def test_axe_finds_nothing_serious_on_any_page_and_long_ids_push_nothing_off_it(
    page: Page, addresses: dict[str, str], live_server: LiveServer
) -> None:
    found: dict[str, list[str]] = {}

    def look(name: str, *more: str) -> None:
        faults = [*faults_of(page), *more]
        page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        if is_wider_than_its_window(page):
            faults.append("is wider than a phone")
        if faults:
            found[name] = faults
        shoot(page, f"console-{name}")

    for name, address in addresses.items():
        page.goto(f"{live_server.url}{address}")
        look(name, *too_wide(page))
    compare(page, live_server.url + addresses["compare"])
    look("compared", *too_wide(page))
    ask_to_charge(page, live_server.url + addresses["charge"])
    look("charge-confirmed-first")
    ask_to_mail_again(page, live_server.url + addresses["welcome"])
    look("mail-confirmed-first")
    page.context.clear_cookies()
    for name, address in OUTSIDE.items():
        page.goto(f"{live_server.url}{address}")
        look(name)
    be_locked_out(page, f"{live_server.url}/admin/login/")
    look("locked-out")
    enter(page, client_of(member_of_staff("view_customer")), live_server)
    page.goto(live_server.url + addresses["import"])
    look("forbidden")

    assert not found, "\n".join(f"{name}: {fault}" for name, faults in found.items() for fault in faults)


def compare(page: Page, address: str) -> None:
    """Hold a later export against what is imported: somebody left, joined, changed plan, name and card."""
    page.goto(address)
    given = [
        row(1, plan_code="fleet"),
        row(2, id_tag="NEW0002", display_name="X Y"),
        row(40),
        row(41, start_date="-"),
    ]
    later = {"name": "later.csv", "mimeType": "text/csv", "buffer": csv_file(given)}
    page.locator("input[type=file]").set_input_files(later)  # type: ignore[arg-type]
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("heading", name="Joined: 2")).to_be_visible()


def ask_to_charge(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_label("idTag").fill(IdTagMapping.objects.earliest("pk").id_tag)
    page.get_by_label("Charge box").fill(CHARGE_BOX)
    page.get_by_role("button", name="See what it does").click()
    expect(page.get_by_role("button", name="Charge 1 kWh")).to_be_visible()


def ask_to_mail_again(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_label("Also to those whose link still works").check()
    page.get_by_role("button", name=re.compile("Send [1-9]")).click()
    expect(page.get_by_role("button", name="Yes, send")).to_be_visible()


def be_locked_out(page: Page, address: str) -> None:
    for _ in range(project.AXES_FAILURE_LIMIT - 1):
        Client().post("/admin/login/", {"username": NOBODY, "password": "x"})
    page.goto(address)
    page.get_by_label("Email").fill(NOBODY)
    page.get_by_label("Password").fill("x")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("Too many wrong passwords").first).to_be_visible()


def test_paper_is_light_whatever_the_screen_is(page: Page, live_server: LiveServer) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto(live_server.url + RUNS)
    expect(page.locator("html")).to_have_class("dark")

    page.emulate_media(media="print")
    expect(page.locator("html")).not_to_have_class("dark")
    page.emulate_media(media="screen")

    expect(page.locator("html")).to_have_class("dark")


@pytest.mark.parametrize("path", ["/admin/auditlog/auditentry/", "/admin/customers/customer/"])
def test_a_list_keeps_within_a_small_screen(page: Page, live_server: LiveServer, path: str) -> None:
    given = [row(1, external_id="C-1", id_tag=f"LONGERTAG-{n:010}") for n in range(1, 4)]
    imported([{**one, "email": f"{'long-' * 8}1@example.com"} for one in given])
    page.set_viewport_size({"width": 1280, "height": 800})

    page.goto(live_server.url + path)

    expect(page.locator("#result_list")).to_be_visible()
    wide = "one => one.closest('.simplebar-content-wrapper') ?? document.documentElement"
    assert (
        page.locator("#result_list").evaluate(
            f"one => (({wide})(one)).scrollWidth - (({wide})(one)).clientWidth"
        )
        <= 1
    )


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
