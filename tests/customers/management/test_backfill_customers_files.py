"""`backfill_customers` over whole files: as an operator has them, good and bad."""

import csv
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps

from auditlog.models import AuditEntry
from customers.backfill.source.error_cells import write_ods, write_xlsx
from customers.models import BackfillRow, BackfillStep, IdTagMapping, User
from rehearsal.lago import Sandbox
from tests.customers import operator_files
from tests.customers.commands import as_json, command
from tests.customers.factories import Row, row, table_counts, unchanged

pytestmark = pytest.mark.django_db

# --- Rows that cannot be imported, one of each kind --------------------------------------------------

FAULTY: list[tuple[dict[str, str], list[str]]] = [
    ({"email": ""}, ["email_blank"]),
    ({"email": "a@example.com,b@example.com"}, ["email_invalid"]),
    ({"email": "twin@example.com"}, ["email_duplicate"]),
    ({"email": "TWIN@example.com"}, ["email_duplicate"]),
    ({"display_name": "   "}, ["display_name_blank"]),
    ({"display_name": "x" * 256}, ["display_name_too_long"]),
    ({"external_id": ""}, ["external_id_blank"]),
    ({"external_id": ".."}, ["external_id_invalid"]),
    ({"external_id": "SAME"}, ["external_id_duplicate"]),
    ({"external_id": "same"}, ["external_id_duplicate"]),
    ({"id_tag": ""}, ["id_tag_blank"]),
    ({"id_tag": "AB CD"}, ["id_tag_invalid"]),
    ({"id_tag": "ocpp-1"}, ["id_tag_reserved"]),
    ({"id_tag": "4,12E+13"}, ["id_tag_damaged"]),
    ({"id_tag": "DOUBLE"}, ["id_tag_duplicate"]),
    ({"id_tag": "double"}, ["id_tag_duplicate"]),
    ({"plan_code": ""}, ["plan_code_blank"]),
    ({"plan_code": "Standard"}, ["plan_not_found"]),
    ({"start_date": ""}, ["start_date_blank"]),
    ({"start_date": "2023-02-29"}, ["start_date_invalid"]),
    (
        {"email": "x", "id_tag": "?", "plan_code": "nope"},
        ["email_invalid", "id_tag_invalid", "plan_not_found"],
    ),
]


def write_csv(path: Path, given: list[Row], delimiter: str = ",", encoding: str = "utf-8") -> Path:
    with path.open("w", encoding=encoding, newline="") as stream:
        writer = csv.DictWriter(stream, [*row()], delimiter=delimiter)
        writer.writeheader()
        writer.writerows(given)
    return path


def faulty_file(folder: Path) -> Path:
    given = [row(number, **changes) for number, (changes, _) in enumerate(FAULTY, start=1)]
    return write_csv(folder / "customers.csv", [*given, row(100), row(101)])


def test_every_fault_has_its_codes_and_nothing_is_written(lago: Sandbox, tmp_path: Path) -> None:
    same = unchanged(lago)

    answer = as_json(faulty_file(tmp_path))

    assert answer.code == 1
    assert answer.codes == {line: codes for line, (_, codes) in enumerate(FAULTY, start=2)}
    assert same()


def test_of_a_faulty_file_the_good_rows_go_in(lago: Sandbox, tmp_path: Path) -> None:
    answer = as_json(faulty_file(tmp_path), "--allow-partial")

    assert (answer.code, answer.json["counts"]["created"]) == (1, 2)
    assert {user.external_id for user in User.objects.all()} == {"C-100", "C-101"}
    assert BackfillRow.objects.filter(outcome="failed").count() == len(FAULTY)


def test_the_operators_messy_file_has_the_expected_codes(lago: Sandbox, tmp_path: Path) -> None:
    path, expected = operator_files.messy(tmp_path)
    same = unchanged(lago)

    answer = as_json(path)

    assert answer.code == 1
    assert answer.codes == expected
    assert same()


def test_the_operators_messy_file_goes_in_in_part(lago: Sandbox, tmp_path: Path) -> None:
    path, faulty = operator_files.messy(tmp_path)

    answer = as_json(path, "--allow-partial")

    assert answer.code == 1
    assert answer.json["counts"]["created"] == User.objects.count() == len(lago.state()["subscriptions"])
    assert answer.json["counts"]["created"] == answer.json["input"]["rows"] - len(faulty)


# --- The same rows in every format -------------------------------------------------------------------


def mixed_rows(count: int = 40) -> list[Row]:
    """Good and bad rows, several cards, names of many alphabets."""
    plans = ["standard", "fleet", "gold"]
    given = [row(n, plan_code=plans[n % 3], display_name=f"Zoë Ωμέγα {n}") for n in range(1, count)]
    return [*given, row(1, id_tag="CARD2", plan_code="fleet", display_name="Zoë Ωμέγα 1")]


def table(given: list[Row]) -> list[list[str]]:
    return [[*given[0]], *([*one.values()] for one in given)]


def written_as(kind: str, folder: Path, given: list[Row]) -> Path:
    path = folder / f"customers.{kind}"
    if kind == "json":
        text = ",\n".join(json.dumps(one) for one in given)
        path.write_text(f"[\n{text}\n]")  # the second line is the first row, as in a CSV file
    elif kind == "csv-de":
        return write_csv(folder / "german.csv", given, ";", "utf-8-sig")
    elif kind == "utf-16":
        return write_csv(folder / "unicode.csv", given, "\t", "utf-16")
    else:
        stream = io.BytesIO()
        (write_xlsx if kind == "xlsx" else write_ods)(stream, table(given))
        path.write_bytes(stream.getvalue())
    return path


@pytest.mark.parametrize("kind", ["xlsx", "ods", "json", "csv-de", "utf-16"])
def test_every_format_gives_the_same_plan(lago: Sandbox, tmp_path: Path, kind: str) -> None:
    given = mixed_rows()

    as_csv = as_json(write_csv(tmp_path / "customers.csv", given), "--dry-run").json
    other = as_json(written_as(kind, tmp_path, given), "--dry-run").json

    assert as_csv["counts"] == {"create": 27, "complete": 0, "skip": 0, "fail": 13}
    assert {name: other[name] for name in ("rows", "counts", "billing", "status")} == {
        name: as_csv[name] for name in ("rows", "counts", "billing", "status")
    }


# --- A thousand rows ---------------------------------------------------------------------------------


def starts_of(path: Path) -> dict[str, str]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        dialect: Any = ";" if ";" in stream.readline() else ","
        stream.seek(0)
        given = list(csv.DictReader(stream, delimiter=dialect))
    return {f"backfill-{one['external_id']}": f"{one['start_date']}T00:00:00Z" for one in given}


def test_a_dry_run_of_a_thousand_rows_writes_nothing(lago: Sandbox, tmp_path: Path) -> None:
    same = unchanged(lago)

    answer = command(operator_files.thousand(tmp_path), "--dry-run")

    assert answer.code == 0
    assert "1,000 create" in answer.out
    assert same()


@pytest.mark.matrix
def test_a_thousand_rows_go_in_once(lago: Sandbox, tmp_path: Path) -> None:
    path = operator_files.thousand(tmp_path)

    answer = as_json(path)

    assert (answer.code, answer.json["counts"]["created"]) == (0, 1000)
    check_state(lago, path)
    check_log(Path(answer.json["log"]))
    check_audit(f"backfill:{answer.json['run_id']}")
    check_again(lago, path)


def check_state(lago: Sandbox, path: Path) -> None:
    state = lago.state()
    assert User.objects.count() == IdTagMapping.objects.filter(is_active=True).count() == 1000
    assert BackfillStep.objects.filter(state="created").count() == BackfillStep.objects.count() == 4000
    assert len(state["customers"]) == len(state["subscriptions"]) == 1000
    assert {one["status"] for one in state["subscriptions"]} == {"active"}
    assert {one["external_id"]: one["subscription_at"] for one in state["subscriptions"]} == starts_of(path)
    assert lago.requests()["total"] <= 2100
    assert lago.journal() == {"invoices": [], "credit_notes": []}


def check_log(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len([line for line in lines if " outcome=created " in line]) == 1000
    assert len(lines) == 1002


def check_audit(tag: str) -> None:
    counted = Counter(AuditEntry.objects.tagged(tag).values_list("action", flat=True))
    things = ["user.created", "id_tag_mapping.created", "lago_customer.created", "lago_subscription.created"]
    assert counted == dict.fromkeys([*things, "id_tag_mapping.activated"], 1000) | {
        "run.started": 1,
        "run.succeeded": 1,
    }


def check_again(lago: Sandbox, path: Path) -> None:
    """A run that does nothing records itself and changes nothing else."""
    recorded = {f"customers.{name}" for name in ("BackfillRun", "BackfillRow", "BackfillStep", "RunCalls")}
    before, in_lago = values_except(recorded), lago.state(volatile=True)

    answer = as_json(path, "--skip-existing")

    assert (answer.code, answer.json["counts"]["skipped"]) == (0, 1000)
    assert values_except(recorded) == before
    assert lago.state(volatile=True) == in_lago


def values_except(left_out: set[str]) -> dict[str, Any]:
    """Everything in our database but the ledger, and the audit entries about a run as such."""
    tables = {
        model._meta.label: list(model._default_manager.order_by("pk").values())
        for model in apps.get_models()
        if model._meta.label not in left_out
    }
    audit = tables["auditlog.AuditEntry"]
    return tables | {"auditlog.AuditEntry": [one for one in audit if not one["action"].startswith("run.")]}


def test_a_german_excel_file_goes_in_as_it_is(lago: Sandbox, tmp_path: Path) -> None:
    path = operator_files.german_thousand(tmp_path)

    answer = as_json(path)

    assert (answer.code, answer.json["counts"]["created"]) == (0, 1000)
    assert answer.json["input"]["delimiter"] == ";"
    assert {one["external_id"] for one in lago.state()["subscriptions"]} == starts_of(path).keys()


def test_the_smallest_file_goes_in(lago: Sandbox, tmp_path: Path) -> None:
    answer = as_json(operator_files.smallest(tmp_path))

    assert (answer.code, answer.json["counts"]["created"]) == (0, 3)
    assert table_counts()["customers.User"] == 3


# --- What is shown of values ---------------------------------------------------------------------------


def test_values_are_shown_only_where_they_are_asked_for(tmp_path: Path, lago: Sandbox) -> None:
    path = write_csv(tmp_path / "customers.csv", [row(1, display_name="Per\u200bson One")])

    silent = command(path, "--dry-run")
    shown = command(path, "--dry-run", "--show-values")

    assert "son One" not in silent.out + silent.err
    assert "TAG0001" not in silent.out + silent.err
    assert "<U+200B>" in shown.err
    assert "son One" not in shown.out
