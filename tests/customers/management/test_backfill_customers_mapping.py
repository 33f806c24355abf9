"""`backfill_customers` over an export as it is, through a mapping."""

from pathlib import Path

import pytest

from customers.models import BackfillRun, IdTagMapping, User
from rehearsal.lago import Sandbox
from tests.customers.commands import as_json, command

pytestmark = pytest.mark.django_db

MAPPING = """
[file]
date_format = "%d.%m.%Y"
[fields]
email = "E-Mail"
display_name = { columns = ["Vorname", "Nachname"] }
external_id = "Kundennummer"
id_tag = "Karte"
plan_code = "Tarif"
start_date = "Beginn"
[values.plan_code]
"Privat" = "standard"
"Flotte" = "fleet"
[cards]
remove_separators = ":"
upper_case = true
[[leave_out]]
column = "Status"
values = ["gekündigt"]
"""
EXPORT = """Kundennummer;Vorname;Nachname;E-Mail;Karte;Tarif;Beginn;Status;Notiz
K-1;Ida;Nyström;ida@example.com;04:a1:b2:c1;Privat;01.02.2024;aktiv;
K-2;Ole;Holm;ole@example.com;04:a1:b2:c2;Flotte;01.02.2024;Gekündigt;left us
K-3;Mia;Lund;mia@example.com;04:a1:b2:c3;Flotte;01.02.2024;aktiv;
K-4;Per;Berg;per@example.com;04:a1:b2:c4;Gold;01.02.2024;aktiv;asks for gold
"""


@pytest.fixture
def export(tmp_path: Path) -> Path:
    path = tmp_path / "crm.csv"
    path.write_text(EXPORT, encoding="cp1252")
    return path


@pytest.fixture
def through(tmp_path: Path) -> list[str]:
    path = tmp_path / "crm.toml"
    path.write_text(f"{MAPPING}\n".replace("[file]", '[file]\nencoding = "cp1252"'), encoding="utf-8")
    return ["--mapping", str(path)]


def test_the_preview_says_what_the_mapping_does(lago: Sandbox, export: Path, through: list[str]) -> None:
    told = command(export, "--dry-run", "--show-values", *through)

    assert told.code == 1
    assert "Left out by “Status”: 1 row (line 3)." in told.out
    assert "plan_code: “Privat” is standard (1 row); “Flotte” is fleet (1 row)." in told.out
    assert "Columns that the mapping does not name: Notiz." in told.out
    assert "04:a1:b2:c1" not in told.out
    assert "04:a1:b2:c1 → 04A1B2C1" in told.err
    assert "value_untranslated" in told.out


def test_its_document_has_no_names_and_no_cards(lago: Sandbox, export: Path, through: list[str]) -> None:
    told = as_json(export, "--dry-run", *through)

    mapping = told.json["input"]["mapping"]
    assert (mapping["name"], mapping["id_tags_rewritten"]) == ("crm.toml", 3)
    assert mapping["left_out"] == [{"column": "Status", "rows": 1, "lines": [3]}]
    assert told.codes == {5: ["value_untranslated"]}
    assert "Nyström" not in told.out


def test_good_rows_go_in_and_the_others_come_back_corrected(
    lago: Sandbox, export: Path, through: list[str], tmp_path: Path
) -> None:
    errors = tmp_path / "errors.csv"

    first = command(export, "--allow-partial", "--errors", str(errors), *through)
    errors.write_bytes(errors.read_bytes().replace(b"Gold", b"Flotte"))
    second = command(errors, *through)

    assert (first.code, second.code) == (1, 0), second.out
    assert set(User.objects.values_list("external_id", flat=True)) == {"K-1", "K-3", "K-4"}
    assert set(IdTagMapping.objects.values_list("id_tag", flat=True)) == {"04A1B2C1", "04A1B2C3", "04A1B2C4"}
    assert User.objects.get(external_id="K-1").display_name == "Ida Nyström"


def test_a_run_is_continued_through_the_same_mapping_only(
    lago: Sandbox, export: Path, through: list[str]
) -> None:
    command(export, "--allow-partial", *through)
    path = Path(through[1])

    path.write_text(f"# a remark\n{path.read_text(encoding='utf-8')}", encoding="utf-8")
    same = command(export, "--allow-partial", "--skip-existing", *through)
    path.write_text(path.read_text(encoding="utf-8") + '[defaults]\nplan_code = "fleet"\n', encoding="utf-8")
    other = command(export, "--skip-existing", *through)

    assert same.code == 1
    assert BackfillRun.objects.count() == 1
    assert other.code == 2
    assert "was begun with --mapping crm.toml, as it was then" in other.err


def test_an_option_wins_over_the_mapping(lago: Sandbox, export: Path, through: list[str]) -> None:
    told = as_json(export, "--dry-run", "--date-format", "%Y-%m-%d", *through)

    assert told.codes[2] == ["start_date_invalid"]


def test_a_mapping_that_makes_no_sense_is_refused_before_anything(
    lago: Sandbox, export: Path, tmp_path: Path
) -> None:
    path = tmp_path / "crm.toml"
    path.write_text('[fields]\nemial = "E-Mail"\n')

    told = as_json(export, "--mapping", str(path))

    assert told.code == 2
    assert [one["code"] for one in told.json["problems"]] == ["mapping_invalid"]
    assert "line 2" in told.json["problems"][0]["message"]
    assert not BackfillRun.objects.exists()


def test_a_file_of_which_every_row_is_left_out_is_refused(
    lago: Sandbox, export: Path, through: list[str]
) -> None:
    path = Path(through[1])
    path.write_text(path.read_text(encoding="utf-8").replace('"gekündigt"', '"gekündigt", "aktiv"'), "utf-8")

    told = command(export, "--dry-run", *through)

    assert told.code == 2
    assert "leaves out all rows" in told.err
