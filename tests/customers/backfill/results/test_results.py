"""What came of a run, as a file: what is in it, in which form, and who is told that it was written."""

import csv
import io
import json
import stat
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from auditlog.models import AuditEntry
from customers.backfill.ledger.runs import find_run
from customers.backfill.results import Lines, write_results
from customers.backfill.results.invoices import Invoices
from customers.models import BackfillRun
from rehearsal.lago import Sandbox
from tests.customers import factories
from tests.customers.admin.world import client_of, member_of_staff, run_url, words_of
from tests.customers.factories import Row, csv_text, row, rows
from tests.customers.undoing import called, latest_run

pytestmark = pytest.mark.django_db(transaction=True)

GIVEN = [
    *rows(3),
    row(1, id_tag="SECOND1"),
    row(4, plan_code="not_there"),
    row(5, display_name="=HYPERLINK(1)", start_date="2030-02-01", note="+1"),
]


@pytest.fixture
def run(lago: Sandbox, tmp_path: Path) -> BackfillRun:
    """A run over a customer with two cards, one whom Lago had before, one whose plan is not there."""
    factories.lago_customer(lago, 2)
    imported(tmp_path, GIVEN)
    return latest_run()


def imported(folder: Path, given: list[Row]) -> Path:
    path = folder / "customers.csv"
    path.write_text(csv_text(given))
    called("backfill_customers", "--input", str(path), "--allow-partial", "--skip-existing")
    return path


def saved(run: BackfillRun, folder: Path, *more: str, name: str = "results.csv") -> tuple[str, Path]:
    answer = called("backfill_runs", run.run_id, "--results", str(folder / name), *more)
    assert answer.code == 0, answer.err
    return answer.err, folder / name


def read(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"))))


# --- What is in it -----------------------------------------------------------------------------------


def test_each_row_has_a_line_with_what_came_of_it(lago: Sandbox, run: BackfillRun, tmp_path: Path) -> None:
    told, path = saved(run, tmp_path)

    first, adopted, _, card, failed, later = read(path)
    there = {one["external_id"]: one for one in lago.state(volatile=True)["customers"]}
    assert "6 rows in" in told
    assert "its own columns need --input FILE" in told
    assert (first["line"], first["external_id"], first["outcome"]) == ("2", "C-1", "created")
    assert first["lago_customer_id"] == card["lago_customer_id"] == there["C-1"]["lago_id"]
    assert first["lago_subscription_id"] == card["lago_subscription_id"] != ""
    assert (failed["outcome"], failed["codes"]) == ("failed", "plan_not_found")
    assert failed["lago_customer_id"] == ""
    assert adopted["lago_customer_id"] == there["C-2"]["lago_id"]
    assert later["start"] == "2030-02-01"


def test_the_first_invoice_is_the_previews_and_of_a_customer_once(run: BackfillRun, tmp_path: Path) -> None:
    preview = factories.planned([row(9)]).plan.rows[0].bills
    assert preview is not None
    assert preview.first is not None

    first, adopted, _, card, failed, _ = read(saved(run, tmp_path)[1])

    assert first["first_invoice_date"] == preview.first.day.isoformat()
    assert first["first_invoice_net"] == f"{preview.first.amount_cents / 100:.2f}"
    assert "told as of" in first["first_invoice_remark"]
    assert (card["first_invoice_date"], failed["first_invoice_date"]) == ("", "")
    assert "was there before" in adopted["first_invoice_remark"]


def test_without_lago_the_invoices_are_blank_and_that_is_said(
    run: BackfillRun, tmp_path: Path, settings: Any
) -> None:
    settings.LAGO_API_KEY = ""

    told, path = saved(run, tmp_path)

    assert "First invoices are blank: Lago could not be asked" in told
    assert read(path)[0]["first_invoice_date"] == ""
    assert "could not be asked" in read(path)[0]["first_invoice_remark"]


def test_who_was_taken_back_is_said(run: BackfillRun, tmp_path: Path) -> None:
    called("backfill_revert", "--run-id", run.run_id, "--external-id", "C-1")

    lines = read(saved(run, tmp_path)[1])

    assert [line["outcome"] for line in lines if line["external_id"] == "C-1"] == ["taken_back"] * 2
    assert {line["lago_customer_id"] for line in lines if line["external_id"] == "C-1"} == {""}
    assert lines[2]["outcome"] == "created"


# --- Beside the file ---------------------------------------------------------------------------------


def test_with_the_file_its_own_columns_come_first_and_are_safe_to_open(
    run: BackfillRun, tmp_path: Path
) -> None:
    _, path = saved(run, tmp_path, "--input", str(tmp_path / "customers.csv"))

    first, *_, last = read(path)
    assert list(first)[:7] == [*row(1), "note"]
    assert (last["display_name"], last["note"]) == ("'=HYPERLINK(1)", "'+1")
    assert (first["external_id"], first["backfill_external_id"], first["outcome"]) == (
        "C-1",
        "C-1",
        "created",
    )


def test_another_file_is_refused_and_nothing_is_written(run: BackfillRun, tmp_path: Path) -> None:
    other, path = tmp_path / "other.csv", tmp_path / "results.csv"
    other.write_text(csv_text(rows(2)))

    answer = called("backfill_runs", run.run_id, "--results", str(path), "--input", str(other))

    assert answer.code == 2
    assert "other.csv is not the file of the run" in answer.err
    assert not path.exists()


def test_through_a_mapping_the_columns_are_the_operators(lago: Sandbox, tmp_path: Path) -> None:
    export, mapping, path = (tmp_path / name for name in ("crm.csv", "crm.toml", "results.csv"))
    export.write_text(
        "Nr;Mail;Who;Card;State\n7;a@example.com;Anna;AA11BB22;ok\n8;b@example.com;Ben;AA11BB33;gone\n"
    )
    mapping.write_text(
        '[fields]\nexternal_id = "Nr"\nemail = "Mail"\ndisplay_name = "Who"\nid_tag = "Card"\n'
        'plan_code = { constant = "standard" }\nstart_date = { constant = "2024-01-01" }\n'
        '[[leave_out]]\ncolumn = "State"\nvalues = ["gone"]\n'
    )
    through = ("--input", str(export), "--mapping", str(mapping))
    assert called("backfill_customers", *through).code == 0

    without = called("backfill_runs", latest_run().run_id, "--results", str(path), "--input", str(export))
    saved(latest_run(), tmp_path, *through)

    assert without.code == 2
    assert "through the mapping crm.toml" in without.err
    assert [(line["Nr"], line["Who"], line["outcome"]) for line in read(path)] == [
        ("7", "Anna", "created"), ("8", "Ben", "left_out"),
    ]  # fmt: skip


# --- In which form -----------------------------------------------------------------------------------


def test_every_form_says_the_same(run: BackfillRun, tmp_path: Path) -> None:
    own = ("--input", str(tmp_path / "customers.csv"))
    text = read(saved(run, tmp_path, *own)[1])
    items = json.loads(saved(run, tmp_path, *own, name="results.json")[1].read_text())
    book = openpyxl.load_workbook(saved(run, tmp_path, *own, name="results.xlsx")[1]).active
    header, *table = [list(cells) for cells in book.values]

    assert list(items[0]) == header == list(text[0])
    assert [item["lago_customer_id"] for item in items] == [line["lago_customer_id"] for line in text]
    assert [cells[header.index("line")] for cells in table] == [2, 3, 4, 5, 6, 7]
    assert {type(item["first_invoice_net"]) for item in items[:1]} == {float}
    assert book.cell(7, 2).data_type == "s"


def test_a_file_is_for_its_owner_and_whole_or_not_at_all(
    run: BackfillRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, path = saved(run, tmp_path)
    before = path.read_bytes()
    monkeypatch.setattr(Invoices, "of", lambda self, one: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        called("backfill_runs", run.run_id, "--results", str(path))

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--results", "results.csv"), "--results needs a run"),
        (("RUN", "--results", "results.pdf"), "has to end in one of .csv, .xlsx, .json"),
        (("RUN", "--results", "/nowhere/results.csv"), "nothing can be written"),
        (("RUN", "--input", "customers.csv"), "mean something with --results only"),
    ],
)
def test_what_cannot_be_done_is_refused(run: BackfillRun, arguments: tuple[str, ...], told: str) -> None:
    answer = called("backfill_runs", *[run.run_id if one == "RUN" else one for one in arguments])

    assert (answer.code, told in answer.err) == (2, True)


# --- Who is told -------------------------------------------------------------------------------------


def test_it_is_written_down_who_has_it(run: BackfillRun, tmp_path: Path) -> None:
    saved(run, tmp_path)

    assert AuditEntry.objects.get(action="run.results_read").actor.startswith("cli:")


@pytest.mark.matrix
def test_a_hundred_thousand_rows_take_no_memory(run: BackfillRun, tmp_path: Path) -> None:
    import tracemalloc

    number = 100_000
    run.rows.all().delete()
    row_model = run.rows.model
    row_model.objects.bulk_create(
        (
            row_model(run=run, line=n, external_id=f"C-{n}", plan_code="standard")
            for n in range(2, number + 2)
        ),
        batch_size=5_000,
    )

    tracemalloc.start()
    with (tmp_path / "results.csv").open("wb") as stream:
        written = write_results(stream, "csv", Lines(find_run(run.run_id), Invoices(None), None))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert written == number
    assert peak < 40_000_000


# --- On a page ---------------------------------------------------------------------------------------


def test_a_page_says_at_once_that_a_run_is_too_large_for_it(run: BackfillRun, settings: Any) -> None:
    settings.MAX_UPLOAD_ROWS = 5
    client = client_of(member_of_staff("run_backfill", "view_backfillrun"))

    answer = client.get(f"{run_url(run).removesuffix('change/')}results/xlsx/", follow=True)

    assert "A page gives at most 5 rows as xlsx, and this run has 6." in words_of(answer)
    assert not AuditEntry.objects.filter(action="run.results_read").exists()
