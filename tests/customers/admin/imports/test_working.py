"""The preview as the place to work: remedies, options and corrections plan anew in its place."""

import csv
import io
import re
from datetime import timedelta
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from customers import jobs
from customers.backfill import preview_changes, stored_preview
from customers.backfill import uploads as staging
from customers.backfill.edition import edition_of
from customers.backfill.refused import Refused
from customers.models import BackfillMapping, BackfillRun, BackfillUpload, User, header_digest
from rehearsal.lago import Sandbox
from tests.customers import factories
from tests.customers.admin.world import (
    CONFIRM,
    audited,
    client_of,
    confirm,
    confirmation,
    csv_file,
    customers_csv,
    member_of_staff,
    preview_of,
    preview_page,
    preview_url,
    said,
    text_of,
    words_of,
)
from tests.customers.backfill.files import xlsx_bytes
from tests.customers.factories import row, rows

pytestmark = pytest.mark.django_db

GERMAN = [row(1, start_date="31.12.2023"), row(2, start_date="01.02.2024", plan_code="Fleet")]


@pytest.fixture
def client(lago: Sandbox) -> Client:
    return client_of(member_of_staff("run_backfill", "view_backfillrun"))


def now(upload: BackfillUpload) -> BackfillUpload:
    return BackfillUpload.objects.get(pk=upload.pk)


def preview(upload: BackfillUpload) -> stored_preview.Preview:
    return stored_preview.unpack(now(upload))


def do(client: Client, upload: BackfillUpload, page: str, **fields: Any) -> list[str]:
    """Send a form of the page as it is now, and give what is said then."""
    sent = {"edition": edition_of(now(upload)), **fields}
    answer = client.post(f"{preview_url(upload)}{page}/", sent)
    if answer.status_code == 200:
        return [str(message) for message in answer.context["messages"]]
    return said(client, answer)


def actions(upload: BackfillUpload) -> list[str]:
    return [row["action"] for row in preview(upload).rows]


def cell(line: int, place: int) -> str:
    return f"cell:{line}:{place}"


# --- rows of which nothing is wrong ------------------------------------------------------------------


def test_rows_that_only_exist_have_no_fields_and_lead_to_what_skips_them(client: Client) -> None:
    factories.imported(rows(2))
    found = preview_of(client, csv_file([row(1), row(2, email="broken@"), row(3, email="broken@")]))

    page = text_of(client.get(preview_url(found), {"show": "fail"}))

    assert {*re.findall(r'name="cell:(\d)', page)} == {"3", "4"}
    assert re.findall(r'name="without" value="(\d)"', page) == ["3", "4"]
    assert words_of(client.get(preview_url(found))).count("Nothing is wrong in this row.") == 1


# --- causes and their buttons ------------------------------------------------------------------------


def test_problems_are_grouped_by_cause_with_a_button_each(client: Client) -> None:
    given = [
        *(row(n, start_date="31.12.2023") for n in range(1, 4)),
        row(4, start_date="01.02.2024", plan_code="Fleet"),
    ]

    page = client.get(preview_url(preview_of(client, csv_file(given))))

    words = words_of(page)
    assert "4 start_date_invalid 4 days in start_date look like 31.12.2023." in words
    assert "(lines 2–5)" in words
    assert re.search(r"<button[^>]*>Read them as day.month.year</button>", text_of(page))
    assert "1 row has “Fleet”." in words
    assert re.search(r"<button[^>]*>Use fleet</button>", text_of(page))
    assert '<option value="">one of Lago\'s plans…</option>' in text_of(page)


def test_buttons_change_the_mapping_and_nothing_of_the_file(client: Client) -> None:
    found = preview_of(client, csv_file([row(1, start_date="31.12.2023"), row(2, start_date="01.02.2024")]))

    told = do(client, found, "remedy", cause="0", remedy="0")

    anew = now(found)
    assert told == ["Planned anew. No row fails."]
    assert (anew.sha256, bytes(anew.data)) == (found.sha256, bytes(found.data))
    assert anew.mapping == '[file]\ndate_format = "%d.%m.%Y"\n'
    (entry,) = audited("preview.planned_anew")
    assert entry.data["code"] == "start_date_invalid"
    assert "31.12" not in str(entry.data)


def test_buttons_add_up_and_the_file_is_imported(client: Client) -> None:
    factories.imported(rows(1, start_date="2023-12-31"))
    found = preview_of(client, csv_file([*GERMAN, row(3, start_date="03.03.2024")]))

    do(client, found, "remedy", cause=number(found, "start_date_invalid"), remedy="0")
    do(client, found, "remedy", cause=number(found, "plan_not_found"), remedy="0")
    do(client, found, "remedy", cause="0", remedy="0")  # what is there already

    assert actions(found) == ["skip", "create", "create"]
    answer = confirm(client, now(found))
    run = BackfillRun.objects.get(input_sha256=found.sha256)
    jobs.import_run(run.pk)
    run.refresh_from_db()
    assert (answer.status_code, run.status) == (302, "succeeded")


def number(upload: BackfillUpload, code: str) -> str:
    return str([cause.code for cause in preview(upload).causes].index(code))


def test_any_of_lagos_plans_can_be_chosen_and_no_translation_is_overwritten(client: Client) -> None:
    given = [row(1, plan_code="Old"), row(2, plan_code="Older"), row(3)]
    found = preview_of(client, csv_file(given))

    do(client, found, "remedy", cause="0", plan_code="fleet")
    do(client, found, "remedy", cause="0", plan_code="standard")

    translated = staging.mapping_of(now(found))
    assert translated is not None
    assert dict(translated.translations["plan_code"].values) == {
        "standard": "standard",
        "Old": "fleet",
        "Older": "standard",
    }
    assert actions(found) == ["create"] * 3


@pytest.mark.parametrize(
    "fields",
    [
        {"cause": "7", "remedy": "0"},
        {"cause": "0", "remedy": "9"},
        {"cause": "x", "remedy": "-1"},
        {"cause": "0", "plan_code": "no-plan"},
        {"cause": "1", "plan_code": "fleet"},
    ],
    ids=["no such cause", "no such remedy", "no numbers", "no plan of Lago's", "no cause of a plan"],
)
def test_what_the_preview_does_not_offer_changes_nothing(client: Client, fields: dict[str, str]) -> None:
    found = preview_of(client, csv_file([*rows(2, plan_code="Fleet"), row(3, email="x")]))

    do(client, found, "remedy", **fields)

    assert (now(found).mapping, bytes(now(found).preview)) == ("", bytes(found.preview))


def test_a_plan_that_cannot_be_made_keeps_the_preview_and_says_why(client: Client, settings: Any) -> None:
    found = preview_of(client, csv_file(GERMAN))
    settings.LAGO_API_KEY = "another"

    told = do(client, found, "remedy", cause="0", remedy="0")

    assert told[0].startswith("Lago refused the key")
    assert (now(found).mapping, bytes(now(found).preview)) == ("", bytes(found.preview))


def test_an_older_preview_has_no_causes_and_is_shown_as_before(client: Client) -> None:
    found = preview_of(client, csv_file([row(1), row(2, plan_code="gold")]))
    kept = preview(found)
    head = {
        key: told for key, told in kept.head.items() if key not in ("causes", "plan_codes", "plans_named")
    }
    BackfillUpload.objects.update(preview=stored_preview.packed(head, kept.rows))

    page = preview_page(client, found)

    assert "What is wrong" not in page
    assert "plan_not_found" in page


# --- options -----------------------------------------------------------------------------------------


def test_options_are_changed_in_place(client: Client) -> None:
    factories.imported(rows(1))
    day = timezone.localdate() - timedelta(days=40)  # on which no period begins today
    found = preview_of(client, csv_file([row(1), row(2, start_date=f"{day:%d.%m.%Y}")]))

    told = do(
        client, found, "options", skip_existing="on", date_format="%d.%m.%Y", billing_time="anniversary"
    )

    assert told == ["Planned anew. 1 row has problems."]  # the imported row has a day of another form
    assert preview(found).head["counts"]["create"] == 1
    (entry,) = audited("preview.planned_anew")
    assert entry.data["options"] == ["billing_time", "date_format", "skip_existing"]


def test_the_options_of_a_preview_are_those_it_was_planned_with(client: Client) -> None:
    chosen = {"billed_until": "2026-12-31", "decimal_mark": ",", "new_run": "on", "delimiter": "comma"}
    found = preview_of(client, customers_csv(2), **chosen)

    form = client.get(preview_url(found)).context["options_form"]
    do(client, found, "options", **{name: value for name, value in sent(form).items() if value})

    assert now(found).options == found.options


def test_hidden_rows_that_were_imported_are_left_out_and_taken_in_again(client: Client) -> None:
    book, data = openpyxl.Workbook(), io.BytesIO()
    for cells in ([*row(1)], *([*one.values()] for one in rows(3))):
        book.worksheets[0].append(cells)
    book.worksheets[0].row_dimensions[3].hidden = True
    book.save(data)
    found = preview_of(client, data.getvalue(), "c.xlsx", hidden_rows="include")

    do(client, found, "options", hidden_rows="leave-out")
    without = (now(found).rows, now(found).options["hidden_rows"], actions(found))
    do(client, found, "options", hidden_rows="include")

    assert without == (2, "leave-out", ["create"] * 2)
    assert (now(found).rows, now(found).options["hidden_rows"]) == (3, "include")


def sent(form: Any) -> dict[str, str]:
    values = {field.name: field.value() for field in form}
    return {name: "on" if value is True else str(value or "") for name, value in values.items()}


@pytest.mark.parametrize(
    "fields",
    [{"date_format": "nonsense"}, {"start_after_billed": "on"}],
    ids=["format", "refused by the plan"],
)
def test_options_that_cannot_be_are_said_beside_them(client: Client, fields: dict[str, str]) -> None:
    found = preview_of(client, customers_csv(2))

    answer = client.post(f"{preview_url(found)}options/", {"edition": edition_of(found), **fields})

    assert answer.context["options_form"].errors
    assert now(found).options == found.options


# --- corrections -------------------------------------------------------------------------------------


def test_the_true_value_stands_beside_its_problem(client: Client) -> None:
    found = preview_of(client, csv_file([row(1), row(2, email="ann\u200b@"), row(3, plan_code="gold")]))

    page = preview_page(client, found)

    assert re.search(r'name="cell:3:0" value="ann&lt;U\+200B&gt;@"', page)
    assert re.search(r'name="cell:4:4" value="gold"', page)
    assert "customer1@example.com" not in page.split('id="rows"')[1]
    assert "ann" not in str(preview(found).rows)


def test_a_corrected_cell_makes_a_file_of_its_own(client: Client, settings: Any) -> None:
    found = preview_of(client, csv_file([row(1), row(2, email="x"), row(3)]))

    told = do(client, found, "correct", **{cell(3, 0): "new@example.com"})

    anew = now(found)
    assert told == ["Planned anew. No row fails."]
    assert anew.sha256 != found.sha256
    assert anew.options["corrected"] == {"from_sha256": found.sha256, "lines": [3]}
    assert client.get(f"{preview_url(found)}corrected/").content == bytes(anew.data)
    (entry,) = audited("preview.corrected")
    assert entry.data == {"from_sha256": found.sha256, "lines": "3", "without": ""}
    confirm(client, anew)
    run = BackfillRun.objects.get()
    jobs.import_run(run.pk)
    run.refresh_from_db()
    assert (run.status, run.input_sha256, run.input_rows) == ("succeeded", anew.sha256, 3)
    assert run.options["corrected"]["lines"] == [3]
    (log,) = settings.BACKFILL_LOG_DIR.glob("run-*.log")
    assert f"corrected_lines=3 corrected_from={found.sha256}" in log.read_text()
    assert User.objects.filter(email="new@example.com").exists()


def test_what_is_shown_by_its_number_stays_what_it_was(client: Client) -> None:
    found = preview_of(client, csv_file([row(1, display_name="A\u00a0B", email="x")]))

    do(client, found, "correct", **{cell(2, 1): "A<U+00A0>C", cell(2, 0): "<U+00A0>@x"})

    (read,) = staging.open_upload(now(found))
    assert (read.values.display_name, read.values.email) == ("A\u00a0C", "<U+00A0>@x")


def test_a_row_is_left_out_by_hand(client: Client) -> None:
    found = preview_of(client, csv_file([row(1), row(2, email="x"), row(3)]))

    do(client, found, "correct", without="3")

    assert [one["line"] for one in preview(found).rows] == [2, 4]
    assert now(found).rows == 2
    assert now(found).options["corrected"]["lines"] == [3]
    assert audited("preview.corrected")[0].data["without"] == "3"


def test_one_card_of_a_customer_is_corrected_alone(client: Client) -> None:
    given = [row(1), row(1, id_tag="CARD2"), row(1, id_tag="bad tag")]
    found = preview_of(client, csv_file(given))

    do(client, found, "correct", **{cell(4, 3): "CARD3"})

    assert [one.values.id_tag for one in staging.open_upload(now(found))] == ["TAG0001", "CARD2", "CARD3"]
    assert actions(found) == ["create"] * 3


def test_through_a_mapping_the_operators_own_cells_are_corrected(client: Client) -> None:
    table = [
        ["Vor", "Nach", "Mail", "Nr", "RFID", "Ab"],
        ["Ada", "M" * 300, "x", "1", "AB12CD34", "2024-01-01"],
    ]
    text = io.StringIO()
    csv.writer(text).writerows(table)
    mapping = (
        '[fields]\ndisplay_name = { columns = ["Vor", "Nach"] }\nemail = "Mail"\nexternal_id = "Nr"\n'
        'id_tag = "RFID"\nstart_date = "Ab"\nplan_code = { constant = "gold" }\n'
    )
    data = text.getvalue().encode()
    kept = BackfillMapping.objects.create(name="CRM", content=mapping, header_digest=header_digest(table[0]))
    found = preview_of(client, data, mapping=str(kept.pk))

    page = preview_page(client, found)
    do(client, found, "correct", **{cell(2, 1): "Müller", cell(2, 2): "ada@example.com"})

    assert [place for place in range(6) if f'name="{cell(2, place)}"' in page] == [0, 1, 2]
    assert "It is the same for all rows: change it under" in page
    (read,) = staging.open_upload(now(found))
    assert (read.values.display_name, read.values.email) == ("Ada Müller", "ada@example.com")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "Nothing was changed."),
        ({cell(2, 0): "customer1@example.com"}, "Nothing was changed."),
        ({cell(99, 0): "x"}, "The file has no line 99."),
        ({cell(2, 77): "x"}, "Line 2 has no such column."),
        ({cell(2, 1): "a\x00b"}, "a character that nobody can see"),
        ({cell(2, 1): "x" * 2_001}, "longer than 2,000"),
        ({"cell:2:x": "x"}, "There is no such field."),
        ({cell(2, 1): "Зоя"}, "lacks a character of this row"),
        ({"without": ["2", "3"]}, "no row below the header"),
    ],
    ids=["nothing", "same", "line", "column", "control", "long", "forged", "encoding", "all"],
)
def test_what_cannot_be_corrected_is_said_and_changes_nothing(
    client: Client, fields: dict[str, Any], told: str
) -> None:
    data = csv_file([row(1), row(2, display_name="Jürgen", email="x")]).decode().encode("cp1252")
    found = preview_of(client, data, encoding="cp1252")

    messages = do(client, found, "correct", **fields)

    assert told in messages[0]
    assert now(found).sha256 == found.sha256


def test_what_was_typed_stays_on_the_page_if_it_cannot_be(client: Client) -> None:
    found = preview_of(client, csv_file([row(1, email="x")]))
    fields = {"edition": edition_of(found), cell(2, 0): "y@example.com", cell(2, 1): "x" * 3_000}

    answer = client.post(f"{preview_url(found)}correct/", fields)

    assert 'name="cell:2:0" value="y@example.com"' in text_of(answer)


def test_a_formula_is_corrected_to_what_was_typed_and_never_runs(client: Client) -> None:
    found = preview_of(client, csv_file([row(1, display_name="", email="x")]))

    do(client, found, "correct", **{cell(2, 1): "=1+1", cell(2, 0): "a@example.com"})

    assert b"'=1+1" in bytes(now(found).data)
    assert next(iter(staging.open_upload(now(found)))).values.display_name == "=1+1"


def test_the_seal_of_an_earlier_preview_confirms_no_more(client: Client) -> None:
    found = preview_of(client, csv_file([row(1), row(2)]))
    before = confirmation(preview_page(client, found))

    do(client, found, "options", allow_partial="on")
    client.post(CONFIRM, before)

    assert not BackfillRun.objects.exists()
    assert confirm(client, found).status_code == 302
    assert BackfillRun.objects.exists()


def test_a_form_of_an_earlier_preview_changes_nothing(client: Client) -> None:
    found = preview_of(client, csv_file([row(1, email="x"), row(2, email="y")]))
    do(client, found, "correct", **{cell(2, 0): "a@example.com"})

    told = do(client, found, "correct", edition=edition_of(found), **{cell(2, 0): "x", cell(3, 0): "b@x.org"})

    assert told[0].startswith("This preview was changed in the meantime.")
    assert [one.values.email for one in staging.open_upload(now(found))] == ["a@example.com", "y"]


@pytest.mark.parametrize("meanwhile", ["changed", "confirmed"])
def test_whoever_is_slower_changes_nothing(client: Client, meanwhile: str) -> None:
    found = now(preview_of(client, customers_csv(2)))
    change = preview_changes.Change("preview.planned_anew", {}, {"allow_partial": True})
    anew = preview_changes.changed(found, change)
    staging.planned(anew)

    if meanwhile == "changed":
        do(client, found, "options", billing_time="anniversary")
    else:
        confirm(client, found)
    kept = now(found).options

    with pytest.raises(Refused, match="in the meantime"):
        preview_changes.put_in_place(found, anew, change, found.uploaded_by)
    assert now(found).options == kept


def test_a_colleague_corrects_it_under_their_own_name(client: Client) -> None:
    found = preview_of(client, csv_file([row(1, email="x")]))
    olga = member_of_staff("run_backfill", email="olga@operator.example")

    do(client_of(olga), found, "correct", **{cell(2, 0): "a@example.com"})

    assert [entry.actor for entry in audited("preview.corrected")] == [f"staff:{olga.pk}"]


# --- an error file -----------------------------------------------------------------------------------


def errors_of(client: Client, upload: BackfillUpload) -> list[dict[str, str]]:
    content = client.get(f"{preview_url(upload)}errors/").content
    return list(csv.DictReader(io.StringIO(content.decode())))


def merge(
    client: Client, upload: BackfillUpload, table: list[dict[str, str]], name: str = "e.csv"
) -> list[str]:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(table[0]))
    writer.writeheader()
    writer.writerows(table)
    return do(client, upload, "merge", rows=SimpleUploadedFile(name, text.getvalue().encode()))


@pytest.fixture
def failing(client: Client) -> BackfillUpload:
    """24 rows, of which two fail."""
    given = rows(24)
    given[3]["email"], given[20]["plan_code"] = "x", "gold"
    return preview_of(client, csv_file(given))


def test_a_corrected_error_file_is_merged_and_no_row_is_lost(client: Client, failing: BackfillUpload) -> None:
    table = errors_of(client, failing)
    table[0]["email"], table[1]["plan_code"] = "four@example.com", "fleet"

    told = merge(client, failing, table)

    assert told == ["Planned anew. No row fails."]
    assert actions(failing) == ["create"] * 24
    assert now(failing).options["corrected"]["lines"] == [5, 22]


def test_an_error_file_that_does_not_fit_is_refused(client: Client, failing: BackfillUpload) -> None:
    first, second = errors_of(client, failing)
    lineless = [{name: value for name, value in first.items() if name != "line"}]

    told = [
        merge(client, failing, [{**first, "line": "99"}]),
        merge(client, failing, [first, {**second, "line": "5"}]),
        merge(client, failing, [{**first, "line": ""}]),
        merge(client, failing, lineless),
        merge(client, failing, [{"more": "", **first}]),
        merge(client, failing, [first], "e.xlsx"),
        merge(client, failing, [first]),
        do(client, failing, "merge"),
    ]

    assert [messages[0].split(".csv")[-1][:40] for messages in told[:5]] == [
        " has rows of line 99, which this file do",
        " has line 5 more than once. Keep one of ",
        ": line 2 of it do not say which line of ",
        ": line 2 of it do not say which line of ",
        " has other columns than the file of this",
    ]
    assert told[6:] == [["Nothing was changed."], ["Choose the file with the corrected rows first."]]
    assert now(failing).sha256 == failing.sha256


def test_in_a_workbook_a_number_stays_one(client: Client) -> None:
    header, first = list(row(1)), [*row(1).values()]
    found = preview_of(client, xlsx_bytes([header, first, [*row(2, id_tag="x y").values()]]), "c.xlsx")
    errors = [*header, "line", "code", "field", "message", "hint"]
    corrected = [*row(2).values()]
    corrected[3] = 4123456789  # type: ignore[call-overload]

    do(client, found, "merge", rows=SimpleUploadedFile("e.xlsx", xlsx_bytes([errors, [*corrected, 3]])))

    assert [problem["code"] for problem in preview(found).rows[1]["problems"]] == ["id_tag_damaged"]


def test_an_error_file_of_an_export_is_merged_through_its_mapping(client: Client) -> None:
    mapping = (
        '[file]\nheader_line = 2\nencoding = "cp1252"\n[fields]\ndisplay_name = "Name"\nemail = "Mail"\n'
        'external_id = "Nr"\nid_tag = "RFID"\nstart_date = "Ab"\nplan_code = { constant = "standard" }\n'
    )
    header = ["Name", "Mail", "Nr", "RFID", "Ab"]
    kept = BackfillMapping.objects.create(name="CRM", content=mapping, header_digest=header_digest(header))
    table = [
        "Kunden",
        ";".join(header),
        "Jürgen;x;1;AB12CD34;2024-01-01",
        "Ada;a@x.org;2;AB12CD35;2024-01-01",
    ]
    found = preview_of(client, "\r\n".join(table).encode("cp1252"), mapping=str(kept.pk))

    errors = client.get(f"{preview_url(found)}errors/").content.decode("cp1252")
    saved = errors.replace(";x;", ";jürgen@example.com;").encode("utf-8-sig")
    told = do(client, found, "merge", rows=SimpleUploadedFile("errors.csv", saved))

    assert told[0] == "Planned anew. 1 row has problems."  # an address of that kind is none of ours
    assert bytes(now(found).data).decode("cp1252").splitlines()[1] == table[1]
    assert "jürgen@example.com" in bytes(now(found).data).decode("cp1252")
