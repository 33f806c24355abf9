"""The page that compares a later file with what is imported."""

import re
from base64 import b64decode
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from auditlog.models import AuditEntry
from customers.models import BackfillMapping
from rehearsal.lago import Sandbox
from tests.customers.admin.world import client_of, csv_file, member_of_staff, text_of
from tests.customers.factories import Row, imported, row, rows
from tests.customers.undoing import all_rows, latest_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(lago: Sandbox) -> Client:
    imported(rows(3))
    return client_of(member_of_staff("run_backfill"))


def compared(client: Client, given: list[Row], name: str = "later.csv", **options: Any) -> str:
    file = SimpleUploadedFile(name, csv_file(given))
    answer = client.post(reverse("admin:customers_backfillrun_compare"), {"file": file, **options})
    assert answer.status_code == 200
    return text_of(answer)


def carried(page: str) -> dict[str, str]:
    """Give the files that a page carries."""
    found = re.findall(r'<a href="data:[^;]+;base64,([^"]+)" download="([^"]+)"', page)
    return {name: b64decode(content).decode() for content, name in found}


def test_it_says_who_joined_who_left_and_what_changed(client: Client) -> None:
    page = compared(client, [row(1, plan_code="fleet"), row(3, email="new@example.com"), row(4)])

    for words in ("Left: 1", "Joined: 1", "Another plan: 1", "Another address: 1", "new@example.com"):
        assert words in page
    assert "40.00 EUR a month more" in page


def test_it_carries_the_files_that_the_next_pages_take(client: Client) -> None:
    files = carried(compared(client, [row(1), row(2), row(4)]))

    assert files["left.csv"].split() == ["external_id", "C-3"]
    assert files["joined.csv"].encode() == csv_file([row(4)])


def test_what_agrees_is_not_listed(client: Client) -> None:
    page = compared(client, rows(3))

    assert "Nothing differs." in page
    assert "C-1" not in page
    assert carried(page) == {}


def test_nothing_is_kept_but_that_it_was_read(client: Client) -> None:
    before = all_rows(AuditEntry)
    entries = AuditEntry.objects.count()

    compared(client, [row(1, display_name="Secretive")])

    assert all_rows(AuditEntry) == before
    entry = AuditEntry.objects.latest("pk")
    assert AuditEntry.objects.count() == entries + 1
    assert (entry.action, entry.data["differences"]) == ("comparison.read", 3)
    assert "Secretive" not in str(entry.data)


def test_one_run_can_be_meant(client: Client) -> None:
    first = latest_run()
    imported([row(4)])

    page = compared(client, rows(3), run=first.run_id)

    assert f"of the run {first.run_id}" in page
    assert "Nothing differs." in page


def test_a_kept_mapping_reads_it(client: Client) -> None:
    kept = BackfillMapping.objects.create(name="crm", content='[values.plan_code]\nBasis = "standard"\n')

    page = compared(client, [row(n, plan_code="Basis") for n in (1, 2, 3)], mapping=str(kept.pk))

    assert "Nothing differs." in page


@pytest.mark.parametrize("name", ["later.doc", "later.xlsx"])
def test_what_is_no_such_file_is_said_beside_the_field(client: Client, name: str) -> None:
    page = compared(client, rows(1), name)

    assert name in page
    assert "Files, in the order" not in page
    assert not AuditEntry.objects.filter(action="comparison.read").exists()


def test_too_many_rows_are_for_the_command(client: Client, settings: Any) -> None:
    settings.MAX_UPLOAD_ROWS = 2

    assert "more than 2 rows" in compared(client, rows(3))


def test_a_lago_that_does_not_answer_is_said(client: Client, settings: Any) -> None:
    settings.LAGO_API_URL = "http://127.0.0.1:9"

    page = compared(client, rows(3))

    assert "Lago" in page
    assert "Files, in the order" not in page


def test_a_file_too_large_to_be_carried_names_the_command(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("customers.admin.comparing.MOST_TO_CARRY", 10)

    page = compared(client, [row(1), row(2), row(4)])

    assert "joined.csv is too large for a page" in page
    assert carried(page) == {}
