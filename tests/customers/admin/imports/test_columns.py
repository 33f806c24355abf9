"""The page on which somebody says what the columns of an export mean."""

import csv
import io
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from customers import jobs
from customers.backfill import stored_preview
from customers.backfill import uploads as staging
from customers.backfill.source import read_mapping
from customers.models import BackfillMapping, BackfillRun, BackfillUpload, User
from rehearsal.lago import Sandbox
from tests.customers.admin.imports.filled_in import filled_in
from tests.customers.admin.world import (
    CONFIRM,
    audited,
    client_of,
    confirm,
    confirmation,
    customers_csv,
    member_of_staff,
    preview_page,
    said,
    text_of,
    upload,
    words_of,
)
from tests.customers.commands import as_json

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
PLANNED = ("status", "input", "counts", "billing", "invoices", "problems", "warnings")
MAPPING = """# Of our CRM.
[file]
encoding = "cp1252"
date_format = "%d.%m.%Y"

[fields]
email = "E-Mail"
display_name = { columns = ["Vorname", "Nachname"], joined_with = " " }
external_id = "Kundennr" # never changes
id_tag = "RFID"
plan_code = "Tarif"
start_date = "Beginn"

[cards]
remove_prefixes = ["RF,", "ID "]
remove_separators = ":"
upper_case = true

[values.plan_code]
Basis = "standard"
"Basis Plus" = "standard"
"Früher" = "standard"

[[leave_out]]
column = "Status"
values = ["gekündigt", ""]
"""


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


def kept(content: str = MAPPING) -> BackfillMapping:
    return BackfillMapping.objects.create(name="CRM", content=content)


# --- from the upload to the preview ------------------------------------------------------------------


def test_an_export_leads_to_its_columns_and_from_there_to_a_preview(client: Client) -> None:
    found = to_map(client)

    answer = planned(client, found)

    assert answer["Location"] == url(found, "preview")
    shown = words_of(client.get(answer["Location"]))
    assert "Left out by “Status”: 1 row (line 4)." in shown
    assert "“Basis Plus” is standard (1 row)" in shown
    assert "04:a1:b2:c3 → 04A1B2C3" in shown
    assert "Ada Müller" in shown
    assert "Import 2 rows" in shown


def test_the_page_proposes_and_leaves_to_a_person_what_decides_who_pays_what(client: Client) -> None:
    page = client.get(url(to_map(client)))

    fields = filled_in(text_of(page))
    assert fields["field.email"] == ["c:E-Mail"]
    assert fields["more.display_name"] == ["c:Nachname", ""]
    assert dict(zip(fields["given"], fields["meant"], strict=True)) == {
        "Basis Plus": "",
        "Basis": "",
        "Alt": "",
    }
    assert "04:a1:b2:c3 04A1B2C3" in words_of(page)
    assert "ada@example.com · bob@example.com · cleo@example.com" in words_of(page)


def test_a_tariff_that_nobody_gave_a_plan_leads_to_no_preview(client: Client) -> None:
    found = to_map(client)

    answer = planned(client, found, given=["Basis"], meant=["standard"])

    assert "Choose a plan for each old tariff: “Basis Plus”." in words_of(answer)
    assert filled_in(text_of(answer))["meant"] == ["", "standard"]
    found.refresh_from_db()
    assert (bytes(found.preview), found.mapping) == (b"", "")


def test_what_is_lacking_is_said_and_the_rest_stays_chosen(client: Client) -> None:
    found = to_map(client)

    answer = planned(client, found, **{"field.start_date": "=", "constant.start_date": " "})

    assert "start_date: say the value that is the same for all rows" in words_of(answer)
    assert filled_in(text_of(answer))["field.external_id"] == ["c:Kundennr"]


def test_decimal_cards_are_pointed_out_until_somebody_decides(client: Client) -> None:
    found = to_map(client, EXPORT.replace(b"04:a1:b2:c", b"53152990"))

    page = client.get(url(found))
    decided = client.post(url(found), {**filled_in(text_of(page)), "cards.decimal_to_hex": "on"})

    assert "These are decimal numbers." in words_of(page)
    assert "These are decimal numbers." not in words_of(decided)


def test_one_mistake_leaves_the_rest_chosen(client: Client) -> None:
    found = to_map(client)

    page = planned(client, found, **{"cards.pad_to": "eight", "more.display_name": "c:vorname"})

    assert "cards.pad_to: this has to be a whole number" in words_of(page)
    assert "a column is named twice" in words_of(page)
    fields = filled_in(text_of(page))
    assert fields["field.email"] == ["c:E-Mail"]
    assert fields["field.display_name"] == [""]
    assert fields["meant"] == ["standard", "standard"]
    assert fields["cards.remove_separators"] == [":"]


@pytest.mark.parametrize("name", ["x" * 101, "a\0b", "a\nb"], ids=["long", "nul", "lines"])
def test_a_name_that_nothing_can_be_kept_under_is_refused(client: Client, name: str) -> None:
    page = planned(client, to_map(client), save_as=name)

    assert "Save it under a name of at most 100 characters" in words_of(page)
    assert not BackfillMapping.objects.exists()


def test_a_header_below_a_title_is_found_and_can_be_moved(client: Client) -> None:
    found = to_map(client, b"Customers of 2026;\n;\n" + EXPORT)
    fields = filled_in(text_of(client.get(url(found))))

    answer = client.post(url(found), {**fields, "file.header_line": "4", "show": "yes"})

    assert fields["file.header_line"] == ["3"]
    assert "c:04:a1:b2:c3" in text_of(answer)  # the first row is the header now


def test_a_document_whose_list_has_another_name_is_mapped_too(client: Client) -> None:
    data = b'{"tokens": [{"mail": "ada@example.com", "no": 17, "uid": "04A1B2C3", "start": "2024-01-01"}]}'

    fields = filled_in(text_of(client.get(url(to_map(client, data, "tokens.json")))))

    assert 'list = "tokens"' in fields["base"][0]
    assert (fields["field.email"], fields["field.id_tag"]) == (["c:mail"], ["c:uid"])


def test_what_was_said_of_hidden_rows_is_chosen_and_belongs_to_the_run(client: Client) -> None:
    book = openpyxl.Workbook()
    for line in csv.reader(io.StringIO(EXPORT.decode("cp1252")), delimiter=";"):
        book.worksheets[0].append(line)
    book.worksheets[0].row_dimensions[4].hidden = True
    book.save(data := io.BytesIO())

    found = to_map(client, data.getvalue(), "kunden.xlsx", hidden_rows="leave-out")
    said = filled_in(text_of(client.get(url(found))))["file.hidden_rows"]
    planned(client, found, **{"file.encoding": "", "file.hidden_rows": said[0]})

    found.refresh_from_db()
    assert said == ["leave-out"]
    assert (found.options["hidden_rows"], found.rows) == ("leave-out", 2)


def test_a_mapping_can_be_asked_for_where_the_columns_fit(client: Client) -> None:
    found = to_map(client, customers_csv(2), "customers.csv", mapping="new")
    fields = filled_in(text_of(client.get(url(found))))

    answer = client.post(url(found), {**fields, "plan": "yes"})

    assert answer["Location"] == url(found, "preview")
    assert fields["meant"] == ["standard"]  # which is a plan's code already


def test_nobody_else_sees_the_file(client: Client) -> None:
    found = to_map(client)
    other = client_of(member_of_staff("run_backfill", email="other@operator.example"))

    answers = [other.get(url(found)), other.post(url(found), CHOSEN), other.get(url(found, "columns_file"))]

    assert {answer["Location"] for answer in answers} == {reverse("admin:customers_backfillrun_import")}


def test_a_confirmation_of_before_the_columns_were_changed_is_refused(client: Client) -> None:
    found = to_map(client)
    planned(client, found)
    before = confirmation(preview_page(client, found))
    planned(client, found, **{"field.display_name": "c:Nachname", "more.display_name": ""})

    answer = client.post(CONFIRM, before)

    assert "This confirmation is not of a preview of yours, or is too old." in said(client, answer)
    assert not BackfillRun.objects.exists()


# --- the mapping as a file ---------------------------------------------------------------------------


def test_a_page_that_is_sent_as_it_came_leaves_the_file_as_it_is(client: Client, tmp_path: Path) -> None:
    found = to_map(client)
    page = client.get(url(found), {"use": kept().pk})

    client.post(url(found), {**filled_in(text_of(page)), "plan": "yes"})

    found.refresh_from_db()
    assert found.mapping == MAPPING
    assert found.options["mapping_name"] == "CRM"
    answer = client.get(url(found, "columns_file"))
    (tmp_path / "crm.toml").write_bytes(answer.content)
    assert read_mapping(tmp_path / "crm.toml").sha256() == found.options["mapping"]
    assert answer["Content-Disposition"] == 'attachment; filename="kunden.toml"'


def test_a_draft_can_be_finished_on_the_page(client: Client) -> None:
    draft = MAPPING.replace('"Tarif"', '"?"').encode()

    answer = client.post(
        url(to_map(client)), {"toml": SimpleUploadedFile("crm.toml", draft), "use_file": "yes"}
    )

    fields = filled_in(text_of(answer))
    assert (fields["field.plan_code"], fields["field.email"]) == ([""], ["c:E-Mail"])
    assert fields["leave.values"][0] == "gekündigt\r\n(nothing)"


def test_a_mapping_file_with_mistakes_says_where(client: Client) -> None:
    wrong = MAPPING.replace("upper_case = true", "upper_case = 1").encode()

    answer = client.post(
        url(to_map(client)), {"toml": SimpleUploadedFile("crm.toml", wrong), "use_file": "yes"}
    )

    assert "crm.toml: line 17: cards.upper_case: this has to be true or false." in words_of(answer)


# --- kept by name ------------------------------------------------------------------------------------


def test_a_mapping_is_kept_and_chosen_again_for_the_rows_that_had_problems(client: Client) -> None:
    found = to_map(client)
    planned(client, found, save_as="CRM", meant=["standard", "gold"])
    errors = client.get(url(found, "errors")).content

    again = to_map(client, errors, "errors.csv")

    page = client.get(url(again))
    assert "was read through “CRM” before, so it is chosen here." in words_of(page)
    fields = filled_in(text_of(page))
    assert dict(zip(fields["given"], fields["meant"], strict=True))["Basis"] == "gold"
    answer = client.post(url(again), {**fields, "plan": "yes"})
    assert answer["Location"] == url(again, "preview")
    assert "ada@example.com" not in BackfillMapping.objects.get().content


def test_a_name_that_is_taken_is_overwritten_only_on_purpose(client: Client) -> None:
    mapping, found = kept(), to_map(client)

    refused = planned(client, found, save_as="CRM")
    planned(client, found, save_as="CRM", overwrite="on")

    assert "There is another column mapping named “CRM”." in words_of(refused)
    mapping.refresh_from_db()
    assert "Früher" not in mapping.content
    (entry,) = audited("mapping.changed")
    assert (entry.subject, [*entry.data]) == ("mapping:CRM", ["sha256"])


def test_without_the_permission_nothing_is_kept(lago: Sandbox) -> None:
    client = client_of(member_of_staff("run_backfill"))
    found = to_map(client)

    planned(client, found, save_as="CRM")

    assert not BackfillMapping.objects.exists()
    found.refresh_from_db()
    assert found.options["mapping_name"] == "kunden.toml"


def test_a_kept_mapping_can_be_chosen_with_the_file_and_keeps_its_comments(client: Client) -> None:
    mapping = kept()
    answer = upload(client, EXPORT, "kunden.csv", mapping=str(mapping.pk))
    found = BackfillUpload.objects.get()

    fields = filled_in(text_of(client.get(url(found))))
    again = client.post(url(found), {**fields, "plan": "yes"})

    assert answer["Location"] == again["Location"] == url(found, "preview")
    assert "Read through the mapping CRM." in words_of(client.get(answer["Location"]))
    assert fields["save_as"] == ["CRM"]
    mapping.refresh_from_db()
    assert mapping.content == MAPPING


# --- the run -----------------------------------------------------------------------------------------


def test_the_worker_imports_through_the_mapping_and_continues_with_it_alone(client: Client) -> None:
    found = to_map(client)
    planned(client, found)
    confirm(client, found)
    BackfillRun.objects.update(status="interrupted")
    run = BackfillRun.objects.get()
    other = to_map(client)
    refused = planned(client, other, **{"field.display_name": "c:Nachname", "more.display_name": ""})

    staging.continue_run(run, User.objects.get(role="staff"))
    ended = jobs.import_run(run.pk)

    assert f"The unfinished run {run.run_id} over this file was begun with --mapping" in words_of(refused)
    assert ended == "done"
    run.refresh_from_db()
    assert run.status == "succeeded"
    names = (
        User.objects.filter(role="customer").order_by("external_id").values_list("display_name", flat=True)
    )
    assert list(names) == ["Ada Müller", "Bob Weiß"]
    page = words_of(client.get(reverse("admin:customers_backfillrun_change", args=[run.pk])))
    assert f"kunden.toml SHA-256 {run.options['mapping'][:12]}" in page


def test_the_command_plans_the_same_through_the_same_mapping(client: Client, tmp_path: Path) -> None:
    found = to_map(client)
    planned(client, found)
    (tmp_path / "kunden.csv").write_bytes(EXPORT)
    (tmp_path / "kunden.toml").write_bytes(client.get(url(found, "columns_file")).content)

    told = as_json(tmp_path / "kunden.csv", "--mapping", str(tmp_path / "kunden.toml"), "--dry-run").json

    found.refresh_from_db()
    preview = stored_preview.unpack(found)
    assert [{name: row[name] for name in told["rows"][0]} for row in preview.rows] == told["rows"]
    assert [preview.head[name] for name in PLANNED] == [told[name] for name in PLANNED]
