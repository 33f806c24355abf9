"""Traps of django-import-export that were measured before it was chosen; each is closed, in this order."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.admin.models import LogEntry
from django.core.exceptions import PermissionDenied
from django.test import Client, RequestFactory
from django.urls import reverse
from django_q.models import OrmQ
from import_export.admin import ImportMixin

from customers.admin.imports.formats import UPLOAD_FORMATS
from customers.models import BackfillRun, BackfillUpload, User
from customers.resources import RunResource
from rehearsal.lago import Sandbox
from tests.customers.admin.world import (
    CONFIRM,
    IMPORT,
    client_of,
    confirm,
    confirmation,
    csv_file,
    customers_csv,
    errors_on,
    member_of_staff,
    preview_of,
    preview_page,
    queued,
    run_url,
    said,
    text_of,
    upload,
    words_of,
)
from tests.customers.backfill.files import HEADER, LINE, xlsx_bytes
from tests.customers.factories import csv_text, customer, imported, row, rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(lago: Sandbox) -> Client:
    return client_of(member_of_staff("run_backfill"))


def preview_rows(client: Client, found: BackfillUpload) -> dict[int, list[str]]:
    page = client.get(reverse("admin:customers_backfillrun_preview", args=[found.pk]), {"show": "all"})
    return {row["line"]: [problem["code"] for problem in row["problems"]] for row in page.context["rows"]}


def test_1_a_preview_runs_no_hook_with_an_effect(client: Client, lago: Sandbox) -> None:
    preview_of(client, customers_csv(3))

    assert not {call for call in lago.counts() if not call.startswith("GET ")}
    assert not BackfillRun.objects.exists()


def test_2_a_confirmation_that_fails_claims_no_success(client: Client) -> None:
    fields = confirmation(preview_page(client, preview_of(client, customers_csv(1))))
    BackfillUpload.objects.update(data=b"something else")

    answer = client.post(CONFIRM, fields)

    assert answer.status_code == 302
    assert not any("queued" in message for message in said(client, answer))
    assert not LogEntry.objects.exists()


def test_3_staff_without_the_permission_cannot_import(lago: Sandbox) -> None:
    plain = client_of(member_of_staff("view_backfillrun", "view_customer"))

    statuses = [plain.get(IMPORT), upload(plain, customers_csv(1)), plain.post(CONFIRM)]

    assert [answer.status_code for answer in statuses] == [403, 403, 403]
    assert not BackfillUpload.objects.exists()


class AddedLater(ImportMixin, ModelAdmin):  # type: ignore[misc]
    """A page for imports that nobody thought of: the library's own, with nothing said about permissions."""


def test_3_an_admin_page_that_is_added_later_is_closed_by_default(rf: RequestFactory) -> None:
    request = rf.get("/")
    request.user = member_of_staff("run_backfill", "add_user", "change_user", "view_user")

    with pytest.raises(PermissionDenied):
        AddedLater(User, AdminSite()).import_action(request)


def test_4_a_refused_row_rolls_the_confirmation_back(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    tabs = [preview_of(client, customers_csv(1)) for _ in range(2)]
    first, second = (confirmation(preview_page(client, tab)) for tab in tabs)
    client.post(CONFIRM, first)
    written: list[User] = []
    monkeypatch.setattr(RunResource, "before_import", lambda *_, **__: written.append(customer(7)))

    answer = client.post(CONFIRM, second)  # the file is being worked on, so its row is refused

    assert any("Nothing was started" in message for message in said(client, answer))
    assert len(written) == 1
    assert not User.objects.filter(pk=written[0].pk).exists()


def test_5_a_file_without_rows_has_nothing_to_confirm(client: Client) -> None:
    answer = upload(client, csv_text([]).encode())

    if answer.status_code == 302:
        answer = client.get(answer["Location"])
    assert f'action="{CONFIRM}"' not in text_of(answer)


def test_6_and_7_nothing_is_enqueued_by_a_preview(
    client: Client, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        preview_of(client, customers_csv(1))

    assert callbacks == []
    assert not OrmQ.objects.exists()


def test_8_no_file_is_left_in_the_temporary_folder(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 10_000
    too_much_for_memory = b"\n" * 10_000

    queued(client, customers_csv(1))
    preview_of(client, customers_csv(2) + too_much_for_memory)

    assert list(folder.iterdir()) == []


def test_8_a_second_confirmation_is_no_error_of_the_server(client: Client) -> None:
    found = preview_of(client, customers_csv(1))
    fields = confirmation(preview_page(client, found))
    client.post(CONFIRM, fields)
    BackfillUpload.objects.all().delete()  # the run has ended

    assert client.post(CONFIRM, fields).status_code == 302


def test_9_the_library_changes_no_data_against_formulas(client: Client) -> None:
    found = preview_of(client, csv_file([row(1, display_name="=1+1")]))

    run = queued(client, csv_file([row(2, display_name="=1+1")]))

    assert not getattr(settings, "IMPORT_EXPORT_ESCAPE_FORMULAE_ON_EXPORT", False)
    assert b"=1+1" in bytes(found.data)
    assert b"=1+1" in bytes(run.upload.data)


def test_10_a_header_that_is_there_twice_is_refused(client: Client) -> None:
    answer = upload(client, f"{HEADER},email\n{LINE},x@example.com\n".encode())

    assert any("email" in message for message in errors_on(answer))


def test_10_a_row_that_is_too_long_is_a_problem_of_that_row(client: Client) -> None:
    found = preview_of(client, f"{HEADER}\n{LINE},surplus\n".encode())

    assert preview_rows(client, found) == {2: ["cells_surplus"]}


def test_10_lines_are_those_of_the_file_also_after_a_blank_one(client: Client) -> None:
    lines = csv_text([row(1), row(2)]).splitlines()

    found = preview_of(client, "\r\n".join([lines[0], "", lines[1], "", lines[2]]).encode())

    assert list(preview_rows(client, found)) == [3, 5]


def test_10_a_semicolon_file_is_read(client: Client) -> None:
    found = preview_of(client, csv_file([row(1)]).replace(b",", b";"))

    assert preview_rows(client, found) == {2: []}


def test_10_an_id_tag_that_a_workbook_made_a_number_is_told(client: Client) -> None:
    first = row(1)

    found = preview_of(client, xlsx_bytes([list(first), [*(first | {"id_tag": 4712}).values()]]), "c.xlsx")

    assert preview_rows(client, found) == {2: ["id_tag_damaged"]}


def test_11_lines_are_right_also_where_rows_before_are_skipped(client: Client) -> None:
    imported(rows(2))

    found = preview_of(client, csv_file([*rows(2), row(3, plan_code="gold")]), skip_existing="on")

    assert preview_rows(client, found) == {2: [], 3: [], 4: ["plan_not_found"]}


def test_12_and_13_no_traceback_and_no_secret_reaches_the_page(client: Client, settings: Any) -> None:
    settings.LAGO_API_KEY = "secret-key-0123456789"

    answer = upload(client, customers_csv(1))

    page = text_of(answer)
    assert answer.status_code == 200
    assert errors_on(answer)
    assert "Traceback" not in page
    assert "secret-key" not in page


def test_14_the_preview_has_cells_without_the_library_s_diff(client: Client) -> None:
    found = preview_of(client, customers_csv(1))

    assert RunResource._meta.skip_diff
    assert "C-1" in words_of(client.get(reverse("admin:customers_backfillrun_preview", args=[found.pk])))


def test_15_nothing_is_written_in_bulk_behind_the_hooks() -> None:
    assert RunResource._meta.use_bulk is False
    assert RunResource._meta.use_transactions is True


def test_16_the_library_sees_one_row_however_long_the_file_is(client: Client) -> None:
    found = preview_of(client, customers_csv(50))

    dataset = UPLOAD_FORMATS[0]().create_dataset(found)

    assert len(dataset) == 1


def test_17_one_request_leaves_nothing_to_the_next(client: Client) -> None:
    first = queued(client, customers_csv(1))
    other = client_of(member_of_staff("run_backfill", email="olga@operator.example"))

    second = queued(other, csv_file([row(9)]))

    assert first.pk != second.pk
    assert second.actor == f"staff:{User.objects.get(email='olga@operator.example').pk}"


def test_18_the_form_s_own_names_are_what_is_sent(client: Client) -> None:
    page = text_of(client.get(IMPORT))
    names = {"import_file", "resource", "format", "skip_existing", "allow_partial", "date_format"}

    answer = confirm(client, preview_of(client, customers_csv(1)))

    assert all(f'name="{name}"' in page for name in names)
    assert answer["Location"] == run_url(BackfillRun.objects.get())
