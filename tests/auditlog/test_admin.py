"""The audit log in the admin: to read and to take along."""

import csv
import io
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from auditlog.export import safe_cell
from auditlog.models import AuditEntry, Event, record
from customers.models import User
from tests.customers.admin.world import client_of, member_of_staff, words_of

pytestmark = pytest.mark.django_db

LOG = "/admin/auditlog/auditentry/"


@pytest.fixture
def client(db: None) -> Client:
    record("backfill:1", "cli:root", [Event("user.created", "customer:C-1", {"line": 2})])
    record("backfill:2", "staff:7", [Event("run.stopped", "run:2")])
    return client_of(member_of_staff("view_auditentry"))


def exported(client: Client, **query: str) -> list[dict[str, str]]:
    answer = client.get(f"{LOG}export/", query)
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(text)))


def test_the_newest_entries_come_first(client: Client) -> None:
    page = client.get(LOG)

    assert [entry.tag for entry in page.context["cl"].result_list] == ["backfill:2", "backfill:1"]
    assert "line: 2" in words_of(page)


@pytest.mark.parametrize(
    "query",
    [
        {"what": "run.stopped"},
        {"tag": "backfill:2"},
        {"actor": "staff:7"},
        {"q": "backfill:2"},
        {"q": "run:2"},
        {"q": "staff:7"},
    ],
)
def test_entries_are_filtered_and_searched(client: Client, query: dict[str, str]) -> None:
    page = client.get(LOG, query)

    assert [entry.action for entry in page.context["cl"].result_list] == ["run.stopped"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"at_from_0": "2026-11-23", "at_from_1": "00:00"}, ["later"]),
        ({"at_from_0": "2026-11-23"}, ["later"]),
        ({"at_to_0": "2026-11-24"}, ["later", "run.stopped", "user.created"]),
        ({"at_to_0": "2026-11-23"}, ["run.stopped", "user.created"]),
        ({"at_from_0": "nonsense"}, ["later", "run.stopped", "user.created"]),
    ],
)
def test_entries_are_filtered_by_time(client: Client, query: dict[str, str], found: list[str]) -> None:
    AuditEntry.objects.bulk_create([AuditEntry(tag="t", actor="a", action="later")])
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE auditlog_auditentry DISABLE TRIGGER auditlog_no_change")
        AuditEntry.objects.filter(action="later").update(at=datetime(2026, 11, 24, tzinfo=UTC))
        AuditEntry.objects.exclude(action="later").update(at=datetime(2026, 11, 22, tzinfo=UTC))
        cursor.execute("ALTER TABLE auditlog_auditentry ENABLE ALWAYS TRIGGER auditlog_no_change")

    page = client.get(LOG, query)

    assert [entry.action for entry in page.context["cl"].result_list] == found


def test_people_are_told_by_name_and_what_is_no_person_by_its_word(client: Client) -> None:
    ann = User.objects.create_user("ann@operator.example", role="staff", display_name="Ann")
    gone = User.objects.create_user("gone@operator.example", role="staff", display_name="Gone")
    carla = User.objects.create_user("carla@example.com", display_name="Carla", external_id="C-9")
    record("t", f"staff:{ann.pk}", [Event("user.changed", f"user:{carla.pk}")])
    record("t", f"staff:{gone.pk}", [Event("user.changed", "customer:C-9")])
    record("t", f"customer:{carla.pk}", [Event("sign_in.used", f"user:{carla.pk}")])
    number = gone.pk
    gone.delete()

    page = client.get(LOG, {"tag": "t"})

    assert [(one.told.who, one.told.about) for one in page.context["cl"].result_list] == [
        ("C-9", "C-9"),
        (f"staff {number}, deleted", "customer:C-9"),
        ("Ann", "C-9"),
    ]
    assert "Signed in by link sign_in.used" in words_of(page)
    assert "cli:root" in words_of(client.get(LOG, {"tag": "backfill:1"}))
    assert "Carla" not in words_of(page)


def test_people_in_the_details_are_told_by_name_too(client: Client) -> None:
    ann = User.objects.create_user("ann@example.com", role=User.Role.STAFF, display_name="Ann Admin")
    record("t", "cli:bert", [Event("run.approved", "run:1", {"plan": "ab12", "asked_by": f"staff:{ann.pk}"})])

    page = words_of(client.get(LOG, {"tag": "t"}))

    assert "plan: ab12, asked by: Ann Admin" in page


def test_entries_are_found_by_the_name_of_who_acted(client: Client) -> None:
    ann = User.objects.create_user("ann@operator.example", role="staff", display_name="Ann Tester")
    record("t", f"staff:{ann.pk}", [Event("group.changed", "group:1")])

    page = client.get(LOG, {"q": "ann test"})

    assert [entry.action for entry in page.context["cl"].result_list] == ["group.changed"]


def test_a_time_is_said_as_people_say_it_and_exactly_on_hover(client: Client) -> None:
    at = AuditEntry.objects.latest("pk").at

    page = client.get(LOG).content.decode()

    assert f'title="{at:%Y-%m-%d %H:%M:%S} UTC">just now</time>' in page


def test_the_export_has_what_the_list_shows(client: Client) -> None:
    (entry,) = exported(client, what="user.created")

    assert (entry["tag"], entry["actor"], entry["subject"]) == ("backfill:1", "cli:root", "customer:C-1")
    assert entry["data"] == '{"line": 2}'


def test_the_export_has_all_pages(client: Client) -> None:
    record("many", "worker", [Event("a.b", f"customer:{number}") for number in range(250)])

    assert len(exported(client, what="a.b")) == 250


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_the_export_runs_nothing_in_a_spreadsheet(client: Client, formula: str) -> None:
    record("hostile", "worker", [Event("a.b", formula)])

    (entry,) = exported(client, what="a.b")

    assert entry["subject"] == f"'{formula}"


def test_a_harmless_cell_stays_as_it_is() -> None:
    assert safe_cell("customer:=1") == "customer:=1"


def test_html_in_an_entry_is_shown_as_text(client: Client) -> None:
    record("hostile", "worker", [Event("a.b", "<script>alert(1)</script>", {"x": "<script>alert(2)"})])

    page = client.get(LOG).content.decode()

    assert "<script>alert" not in page


def test_an_entry_can_be_looked_at_and_not_changed(client: Client) -> None:
    entry = AuditEntry.objects.latest("pk")

    page = client.get(f"{LOG}{entry.pk}/change/")

    assert page.status_code == 200
    assert b"_save" not in page.content
    assert client.post(f"{LOG}{entry.pk}/change/", {"actor": "somebody"}).status_code == 403


def test_the_list_takes_as_many_queries_for_many_entries_as_for_few(client: Client) -> None:
    client.get(LOG)
    with CaptureQueriesContext(connection) as with_two:
        client.get(LOG)
    record("many", "worker", [Event("run.stopped", f"customer:{number}") for number in range(90)])

    with CaptureQueriesContext(connection) as with_many:
        client.get(LOG)

    assert len(with_many) == len(with_two)
