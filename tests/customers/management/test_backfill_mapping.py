"""`backfill_mapping suggest`: from an export of another make to an import, by the edits it asks for."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from customers.backfill.checks import read_day
from customers.backfill.source import COLUMNS, open_source, read_mapping
from customers.models import IdTagMapping, User
from rehearsal.lago import Sandbox
from tests.customers.commands import Answer, as_json, command
from tests.customers.exports import EXAMPLES, EXPORTS, Export, german_crm

SMALL = 24


def suggest(path: Path, *arguments: str) -> Answer:
    """Run `backfill_mapping suggest` over a file, in this process."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("backfill_mapping", "suggest", "--input", str(path), *arguments, stdout=out, stderr=err)
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    return Answer(code, out.getvalue(), err.getvalue())


def put(folder: Path, export: Export) -> Path:
    path = folder / export.name
    path.write_bytes(export.data)
    return path


def meant(path: Path, mapping: Path) -> list[list[str]]:
    """Give the six values of each row that is to be imported, the day as ISO writes it."""
    through = read_mapping(mapping)
    rows = [
        row.values for row in open_source(path, mapping=through) if not row.mapped or not row.mapped.left_out
    ]
    days = [read_day(values.start_date, through.form.date_format, None) for values in rows]
    return [[*values[:-1], f"{read.day}" if read else ""] for values, read in zip(rows, days, strict=True)]


def told(document: Any) -> list[Any]:
    """Give what a dry-run says of each row, but the line on which it stands."""
    return [{name: value for name, value in row.items() if name != "line"} for row in document["rows"]]


# --- From the export to the import -------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("make", EXPORTS)
def test_an_export_goes_in_as_it_is_with_the_edits_that_are_asked_for(make, lago: Sandbox, tmp_path: Path):
    export = make(SMALL)
    path, mapping, by_hand = put(tmp_path, export), tmp_path / "crm.toml", tmp_path / "six.csv"
    by_hand.write_text(export.by_hand(), "utf-8")
    proposed = suggest(path, "--output", str(mapping))
    unfinished = command(path, "--mapping", str(mapping), "--dry-run")

    mapping.write_text(export.finish(mapping.read_text("utf-8")), "utf-8")
    plan = as_json(path, "--mapping", str(mapping), "--dry-run")
    plan_by_hand = as_json(by_hand, "--dry-run")
    done = as_json(path, "--mapping", str(mapping))

    assert proposed.code == 0
    assert (unfinished.code, "is not decided yet" in unfinished.err) == (2, True)
    assert "?" not in {line.rpartition('"?')[1] for line in mapping.read_text("utf-8").splitlines()}
    assert (plan.code, told(plan.json)) == (0, told(plan_by_hand.json))
    assert plan.json["billing"] == plan_by_hand.json["billing"]
    assert meant(path, mapping) == [*export.rows]
    assert (done.code, User.objects.filter(external_id__gt="").count()) == (0, len(export.rows))
    assert set(IdTagMapping.objects.values_list("id_tag", flat=True)) == {row[3] for row in export.rows}


@pytest.mark.parametrize("make", EXPORTS)
def test_the_examples_are_what_the_tests_go_through(make):
    export = make()

    finished = EXAMPLES / f"{Path(export.name).stem}.toml"

    assert meant(EXAMPLES / export.name, finished) == [*export.rows]


# --- What is said and written ------------------------------------------------------------------------


def test_json_has_all_that_is_to_be_filled_in(lago: Sandbox, tmp_path: Path):
    found = suggest(put(tmp_path, german_crm(SMALL)), "--format", "json").json

    assert found["lago"] == {"plans": ["fleet", "night", "standard"], "not_asked": None}
    assert found["input"]["columns"][0] == "Kunden-Nr."
    assert next(iter(found["to_fill_in"])) == "file.encoding"
    assert found["tariffs"]["Flotte (Fleet)"] == [{"plan_code": "fleet", "likeness": 0.9}]
    assert found["certain"]["cards"] == {"remove_separators": ":", "upper_case": True}
    assert '"Tarif Privat" = "?"' in found["mapping"]


def test_without_lago_it_proposes_all_the_same_and_says_so(settings: Any, tmp_path: Path):
    settings.LAGO_API_KEY = ""
    answer = suggest(put(tmp_path, german_crm(3)))

    assert (answer.code, "Lago was not asked for its plans: LAGO_API_KEY" in answer.err) == (0, True)
    assert answer.out.startswith("# A mapping for backfill_customers --mapping")


def test_a_file_that_is_there_is_left_alone(settings: Any, tmp_path: Path):
    settings.LAGO_API_KEY = ""
    source, output = put(tmp_path, german_crm(3)), tmp_path / "crm.toml"
    output.write_text("work of hours")

    refused = suggest(source, "--output", str(output))
    onto_itself = suggest(source, "--output", str(source), "--force")
    before = output.read_text()
    forced = suggest(source, "--output", str(output), "--force")

    assert (refused.code, onto_itself.code, before, forced.code) == (2, 2, "work of hours", 0)
    assert "may hold work" in refused.err
    assert source.read_bytes() == german_crm(3).data
    assert "[fields]" in output.read_text("utf-8")


def test_what_is_known_of_the_file_is_not_asked(settings: Any, tmp_path: Path):
    settings.LAGO_API_KEY = ""
    path = put(tmp_path, german_crm(3))

    found = suggest(path, "--encoding", "cp1252", "--delimiter", ";", "--format", "json").json

    assert (found["certain"]["file"]["encoding"], found["certain"]["file"]["delimiter"]) == ("cp1252", ";")
    assert "file.encoding" not in found["to_fill_in"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--header-line", "0"], "--header-line"),
        (["--date-format", "%H"], "--date-format"),
        (["--delimiter", "::"], "one character"),
        (["--encoding", "klingon"], "no text encoding"),
        (["--header-line", "999"], "line 999"),
        (["--column", "phone=Status"], "no field 'phone'"),
        (["--column", "plan_code=Nowhere"], "no column “Nowhere”"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(arguments, message, tmp_path: Path):
    answer = suggest(put(tmp_path, german_crm(3)), *arguments)

    assert (answer.code, answer.out) == (2, "")
    assert message in answer.err


@pytest.mark.django_db
def test_a_file_of_other_columns_is_pointed_here(lago: Sandbox, tmp_path: Path):
    path = tmp_path / "other.csv"
    path.write_text("Kundennummer;Mail\n1;a@example.com\n")

    refused = as_json(path, "--dry-run")

    hint = f"backfill_mapping suggest --input {path}"
    assert (refused.code, hint in refused.err, hint in json.dumps(refused.json)) == (2, True, True)


def test_six_columns_of_ours_leave_nothing_to_decide(lago: Sandbox, tmp_path: Path):
    path = tmp_path / "ours.csv"
    path.write_text(german_crm(SMALL).by_hand(), "utf-8")

    answer = suggest(path, "--format", "json")

    assert (answer.json["undecided"], [*answer.json["certain"]["fields"]]) == ([], [*COLUMNS])
