"""Pages that follow something: amended in place, also while the server is away or forgets who is there."""

import pytest
from django.conf import settings as project
from django.test import Client
from playwright.sync_api import Browser, Page, Request, Route, expect
from pytest_django.live_server_helper import LiveServer

from customers import jobs
from customers.models import BackfillRun, User
from rehearsal.lago import Sandbox
from tests.customers.admin.world import client_of, customers_csv, queued, run_url
from tests.support.browser import shoot

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def page(lago: Sandbox, browser: Browser, live_server: LiveServer) -> Page:
    """The page of a run that waits for its worker."""
    client: Client = client_of(User.objects.create_superuser("root@operator.example"))
    run = queued(client, customers_csv(3))
    session = client.cookies[project.SESSION_COOKIE_NAME].value
    context = browser.new_context()
    context.add_cookies([{"name": project.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])
    page = context.new_page()
    page.goto(f"{live_server.url}{run_url(run)}")
    return page


AMENDED = """
() => {
  const made = (html) => new DOMParser().parseFromString(`<div>${html}</div>`, "text/html").body.firstChild;
  const html = (news) => `${news}<details><summary>more</summary>${news}</details><p>said <b>twice</b></p>
    <form action="/a"><input name="a"><button>a</button></form><a href="/${news.length}">go</a>`;
  const [before, after] = [made(html("")), made(html("<p>news</p>"))];
  const shown = document.importNode(before, true);
  document.body.append(shown);
  const [fold, words, typed, link] = ["details", "b", "input", "a"].map((one) => shown.querySelector(one));
  fold.open = true;
  typed.value = "typed";
  typed.focus();
  getSelection().selectAllChildren(words);
  typed.setAttribute("aria-busy", "true");
  amend(shown, before, after);
  return [shown.querySelectorAll("p").length, fold.open, shown.contains(typed), typed.value,
    typed.getAttribute("aria-busy"), document.activeElement === typed, String(getSelection()),
    shown.contains(link)];
}
"""


def away(route: Route) -> None:
    route.abort("connectionrefused")


def test_rows_appear_where_somebody_is_reading_and_typing(page: Page) -> None:
    page.goto(f"{page.url}?q=C-2#rows")
    box = page.get_by_role("searchbox", name="external_id or line")
    box.press_sequentially("34")
    page.evaluate("document.body.dataset.loaded = 'once'")
    expect(page.get_by_text("No such row yet.")).to_be_visible()

    jobs.import_run(BackfillRun.objects.get().pk)
    expect(page.get_by_role("status")).to_contain_text("The run is succeeded.")

    expect(page.locator("#rows tbody tr")).to_have_count(1)
    expect(page.locator("#line-3")).to_contain_text("created")
    expect(box).to_be_focused()
    expect(box).to_have_value("34C-2")
    assert page.evaluate("document.body.dataset.loaded") == "once"
    assert page.locator("[data-follow]").count() == 0


@pytest.mark.matrix
def test_it_is_asked_for_less_often_with_time(page: Page) -> None:
    asked: list[Request] = []
    page.clock.install()
    page.goto(page.url)
    page.on(
        "requestfinished", lambda request: asked.append(request) if "x-follow" in request.headers else None
    )

    def number_after(s: int) -> int:
        page.clock.fast_forward(s * 1000)
        page.wait_for_timeout(500)  # of the real time, for the answer
        return len(asked)

    assert [number_after(s) for s in (2, 2, 600, 14, 2)] == [1, 2, 3, 3, 4]


def test_what_the_server_did_not_change_is_left_alone(page: Page) -> None:
    assert page.evaluate(AMENDED) == [3, True, True, "typed", "true", True, "twice", False]


def test_a_page_says_that_it_is_old_and_why(page: Page) -> None:
    lost = page.get_by_role("status").locator(".pb-lost")
    expect(page.get_by_text("0 of 3 rows")).to_be_visible()

    page.route("**/*", away)
    expect(lost).to_contain_text("Connection lost: trying again by itself. This is as it was at")
    assert page.locator(".pb-followed").evaluate("one => getComputedStyle(one).opacity") == "0.45"
    shoot(page, "console-stale")

    page.unroute("**/*", away)
    expect(lost).to_have_count(0)
    assert page.locator(".pb-followed").evaluate("one => getComputedStyle(one).opacity") == "1"

    page.context.clear_cookies()
    expect(lost).to_contain_text("Signed out: sign in again. This is as it was at")


@pytest.mark.matrix
def test_a_page_that_waits_does_not_go_away_with_the_server(page: Page) -> None:
    page.goto(page.url.replace("/change/", "/reconcile/"))
    page.get_by_role("button", name="Reconcile now").click()
    expect(page.locator(".pb-followed").get_by_text("Queued.")).to_be_visible()

    page.route("**/*", away)

    expect(page.get_by_text("Connection lost")).to_be_visible()
    expect(page.locator(".pb-followed").get_by_text("Queued.")).to_be_visible()
