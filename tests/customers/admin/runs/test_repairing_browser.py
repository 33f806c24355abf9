"""A repair as a browser shows it."""

from typing import Any, Literal

import pytest
from django.conf import settings as project
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from customers.jobs import run_job
from customers.models import IdTagMapping, RunJob
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.customers import factories
from tests.customers.admin.world import EVERYTHING, client_of, member_of_staff, run_url
from tests.customers.backfill.steve.world import divergences, run_of, tags
from tests.customers.factories import imported, rows
from tests.support.browser import DESKTOP, PHONE, is_wider_than_its_window, shoot

pytestmark = [pytest.mark.browser, pytest.mark.django_db, pytest.mark.matrix]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_read_is_confirmed_and_done(
    lago: Sandbox,
    steve: SteveSandbox,
    by_hand: Any,
    browser: Browser,
    live_server: LiveServer,
    scheme: Literal["light", "dark"],
) -> None:
    run = run_of(imported([*rows(5), factories.row(5, id_tag="TAG0006")]))
    by_hand.delete("/subscriptions/backfill-C-3?on_termination_invoice=skip&on_termination_credit_note=skip")
    by_hand.post("/customers", {"customer": {"external_id": "C-4", "email": "other@example.com"}})
    IdTagMapping.objects.filter(id_tag__in=["TAG0001", "TAG0003"]).update(is_active=False)
    IdTagMapping.objects.filter(id_tag="TAG0006").delete()
    steve.world.delete_tag(tags(steve)["TAG0002"]["ocppTagPk"])
    client = client_of(member_of_staff(*EVERYTHING))
    cookie = client.cookies[project.SESSION_COOKIE_NAME].value
    context = browser.new_context(viewport=DESKTOP, color_scheme=scheme)  # type: ignore[arg-type]
    context.add_cookies([{"name": project.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])
    page = context.new_page()

    page.goto(live_server.url + run_url(run, "repair"))
    page.get_by_role("button", name="Look what it would do").click()
    expect(page.get_by_text("Looking at everything the run made: queued.")).to_be_visible()
    run_job(RunJob.objects.latest("pk").pk)
    expect(page.get_by_text("3 things in 3 rows can be repaired.")).to_be_visible()
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    assert not is_wider_than_its_window(page)
    shoot(page, f"admin-repair-{scheme}")
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
    page.get_by_role("checkbox", name="line 3").uncheck()
    page.get_by_role("button", name="Repair what is ticked").click()
    expect(page.get_by_text("Repair: queued")).to_be_visible()
    run_job(RunJob.objects.latest("pk").pk)
    expect(page.get_by_text("1 row left out")).to_be_visible()
    page.goto(live_server.url + run_url(run, "repair"))
    expect(page.get_by_text("The run has changed since it was looked at. Look again.")).to_be_visible()
    shoot(page, f"admin-repaired-{scheme}")

    assert sorted(divergences(run)) == [
        ("id_tag_mapping", "inactive"),
        ("lago_customer", "email_drifted"),
        ("lago_subscription", "terminated"),
        ("steve_id_tag", "missing"),
    ]
    context.close()
