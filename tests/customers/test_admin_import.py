"""Upload and preview: what the page says is what the command says, and nothing is written."""

import csv
import io
import json
import resource
import time
import zipfile
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from billing.sandbox import Sandbox
from customers.backfill import stored_preview
from customers.backfill.source import read_bytes
from customers.models import BackfillRun, BackfillUpload
from tests.customers import factories
from tests.customers.admin_world import (
    client_of,
    csv_file,
    customers_csv,
    errors_on,
    member_of_staff,
    preview_of,
    preview_page,
    upload,
    words_of,
)
from tests.customers.backfill.files import xlsx_bytes
from tests.customers.factories import row, rows, unchanged

pytestmark = pytest.mark.django_db

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
MESSY = EXAMPLES.parents[1] / "shared" / "data" / "customers-messy.csv"
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def client(lago: Sandbox) -> Client:
    return client_of(member_of_staff("run_backfill"))


@pytest.fixture
def said_by_the_command(lago: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the command's dry-run over the same bytes and give its document."""

    def run(data: bytes, *options: str) -> dict[str, Any]:
        path = tmp_path / "customers.csv"
        path.write_bytes(data)
        with suppress(SystemExit):
            call_command(
                "backfill_customers", "--input", str(path), "--dry-run", "--format", "json", *options
            )
        document: dict[str, Any] = json.loads(capsys.readouterr().out)
        return document

    return run


def stored(upload: BackfillUpload) -> stored_preview.Preview:
    upload.refresh_from_db()
    return stored_preview.unpack(upload)


# --- parity ------------------------------------------------------------------------------------------


def test_a_preview_writes_nothing_but_the_upload(client: Client, lago: Sandbox) -> None:
    is_unchanged = unchanged(lago)

    found = preview_of(client, customers_csv(3))

    found.delete()
    assert is_unchanged()
    assert all(call.startswith("GET ") for call in lago.counts())


@pytest.mark.parametrize("name", ["customers.csv", "customers-with-defects.csv"])
def test_preview_and_command_say_the_same_of_the_same_bytes(
    client: Client, said_by_the_command: Any, name: str
) -> None:
    data = (EXAMPLES / name).read_bytes()

    preview = stored(preview_of(client, data))

    told = said_by_the_command(data)
    assert [{key: row[key] for key in told["rows"][0]} for row in preview.rows] == told["rows"]
    assert preview.head["counts"] == told["counts"]
    assert preview.head["billing"] == told["billing"]


def test_options_mean_what_they_mean_to_the_command(client: Client, said_by_the_command: Any) -> None:
    factories.imported(rows(2))
    data = csv_file([*rows(2), row(3, start_date="31.01.2025")])

    preview = stored(preview_of(client, data, skip_existing="on", date_format="%d.%m.%Y"))

    told = said_by_the_command(data, "--skip-existing", "--date-format", "%d.%m.%Y")
    assert preview.head["counts"] == told["counts"]
    assert [row["action"] for row in preview.rows] == [row["action"] for row in told["rows"]]


@pytest.mark.skipif(not MESSY.exists(), reason="the messy file is not beside this repository")
def test_the_messy_file_has_the_expected_codes_on_the_page(client: Client) -> None:
    expected = json.loads(MESSY.with_suffix(".expected.json").read_text())

    found = preview_of(client, MESSY.read_bytes())

    page = client.get(reverse("admin:customers_backfillrun_preview", args=[found.pk]))
    shown = {str(row["line"]): [p["code"] for p in row["problems"]] for row in page.context["rows"]}
    assert {line: sorted(codes) for line, codes in shown.items()} == {
        line: sorted(codes) for line, codes in expected.items()
    }


# --- the page ----------------------------------------------------------------------------------------


def test_the_page_flags_what_bills_today_and_what_starts_later(
    client: Client, lago: Sandbox, time_machine: Any
) -> None:
    lago.put_plans("prepaid:900:EUR:monthly:advance")
    time_machine.move_to("2026-11-22T12:00:00Z", tick=True)
    given = [row(1, plan_code="prepaid", start_date="2026-11-22"), row(2, start_date="2027-01-01")]

    found = preview_of(client, csv_file(given))

    words = words_of(client.get(reverse("admin:customers_backfillrun_preview", args=[found.pk])))
    assert (
        "prepaid is paid in advance and 1 subscription would start today: Lago would invoice at once" in words
    )
    assert "1 on standard start in the future" in words


def test_the_page_shows_each_system_and_each_problem_with_its_hint(client: Client) -> None:
    found = preview_of(client, csv_file([row(1), row(2, plan_code="Standard")]))

    page = preview_page(client, found, show="all")

    assert "Lago subscription <b" in page
    assert "plan_not_found" in page
    assert "Did you mean “standard”?" in page


def test_the_page_opens_with_what_needs_attention(client: Client) -> None:
    found = preview_of(client, csv_file([row(1), row(2, plan_code="gold")]))

    page = client.get(reverse("admin:customers_backfillrun_preview", args=[found.pk]))

    assert [row["line"] for row in page.context["rows"]] == [3]


@pytest.mark.parametrize(
    ("query", "lines"),
    [
        ({"show": "create"}, [2, 3]),
        ({"show": "fail"}, [4]),
        ({"show": "skip"}, []),
        ({"show": "warnings"}, [3]),
        ({"show": "all"}, [2, 3, 4]),
        ({"show": "all", "q": "c-3"}, [4]),
        ({"show": "all", "q": "4"}, [4]),
        ({"show": "nonsense", "q": "C-1"}, []),
    ],
)
def test_rows_are_filtered_and_searched(client: Client, query: dict[str, str], lines: list[int]) -> None:
    found = preview_of(client, csv_file([row(1), row(2, id_tag="abcdef12"), row(3, plan_code="gold")]))

    page = client.get(reverse("admin:customers_backfillrun_preview", args=[found.pk]), query)

    assert [row["line"] for row in page.context["rows"]] == lines


def test_two_hundred_rows_are_shown_and_a_search_finds_the_others(client: Client) -> None:
    found = preview_of(client, customers_csv(203))
    url = reverse("admin:customers_backfillrun_preview", args=[found.pk])

    first, searched = client.get(url), client.get(url, {"q": "C-203"})

    assert len(first.context["rows"]) == 200
    assert "The first 200 of 203 rows" in words_of(first)
    assert [row["external_id"] for row in searched.context["rows"]] == ["C-203"]


def test_html_in_a_file_is_shown_as_text(client: Client) -> None:
    given = [row(1, external_id=HOSTILE, display_name=HOSTILE, plan_code=HOSTILE), row(2, start_date=HOSTILE)]

    found = preview_of(client, csv_file(given), name=f"{HOSTILE}.csv".replace("/", "_"))

    page = preview_page(client, found, show="all")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_a_preview_holds_no_personal_data(client: Client) -> None:
    given = [row(1), row(2, email="not an address"), row(3, id_tag="SECRETIDTAG-999999999999")]

    found = stored(preview_of(client, csv_file(given)))

    whole = json.dumps([found.head, *found.rows])
    for secret in ("customer1@example.com", "Customer 1", "not an address", "TAG0001", "SECRETIDTAG-9"):
        assert secret not in whole


def test_ten_thousand_rows_are_previewed_in_seconds(client: Client) -> None:
    data, before, began = customers_csv(10_000), peak_mb(), time.monotonic()

    found = preview_of(client, data)
    page = preview_page(client, found)

    assert time.monotonic() - began < 20  # about 3 s where nothing else runs
    assert peak_mb() - before < 150
    assert len(page) < 300_000


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# --- the error file ----------------------------------------------------------------------------------


def test_the_error_file_has_the_rows_with_problems_as_they_came(client: Client) -> None:
    given = [row(1), row(2, plan_code="gold"), row(3, email="")]
    found = preview_of(client, csv_file(given))

    answer = client.get(reverse("admin:customers_backfillrun_errors", args=[found.pk]))

    records = list(csv.DictReader(io.StringIO(answer.content.decode())))
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

    refused, found = upload(client, data), preview_of(client, data, encoding="cp1252")

    assert any("encoding" in message.lower() or "UTF-8" in message for message in errors_on(refused))
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


def test_nobody_else_sees_a_preview(client: Client) -> None:
    found = preview_of(client, customers_csv(1))
    other = client_of(member_of_staff("run_backfill", email="olga@operator.example"))

    page = other.get(reverse("admin:customers_backfillrun_preview", args=[found.pk]))
    file = other.get(reverse("admin:customers_backfillrun_errors", args=[found.pk]))
    other.post(reverse("admin:customers_backfillrun_discard", args=[found.pk]))

    assert (page.status_code, file.status_code) == (302, 404)
    assert BackfillUpload.objects.filter(pk=found.pk).exists()


def test_a_file_that_is_imported_already_has_nothing_to_confirm(client: Client) -> None:
    factories.imported(rows(2))

    found = preview_of(client, customers_csv(2), skip_existing="on")

    words = words_of(client.get(reverse("admin:customers_backfillrun_preview", args=[found.pk])))
    assert "everything in this file is imported already" in words
    assert "Import 0" not in words
    assert BackfillRun.objects.count() == 1
