"""The page on which somebody says what the columns of an export mean."""

import html
import re
import tomllib
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from customers.models import BackfillMapping, BackfillUpload
from rehearsal.lago import Sandbox
from tests.customers.admin.world import (
    audited,
    client_of,
    member_of_staff,
    text_of,
    upload,
    words_of,
)

pytestmark = pytest.mark.django_db

EXPORT = (
    "Kundennr;Vorname;Nachname;E-Mail;RFID;Tarif;Beginn;Status\n"
    "10;Ada;Müller;ada@example.com;04:a1:b2:c3;Basis Plus;01.02.2024;aktiv\n"
    "11;Bob;Weiß;bob@example.com;04:a1:b2:c4;Basis;03.02.2024;aktiv\n"
    "12;Cleo;Groß;cleo@example.com;04:a1:b2:c5;Alt;04.02.2024;gekündigt\n"
).encode("cp1252")
CHOSEN = {
    "file.encoding": "cp1252",
    "file.date_format": "%d.%m.%Y",
    "field.external_id": "c:Kundennr",
    "field.display_name": "c:Vorname",
    "more.display_name": "c:Nachname",
    "field.email": "c:E-Mail",
    "field.id_tag": "c:RFID",
    "field.plan_code": "c:Tarif",
    "field.start_date": "c:Beginn",
    "given": ["Basis Plus", "Basis"],
    "meant": ["standard", "standard"],
    "cards.remove_separators": ":",
    "cards.upper_case": "on",
    "leave.column": "c:Status",
    "leave.how": "values",
    "leave.values": "gekündigt",
}


@pytest.fixture
def client(lago: Sandbox) -> Client:
    return client_of(member_of_staff("run_backfill", "edit_mappings"))


def to_map(client: Client, data: bytes = EXPORT, name: str = "kunden.csv", **options: Any) -> BackfillUpload:
    """Upload a file whose columns do not fit, and give what is stored of it."""
    answer = upload(client, data, name, **options)
    assert answer.status_code == 302
    assert answer["Location"].endswith("/columns/")
    return BackfillUpload.objects.get(pk=answer["Location"].split("/")[-3])


def url(upload: BackfillUpload, page: str = "columns") -> str:
    return reverse(f"admin:customers_backfillrun_{page}", args=[upload.pk])


def planned(client: Client, upload: BackfillUpload, **more: Any) -> Any:
    return client.post(url(upload), {**CHOSEN, "plan": "yes", **more})


def test_an_export_leads_to_its_columns_and_from_there_to_a_preview(client: Client) -> None:
    found = to_map(client)

    page = words_of(client.get(url(found)))
    answer = planned(client, found)

    assert "It has no column named" not in page or "external_id" in page
    assert answer["Location"] == url(found, "preview")
    shown = words_of(client.get(answer["Location"]))
    assert "Left out by “Status”: 1 row (line 4)." in shown
    assert "04:a1:b2:c3 → 04A1B2C3" in shown
    assert "“Basis Plus” is standard (1 row)" in shown
    assert "Ada Müller" in shown
    assert "Import 2 rows" in shown
