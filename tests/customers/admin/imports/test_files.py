"""Files of an import: those that are refused, those that are given back, and how long one is kept."""

import csv
import io
import zipfile
from contextlib import closing
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from customers.backfill import stored_preview
from customers.backfill.source import read_bytes
from customers.models import BackfillRun, BackfillUpload
from rehearsal.lago import Sandbox
from tests.customers import factories
from tests.customers.admin.world import (
    audited,
    client_of,
    confirm,
    csv_file,
    customers_csv,
    errors_on,
    member_of_staff,
    preview_of,
    upload,
    words_of,
)
from tests.customers.backfill.files import xlsx_bytes
from tests.customers.factories import row, rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(lago: Sandbox) -> Client:
    return client_of(member_of_staff("run_backfill"))


def stored(upload: BackfillUpload) -> stored_preview.Preview:
    upload.refresh_from_db()
    return stored_preview.unpack(upload)


# --- the error file ----------------------------------------------------------------------------------


def test_the_error_file_has_the_rows_with_problems_as_they_came(client: Client) -> None:
    given = [row(1), row(2, plan_code="gold", email="Customer2@Example.com"), row(3, email="")]
    found = preview_of(client, csv_file(given))

    answer = client.get(reverse("admin:customers_backfillrun_errors", args=[found.pk]))

    records = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert [one["email"] for one in records] == ["Customer2@Example.com", ""]  # capitals and all
    assert [(one["external_id"], one["code"]) for one in records] == [
        ("C-2", "plan_not_found"), ("C-3", "email_blank"),
    ]  # fmt: skip
    assert answer["Content-Disposition"] == 'attachment; filename="errors.csv"'


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_the_error_file_runs_nothing_in_a_spreadsheet(client: Client, formula: str) -> None:
    found = preview_of(client, csv_file([row(1, display_name=formula, plan_code="gold")]))

    answer = client.get(reverse("admin:customers_backfillrun_errors", args=[found.pk]))

    (record,) = csv.DictReader(io.StringIO(answer.content.decode()))
    assert record["display_name"] == f"'{formula}"


def test_an_error_file_of_a_workbook_is_a_workbook(client: Client) -> None:
    header, *records = (
        list(line) for line in csv.reader(io.StringIO(factories.csv_text([row(1, email="")])))
    )

    found = preview_of(client, xlsx_bytes([header, *records]), name="customers.xlsx")

    answer = client.get(reverse("admin:customers_backfillrun_errors", args=[found.pk]))
    assert [given.values.external_id for given in read_bytes("errors.xlsx", answer.content)] == ["C-1"]


# --- files that are refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("customers.pdf", b"%PDF", "The name has to end in one of csv, tsv, xlsx, ods, json."),
        ("customers", b"a,b", "The name has to end in one of csv, tsv, xlsx, ods, json."),
        ("customers.csv", b"email,display_name\n", "external_id"),
        ("customers.xlsx", b"email,display_name\n", "not a workbook"),
        ("customers.json", b"{", "customers.json"),
        ("customers.csv", b"email\xff", "customers.csv"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(client: Client, name: str, data: bytes, told: str) -> None:
    answer = upload(client, data, name)

    assert answer.status_code == 200
    assert any(told in message for message in errors_on(answer))
    assert not BackfillUpload.objects.exists()


def test_a_zip_bomb_is_refused_before_it_is_unpacked(client: Client) -> None:
    bomb = io.BytesIO()
    with closing(zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED)) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", bytes(120_000_000))

    answer = upload(client, bomb.getvalue(), "customers.xlsx")

    assert any("unpacks to more than" in message for message in errors_on(answer))
    assert not BackfillUpload.objects.exists()


def test_a_file_with_too_many_bytes_is_refused(client: Client, settings: Any) -> None:
    settings.MAX_UPLOAD_BYTES = 100

    answer = upload(client, customers_csv(3))

    assert any("larger than" in message for message in errors_on(answer))


def test_a_file_with_too_many_rows_is_sent_to_the_command(client: Client, settings: Any) -> None:
    settings.MAX_UPLOAD_ROWS = 2

    answer = upload(client, customers_csv(3))

    assert any("more than 2 rows" in message and "command" in message for message in errors_on(answer))
    assert not BackfillUpload.objects.exists()


def test_a_wrong_date_format_is_refused(client: Client) -> None:
    answer = upload(client, customers_csv(1), date_format="%d.%m")

    assert any("year, month and day" in message for message in errors_on(answer))


def test_a_lago_that_is_away_is_told_on_the_form(client: Client, lago: Sandbox) -> None:
    lago.stop()

    answer = upload(client, customers_csv(1))

    assert answer.status_code == 200
    assert any("Lago" in message for message in errors_on(answer))
    assert not BackfillUpload.objects.exists()


def test_an_encoding_can_be_chosen(client: Client) -> None:
    data = csv_file([row(1, display_name="Müller")]).decode().encode("cp1252")

    asked, found = upload(client, data), preview_of(client, data, encoding="cp1252")

    assert "The file is not UTF-8. It may be cp1252." in words_of(client.get(asked["Location"]))
    assert stored(found).head["counts"]["create"] == 1


# --- ends of a preview -------------------------------------------------------------------------------


def test_a_discarded_preview_is_gone_with_its_file(client: Client) -> None:
    found = preview_of(client, customers_csv(1))

    client.post(reverse("admin:customers_backfillrun_discard", args=[found.pk]))

    assert not BackfillUpload.objects.exists()


def test_a_preview_older_than_an_hour_is_not_shown(client: Client) -> None:
    found = preview_of(client, customers_csv(1))

    BackfillUpload.objects.update(created_at=found.created_at - BackfillUpload.LIFETIME)

    answer = client.get(reverse("admin:customers_backfillrun_preview", args=[found.pk]))

    assert answer.status_code == 302


def test_a_colleague_sees_no_file_without_a_preview_and_none_that_was_confirmed(client: Client) -> None:
    found = preview_of(client, customers_csv(1))
    other = client_of(member_of_staff("run_backfill", email="olga@operator.example"))
    BackfillUpload.objects.update(preview=b"")

    page = other.get(reverse("admin:customers_backfillrun_preview", args=[found.pk]))
    columns = other.get(reverse("admin:customers_backfillrun_columns", args=[found.pk]))
    BackfillUpload.objects.update(preview=found.preview)
    confirm(client, found)
    file = other.get(reverse("admin:customers_backfillrun_errors", args=[found.pk]))

    assert (page.status_code, columns.status_code, file.status_code) == (302, 302, 404)
    assert not audited("preview.opened")


def test_a_file_that_is_imported_already_has_nothing_to_confirm(client: Client) -> None:
    factories.imported(rows(2))

    found = preview_of(client, customers_csv(2), skip_existing="on")

    words = words_of(client.get(reverse("admin:customers_backfillrun_preview", args=[found.pk])))
    assert "everything in this file is imported already" in words
    assert "Import 0" not in words
    assert BackfillRun.objects.count() == 1
