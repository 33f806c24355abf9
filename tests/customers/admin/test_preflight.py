"""The page that looks at everything before a night: what the command says, for whoever may import."""

import time
from typing import Any

import pytest
from django.test import Client

from customers.admin.wording import in_console
from customers.backfill.preflight import parts
from customers.backfill.preflight.asked import Asked
from customers.workers import beat
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.customers.admin.world import EVERYTHING, client_of, member_of_staff, text_of, words_of
from tests.customers.undoing import all_rows, called
from tests.support.smtp_server import Inbox

pytestmark = pytest.mark.django_db
PAGE = "/admin/customers/backfillrun/preflight/"


@pytest.fixture
def client(steve: SteveSandbox, inbox: Inbox) -> Client:
    beat()
    return client_of(member_of_staff(*EVERYTHING))


def test_the_overview_leads_there_for_those_who_may_import(client: Client) -> None:
    assert f'href="{PAGE}"' in text_of(client.get("/admin/"))
    assert PAGE not in text_of(client_of(member_of_staff("view_backfillrun", email="v@x.org")).get("/admin/"))


@pytest.mark.parametrize("page", [PAGE, f"{PAGE}lago/"])
def test_others_may_not_look(lago: Sandbox, page: str) -> None:
    answer = client_of(member_of_staff("view_backfillrun", "send_welcome", "revert_backfill")).get(page)

    assert answer.status_code == 403
    assert not lago.counts()


def test_the_page_itself_asks_nobody(client: Client, lago: Sandbox, steve: SteveSandbox) -> None:
    words = words_of(client.get(PAGE))

    assert words.count("looking…") == len(parts(Asked()))
    assert not lago.counts()
    assert not steve.counts()


def test_each_system_is_asked_by_itself(client: Client, lago: Sandbox, steve: SteveSandbox) -> None:
    told = words_of(client.get(f"{PAGE}lago/"))

    assert told.startswith("Lago ✓ answers Sandbox Charging at ")
    assert not steve.counts()


def test_what_does_not_answer_is_said_in_its_place(client: Client, lago: Sandbox) -> None:
    lago.stop()

    assert words_of(client.get(f"{PAGE}lago/")).startswith("Lago STOP answers ")
    assert words_of(client.get(f"{PAGE}steve/")).startswith("SteVe ✓ answers ")


def test_systems_that_hang_are_told_before_a_proxy_gives_the_page_up(
    client: Client, lago: Sandbox, steve: SteveSandbox, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long one call may take by the settings."""
    settings.STEVE_TIMEOUT_S = 120
    monkeypatch.setattr("customers.admin.preflight.WITHIN_S", 0.5)
    for system in (lago, steve):
        system.fault("pause_before,times=20")
    began = time.monotonic()

    told = words_of(client.get(f"{PAGE}?look=1"))

    assert time.monotonic() - began < 20
    assert "Lago STOP answers" in told
    assert "SteVe STOP answers" in told


def test_a_system_that_there_is_not_is_not_found(client: Client) -> None:
    assert client.get(f"{PAGE}elsewhere/").status_code == 404


def test_page_and_command_say_the_same(client: Client, lago: Sandbox, settings: Any) -> None:
    lago.set_organization(version="v1.20.0")
    settings.EMAIL_FROM = ""

    words = words_of(client.get(f"{PAGE}?look=now"))

    marks = {"ok": "✓", "warning": "warning", "stop": "STOP"}
    checks = called("backfill_preflight", "--format", "json").json["checks"]
    assert {"ok", "warning", "stop"} == {one["state"] for one in checks}
    for one in checks:
        if "about" not in one["found"] and "MB free" not in one["found"]:  # which change meanwhile
            assert f"{marks[one['state']]} {one['name']} {in_console(one['found'])}" in words
            assert in_console(one["remedy"]) in words


def test_looking_writes_nothing(client: Client) -> None:
    before = all_rows()

    client.get(f"{PAGE}?look=now")

    assert all_rows() == before
