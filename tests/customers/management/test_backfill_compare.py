"""`backfill_compare`: what it says, what it writes, and with which exit code."""

import csv
import json
import stat
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from auditlog.models import AuditEntry
from customers.backfill.compare import Kind
from customers.backfill.revert.chosen import read_chosen
from customers.backfill.source import SourceError
from customers.backfill.source.formulas import escape
from customers.models import BackfillRun, IdTagMapping, User
from rehearsal.lago import Sandbox
from tests.customers.backfill.compare.exports import two_exports
from tests.customers.backfill.files import ods_bytes, xlsx_bytes
from tests.customers.commands import Answer, command
from tests.customers.factories import (
    Row,
    csv_text,
    customer,
    lago_customer,
    lago_subscription,
    mapping,
    row,
    rows,
)
from tests.customers.factories import imported as imported_by
from tests.customers.undoing import all_rows, called, latest_run, reverted
from tests.rehearsal.lago.calls import Caller

pytestmark = pytest.mark.django_db

SKIP = "on_termination_invoice=skip&on_termination_credit_note=skip"


def export(folder: Path, given: list[Row], name: str = "later.csv") -> Path:
    path = folder / name
    path.write_text(csv_text(given), "utf-8")
    return path


def compared(path: Path, *arguments: str) -> Answer:
    return called("backfill_compare", "--input", str(path), *arguments)


def by_kind(answer: Answer) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for one in answer.json["differences"]:
        found[one["kind"]].append(one["external_id"])
    return dict(found)


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def written(folder: Path) -> dict[str, int]:
    return {path.name: len(read(path)) for path in sorted(folder.iterdir())}


# --- the weeks between two exports -------------------------------------------------------------------

SIZES = [
    pytest.param({"customers": 40, "joined": 3, "left": 2, "plans": 2, "cards": 6, "addresses": 2}),
    pytest.param(
        {"customers": 2_000, "joined": 40, "left": 25, "plans": 30, "cards": 60, "addresses": 12},
        marks=pytest.mark.matrix,
    ),
]


@pytest.mark.parametrize("sizes", SIZES)
def test_two_exports_weeks_apart_are_told_apart_and_settled_as_it_is_said(
    lago: Sandbox, by_hand: Caller, tmp_path: Path, sizes: dict[str, int]
) -> None:
    exports = two_exports(**sizes)
    assert command(export(tmp_path, exports.first, "first.csv"), "--batch-size", "100").code == 0
    run_id = latest_run().run_id
    folder, again, anew = (tmp_path / name for name in ("out", "again", "anew"))
    for one in (folder, again, anew):
        one.mkdir()
    later = export(tmp_path, exports.second)
    before = all_rows()

    told = compared(later, "--format", "json", "--write", str(folder))

    assert told.code == 1
    assert {kind: set(who) for kind, who in by_kind(told).items()} == {
        kind.value: who for kind, who in exports.expected.items()
    }
    assert all(len(who) == len(set(who)) for who in by_kind(told).values())
    changed = {who for some in exports.expected.values() for who in some}
    assert told.json["same"] == sizes["customers"] + sizes["joined"] - len(changed)
    assert all_rows() == before  # not even an entry in the audit log

    # What comes of it is what the next commands take, in the order in which they are named.
    assert f"backfill_revert --run-id {run_id} --only {folder}/left.csv --dry-run" in told.err
    assert called("backfill_revert", "--run-id", run_id, "--only", str(folder / "left.csv")).code == 0
    assert command(folder / "joined.csv").code == 0
    assert command(folder / "cards.csv", "--skip-existing").code == 0

    told = compared(later, "--format", "json", "--write", str(again))

    still = {kind: set(who) for kind, who in by_kind(told).items()}
    expected = {kind.value: who for kind, who in exports.expected.items()}
    for kind in ("joined", "left", "card_added", "card_replaced"):
        del expected[kind]
    expected["card_gone"] |= exports.expected[Kind.CARD_REPLACED]  # the old cards are still on
    assert still == expected
    assert written(again) == {"by-hand.csv": sum(len(who) for who in expected.values())}

    # What is by hand is done by hand: then only cards that moved are left.
    tasks = read(again / "by-hand.csv")
    _do_by_hand(tasks, by_hand)
    plans = {task["external_id"] for task in tasks if task["what"] == "other_plan"}
    corrected = [one for one in exports.second if one["external_id"] in plans]
    assert command(export(tmp_path, corrected, "plans.csv"), "--skip-existing").code == 0
    assert set(by_kind(compared(later, "--format", "json"))) == {"card_moved"}

    # Such a card is free once its customer is reverted, who then is imported with the new one.
    moved = sorted(exports.expected[Kind.CARD_MOVED])
    assert called("backfill_revert", "--run-id", run_id, "--external-id", *moved).code == 0
    compared(later, "--write", str(anew))
    assert command(anew / "joined.csv").code == 0

    last = compared(later)
    assert (last.code, last.out.splitlines()[-1]) == (0, "Nothing differs.")
    assert lago.journal()["invoices"] == []


def _do_by_hand(tasks: list[dict[str, str]], by_hand: Caller) -> None:
    """Do what an operator does in the console and in Lago, as the file says."""
    fields = {"other_email": "email", "other_name": "display_name"}
    for task in tasks:
        who = task["external_id"]
        if task["what"] in fields:
            User.objects.filter(external_id=who).update(**{fields[task["what"]]: task["in_file"]})
        if task["what"] == "other_plan":
            assert task["to_do"].startswith("End the subscription in Lago without closing invoice")
            by_hand.delete(f"/subscriptions/backfill-{who}?{SKIP}")
        if task["what"] == "card_gone":
            IdTagMapping.objects.filter(id_tag=task["imported"]).update(is_active=False)


ODD_IDS = ("+49 170", "-5", "@z", "007", "0012.50", "a;b", "a,b", 'q"x', "Zoë ß 李", "'x", "' z")


def test_a_revert_takes_who_left_as_the_comparison_wrote_them(lago: Sandbox, tmp_path: Path) -> None:
    stays = row(90)
    imported_by([stays, *(row(n, external_id=who) for n, who in enumerate(ODD_IDS, 1))])
    folder = tmp_path / "out"
    folder.mkdir()
    compared(export(tmp_path, [stays]), "--write", str(folder))

    answer = called("backfill_revert", "--run-id", latest_run().run_id, "--only", str(folder / "left.csv"))

    assert answer.code == 0, answer.err
    assert [*User.objects.values_list("external_id", flat=True)] == ["C-90"]


@pytest.mark.parametrize("dialect", [{"delimiter": ","}, {"delimiter": ";"}, {"quoting": csv.QUOTE_ALL}])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_who_left_is_read_however_a_spreadsheet_saves_the_file(
    tmp_path: Path, dialect: dict[str, Any], encoding: str
) -> None:
    ids, path = [*ODD_IDS, "=1+1", "'=y", "=HYPERLINK(1)"], tmp_path / "left.csv"
    if dialect.get("delimiter") == ";":
        ids.remove("a,b")
    with path.open("w", encoding=encoding, newline="") as stream:
        csv.writer(stream, **dialect).writerows([["external_id"], *([escape(one)] for one in ids)])

    assert read_chosen(path) == ids


def test_an_id_that_was_taken_apart_is_refused_and_names_nobody(tmp_path: Path) -> None:
    path = tmp_path / "left.csv"  # as a spreadsheet with semicolons saves it
    path.write_text("external_id\nC-1\na,b\n")

    with pytest.raises(SourceError, match="more cells than the header has, on line 3"):
        read_chosen(path)


@pytest.mark.matrix
def test_ten_thousand_against_ten_thousand(lago: Sandbox, tmp_path: Path) -> None:
    imported_by(rows(10_000), batch_size=500)
    later = export(tmp_path, [*rows(10_000)[100:], *(row(n) for n in range(10_001, 10_101))])
    began = time.monotonic()

    told = compared(later, "--format", "json")

    assert time.monotonic() - began < 10
    assert (told.json["counts"]["left"], told.json["counts"]["joined"], told.json["same"]) == (
        100,
        100,
        9_900,
    )


# --- what it says ------------------------------------------------------------------------------------


def test_the_same_file_again_differs_in_nothing(lago: Sandbox, tmp_path: Path) -> None:
    imported_by(rows(3))

    told = compared(export(tmp_path, rows(3)))

    assert told.code == 0
    assert "3 rows, 3 customers, against 3 customers of all runs that stand" in told.out
    assert "Nothing differs." in told.out


def test_people_are_masked_unless_they_are_asked_for(lago: Sandbox, tmp_path: Path) -> None:
    imported_by(rows(3))
    changed = [
        row(1, email="other@example.com"),
        row(2, display_name="Secretive"),
        row(3, id_tag="04A1B2C3D4"),
    ]
    later = export(tmp_path, changed)

    masked = [compared(later), compared(later, "--format", "json")]
    whole = compared(later, "--show-values")

    for secret in (
        "other@example.com",
        "customer1@example.com",
        "Secretive",
        "Customer 2",
        "04A1B2C3D4",
        "TAG0003",
    ):
        assert all(secret not in told.out + told.err for told in masked)
        assert secret in whole.out


def test_money_is_told_of_who_joined_who_left_and_who_changed_plan(lago: Sandbox, tmp_path: Path) -> None:
    imported_by(rows(3))
    later = export(tmp_path, [row(2), row(3, plan_code="fleet"), row(4)])

    text, document = compared(later), compared(later, "--format", "json").json

    assert document["sums"] == [
        {"kind": "left", "currency": "EUR", "interval": "monthly", "customers": 1, "amount_cents": -1000},
        {"kind": "joined", "currency": "EUR", "interval": "monthly", "customers": 1, "amount_cents": 1000},
        {
            "kind": "other_plan",
            "currency": "EUR",
            "interval": "monthly",
            "customers": 1,
            "amount_cents": 4000,
        },
    ]
    joined = next(one for one in document["differences"] if one["kind"] == "joined")
    assert joined["costs"]["first_invoice"]["amount_cents"] == 1000
    assert joined["costs"]["second_invoice"]["date"] > joined["costs"]["first_invoice"]["date"]
    assert "Another plan: +40.00 EUR a month, 1 customer" in text.out
    assert "billed by mistake: 10.00 EUR a month" in text.out


def test_who_was_in_lago_before_the_import_is_ended_there_by_hand(imported: Sandbox, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    given = [*rows(3), row(3, id_tag="SECOND3"), row(4, start_date="2030-01-01")]

    told = compared(export(tmp_path, given), "--format", "json", "--write", str(folder))

    assert by_kind(told) == {"left": ["C-5"]}
    assert "end it in Lago" in told.json["differences"][0]["note"]
    assert read(folder / "left.csv") == [{"external_id": "C-5"}]


def test_a_plan_that_lago_has_no_longer_has_no_price(lago: Sandbox, by_hand: Caller, tmp_path: Path) -> None:
    imported_by(rows(2))
    by_hand.delete("/plans/standard")

    told = compared(export(tmp_path, [row(1, plan_code="fleet")]), "--format", "json").json

    left = next(one for one in told["differences"] if one["kind"] == "left")
    assert left["costs"]["before"]["plan_code"] == "standard"


def test_an_empty_ledger_has_nothing_to_be_compared_with(lago: Sandbox, tmp_path: Path) -> None:
    told = compared(export(tmp_path, rows(1)))

    assert told.code == 2
    assert "Nothing is imported" in told.err


def test_a_file_that_cannot_be_read_is_no_comparison(lago: Sandbox, tmp_path: Path) -> None:
    imported_by(rows(1))
    later = tmp_path / "later.csv"
    later.write_text("name,card\nA,B\n")

    assert compared(later).code == 2


# --- rows that cannot be read ------------------------------------------------------------------------


def test_whoever_is_on_a_damaged_row_has_not_left(lago: Sandbox, tmp_path: Path) -> None:
    imported_by(rows(4))
    surplus = csv_text([row(1), row(4)]) + ",".join([*row(2).values(), "one cell too many"]) + "\n"
    later = tmp_path / "later.csv"
    later.write_text(surplus + ",".join(row(3, external_id="1.2E+13").values()) + "\n", "utf-8")

    told = compared(later, "--format", "json")

    assert told.code == 1
    assert by_kind(told) == {}
    assert [one["line"] for one in told.json["problems"]] == [4, 5]
    assert any("C-2 may be on line 4" in one for one in told.json["warnings"])
    assert any("C-3 may be on line 5" in one for one in told.json["warnings"])


def test_a_card_that_cannot_be_read_is_not_gone(lago: Sandbox, tmp_path: Path) -> None:
    imported_by(rows(1))

    told = compared(export(tmp_path, [row(1, id_tag="4.12E+13")]), "--format", "json")

    assert by_kind(told) == {}
    assert [one["code"] for one in told.json["problems"]] == ["id_tag_damaged"]


def test_what_the_file_gives_to_two_is_its_problem_and_nothing_to_be_done(
    lago: Sandbox, tmp_path: Path
) -> None:
    imported_by(rows(4))
    given = [row(1), row(2, id_tag="TAG0001"), row(3, email="customer4@example.com"), row(4)]

    told = compared(export(tmp_path, given), "--format", "json")

    assert by_kind(told) == {}  # no card to be switched off, no address to be changed
    assert {one["code"] for one in told.json["problems"]} == {"id_tag_duplicate", "email_duplicate"}


# --- notations ---------------------------------------------------------------------------------------


def test_a_card_in_another_notation_is_the_same_card_and_said_so(lago: Sandbox, tmp_path: Path) -> None:
    imported_by([row(1, id_tag="04A1B2C3"), row(2, id_tag="04a1b2c4")])

    later = export(tmp_path, [row(1, id_tag="04-A1-B2-C3"), row(2, id_tag="04A1B2C4")])
    told = compared(later, "--format", "json")

    assert told.code == 0
    assert [one["external_id"] for one in told.json["remarks"]] == ["C-1"]


def test_an_external_id_in_other_capitals_has_neither_left_nor_joined(lago: Sandbox, tmp_path: Path) -> None:
    imported_by(rows(1))

    told = compared(export(tmp_path, [row(1, external_id="c-1")]), "--format", "json")

    assert told.code == 0
    assert "spells the external_id otherwise" in told.json["remarks"][0]["message"]


def test_a_replaced_card_that_may_be_the_same_is_said_so(lago: Sandbox, tmp_path: Path) -> None:
    imported_by([row(1, id_tag="04A1B2C3")])

    told = compared(export(tmp_path, [row(1, id_tag="C3B2A104")]), "--format", "json")

    assert by_kind(told) == {"card_replaced": ["C-1"]}
    assert "perhaps the same card" in told.json["differences"][0]["note"]


# --- several runs ------------------------------------------------------------------------------------


def test_against_one_run_who_is_in_another_has_neither_joined_nor_left(lago: Sandbox, tmp_path: Path) -> None:
    imported_by(rows(2))
    first = latest_run()
    imported_by([row(3), row(5)])

    told = compared(export(tmp_path, [row(1), row(3), row(4)]), "--run-id", first.run_id, "--format", "json")

    assert by_kind(told) == {"left": ["C-2"], "joined": ["C-4"]}


def test_who_was_reverted_has_joined_when_the_file_has_them(lago: Sandbox, tmp_path: Path) -> None:
    imported_by(rows(2))
    imported_by([row(3)])
    reverted()

    told = compared(export(tmp_path, rows(3)), "--format", "json")

    assert by_kind(told) == {"joined": ["C-3"]}


def test_what_a_reverted_run_had_only_found_is_nobodys_any_more(lago: Sandbox, tmp_path: Path) -> None:
    mapping(customer(1))
    lago_customer(lago, 1)
    lago_subscription(lago, 1)
    imported_by(rows(2), skip_existing=True)
    reverted()
    imported_by([row(3)])

    told = compared(export(tmp_path, [row(3)]), "--format", "json")

    assert IdTagMapping.objects.filter(user__external_id="C-1", is_active=True).exists()
    assert by_kind(told) == {}


def test_what_an_abandoned_run_made_is_billed_and_so_counts(lago: Sandbox, tmp_path: Path) -> None:
    imported_by(rows(2))
    BackfillRun.objects.update(status=BackfillRun.Status.ABANDONED)

    told = compared(export(tmp_path, [row(1)]), "--format", "json")

    assert by_kind(told) == {"left": ["C-2"]}
    assert told.json["differences"][0]["runs"] == [latest_run().run_id]


def test_a_card_that_a_later_run_brought_counts(lago: Sandbox, tmp_path: Path) -> None:
    imported_by(rows(1))
    imported_by([row(1, id_tag="SECOND1")], skip_existing=True)

    told = compared(export(tmp_path, [row(1), row(1, id_tag="SECOND1")]), "--format", "json")
    left = compared(export(tmp_path, [row(9)]), "--format", "json").json["differences"][0]

    assert told.code == 0
    assert len(left["runs"]) == 2


def test_a_run_that_is_not_finished_is_said(lago: Sandbox, tmp_path: Path) -> None:
    imported_by(rows(3), first=1)

    told = compared(export(tmp_path, rows(3)), "--format", "json")

    assert by_kind(told) == {"joined": ["C-2", "C-3"]}
    assert f"Not finished: {latest_run().run_id}" in told.json["warnings"][0]


# --- changed by hand since ---------------------------------------------------------------------------


def test_an_address_that_was_changed_here_counts_as_it_is_now(lago: Sandbox, tmp_path: Path) -> None:
    imported_by(rows(1))
    User.objects.filter(external_id="C-1").update(email="new@example.com")

    assert compared(export(tmp_path, [row(1, email="New@example.com")])).code == 0
    assert by_kind(compared(export(tmp_path, rows(1)), "--format", "json")) == {"other_email": ["C-1"]}


def test_a_card_that_is_off_here_is_told_only_where_the_file_has_it(lago: Sandbox, tmp_path: Path) -> None:
    imported_by([row(1), row(1, id_tag="SECOND1")])
    IdTagMapping.objects.filter(id_tag="SECOND1").update(is_active=False)

    assert compared(export(tmp_path, [row(1)])).code == 0
    both = compared(export(tmp_path, [row(1), row(1, id_tag="SECOND1")]), "--format", "json")
    assert by_kind(both) == {"card_off": ["C-1"]}


def test_a_start_is_told_with_the_days_between(lago: Sandbox, tmp_path: Path) -> None:
    imported_by(rows(1))

    told = compared(export(tmp_path, [row(1, start_date="2024-01-31")]), "--format", "json")

    assert by_kind(told) == {"other_start": ["C-1"]}
    assert told.json["differences"][0]["note"] == "30 days later"


@pytest.mark.parametrize("change", [{"plan_code": "fleet"}, {"start_date": "2024-03-01"}])
def test_what_was_ended_in_lago_and_imported_anew_agrees(
    lago: Sandbox, by_hand: Caller, tmp_path: Path, change: dict[str, str]
) -> None:
    imported_by(rows(2))
    later = export(tmp_path, [row(1, **change), row(2)])
    assert compared(later).code == 1
    by_hand.delete(f"/subscriptions/backfill-C-1?{SKIP}")
    assert imported_by([row(1, **change)], skip_existing=True).status == "succeeded"

    assert compared(later).code == 0
    gone = compared(export(tmp_path, [row(2)]), "--format", "json").json["differences"][0]
    assert gone["costs"]["before"]["plan_code"] == change.get("plan_code", "standard")  # by the last run


# --- cards that others have --------------------------------------------------------------------------


def test_who_joined_with_somebody_elses_card_waits_until_that_is_settled(
    lago: Sandbox, tmp_path: Path
) -> None:
    imported_by(rows(2))
    folder = tmp_path / "out"
    folder.mkdir()
    given = [row(1, id_tag="NEW1"), row(3, id_tag="TAG0001"), row(4, id_tag="TAG0002"), row(5)]

    told = compared(export(tmp_path, given), "--format", "json", "--write", str(folder))

    assert by_kind(told)["card_moved"] == ["C-3", "C-4"]
    notes = {
        one["external_id"]: one["note"] for one in told.json["differences"] if one["kind"] == "card_moved"
    }
    assert notes["C-3"] == ""
    assert "who left" in notes["C-4"]  # its import comes after the revert
    assert [one["external_id"] for one in read(folder / "joined.csv")] == ["C-4", "C-5"]
    assert any("is still somebody else's" in one for one in told.json["warnings"])


# --- files -------------------------------------------------------------------------------------------


def test_files_are_for_their_owner_and_never_beside_older_ones(lago: Sandbox, tmp_path: Path) -> None:
    imported_by(rows(2))
    folder = tmp_path / "out"
    folder.mkdir()
    later = export(tmp_path, [row(1), row(3)])

    compared(later, "--write", str(folder))
    again = compared(later, "--write", str(folder))

    assert sorted(path.name for path in folder.iterdir()) == ["joined.csv", "left.csv"]
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in folder.iterdir())
    assert again.code == 2
    assert "already" in again.err


MAPPING = """
[file]
header_line = 3
date_format = "%d.%m.%Y"
[fields]
email = "E-Mail"
display_name = { columns = ["Vorname", "Nachname"], joined_with = " " }
external_id = "Kundennummer"
id_tag = "Karte"
plan_code = "Tarif"
start_date = "Beginn"
[values.plan_code]
Basis = "standard"
[[leave_out]]
column = "Status"
values = ["gekündigt"]
"""


def crm(folder: Path, lines: list[str], name: str) -> Path:
    path = folder / name
    head = "Kunden;;;;;;;\n\nKundennummer;Vorname;Nachname;E-Mail;Karte;Tarif;Beginn;Status\n"
    path.write_text(head + "\n".join(lines) + "\n", "cp1252")
    return path


def test_the_same_mapping_reads_what_joined(lago: Sandbox, tmp_path: Path) -> None:
    crm_toml, folder = tmp_path / "crm.toml", tmp_path / "out"
    crm_toml.write_text(MAPPING, "utf-8")
    folder.mkdir()
    through = ("--mapping", str(crm_toml), "--encoding", "cp1252")
    jürgen = "7;Jürgen;Müller;j@example.com;AA01;Basis;01.01.2024;aktiv"
    ended = "8;Ida;Ende;i@example.com;AA02;Basis;01.01.2024;"
    first = crm(tmp_path, [jürgen, f"{ended}aktiv"], "first.csv")
    assert command(first, *through).code == 0
    new = "9;Käthe;Neu;k@example.com;AA03;Basis;01.02.2024;aktiv"
    later = crm(tmp_path, [jürgen, f"{ended}gekündigt", new], "later.csv")

    told = compared(later, *through, "--format", "json", "--write", str(folder))

    assert by_kind(told) == {"left": ["8"], "joined": ["9"]}
    left = told.json["differences"][0]
    assert (left["lines"], left["note"]) == ([5], "left out of the file by “Status”")
    assert command(folder / "joined.csv", *through).code == 0
    assert User.objects.get(external_id="9").display_name == "Käthe Neu"


def table(given: list[Row]) -> list[list[str]]:
    return [[*given[0]], *([*one.values()] for one in given)]


FORMATS: dict[str, Callable[[list[Row]], bytes]] = {
    "xlsx": lambda given: xlsx_bytes(table(given)),
    "ods": lambda given: ods_bytes(table(given)),
    "json": lambda given: json.dumps({"customers": given}).encode(),
}


def test_of_a_file_that_the_mapping_leaves_out_as_a_whole_all_have_left(
    lago: Sandbox, tmp_path: Path
) -> None:
    crm_toml = tmp_path / "crm.toml"
    crm_toml.write_text('[[leave_out]]\ncolumn = "plan_code"\nvalues = ["standard"]\n', "utf-8")
    imported_by(rows(2))

    told = compared(export(tmp_path, rows(2)), "--mapping", str(crm_toml), "--format", "json")

    assert by_kind(told) == {"left": ["C-1", "C-2"]}


@pytest.mark.parametrize("kind", FORMATS)
def test_what_joined_has_the_format_of_the_export(lago: Sandbox, tmp_path: Path, kind: str) -> None:
    imported_by(rows(1))
    folder = tmp_path / "out"
    folder.mkdir()
    later = tmp_path / f"later.{kind}"
    later.write_bytes(FORMATS[kind]([row(1), row(2)]))

    compared(later, "--write", str(folder))

    assert command(folder / f"joined.{kind}").code == 0
    assert User.objects.filter(external_id="C-2").exists()


def test_nothing_is_written_down(lago: Sandbox, tmp_path: Path) -> None:
    imported_by(rows(2))
    before, entries = all_rows(), AuditEntry.objects.count()

    compared(export(tmp_path, [row(1), row(3)]))

    assert all_rows() == before
    assert AuditEntry.objects.count() == entries
