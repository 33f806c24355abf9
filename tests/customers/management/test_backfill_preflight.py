"""`backfill_preflight`: what it says, in which form, and with which exit code."""

from pathlib import Path
from typing import Any

import pytest

from customers.workers import beat
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.customers.commands import environment, manage
from tests.customers.factories import csv_text, row, rows
from tests.customers.undoing import all_rows, called
from tests.support.smtp_server import Inbox

PREFLIGHT = "backfill_preflight"
NOWHERE = "http://127.0.0.1:1"


@pytest.fixture
def house(db: None, lago: Sandbox, steve: SteveSandbox, inbox: Inbox) -> SteveSandbox:
    """Everything that an operator may have, but the platform: in order, clocks too."""
    lago.right_clock()
    beat()
    return steve


def lines(text: str) -> list[str]:
    return text.splitlines()


def test_a_house_in_order_ends_well(house: SteveSandbox) -> None:
    answer = called(PREFLIGHT)

    assert answer.code == 0
    assert lines(answer.out)[-1] == "All is well."
    assert lines(answer.err)[0] == "Looking at: Here …"


def test_warnings_do_not_stop_the_night(house: SteveSandbox, settings: Any) -> None:
    settings.EMAIL_FROM = ""

    answer = called(PREFLIGHT)

    assert answer.code == 0
    assert lines(answer.out)[-1] == "Nothing would stop the night; 1 warning."


def test_what_would_stop_the_night_ends_with_1(house: SteveSandbox, lago: Sandbox, settings: Any) -> None:
    settings.EMAIL_FROM = ""
    lago.set_organization(version="v1.20.0")

    answer = called(PREFLIGHT)

    assert answer.code == 1
    assert lines(answer.out)[-1] == "1 would stop the night; 1 warning."


def test_systems_that_are_gone_are_a_line_each(house: SteveSandbox, settings: Any) -> None:
    settings.LAGO_API_URL = settings.STEVE_BASE_URL = NOWHERE
    settings.STEVE_OCPP_URL = "ws://127.0.0.1:1"
    settings.POLARIS_DATABASE_URL = "postgres://127.0.0.1:1/platform"
    settings.EMAIL_PORT = 1

    answer = called(PREFLIGHT, "--format", "json")

    assert answer.code == 1
    assert [(one["system"], one["name"]) for one in answer.json["checks"] if one["state"] == "stop"] == [
        ("Lago", "answers"),
        ("SteVe", "answers"),
        ("Platform", "database"),
        ("Mail and worker", "server"),
    ]


def test_a_dead_database_of_ours_is_a_line_too(lago: Sandbox, tmp_path: Path, database_url: str) -> None:
    variables = environment(lago, tmp_path, "postgres://someone:s3cret@127.0.0.1:1/nowhere")

    answer = manage(variables, PREFLIGHT, "--format", "json")

    checks = {(one["system"], one["name"]): one for one in answer.json["checks"]}
    assert answer.code == 1
    assert checks["Here", "database"]["state"] == "stop"
    assert "nothing answers there" in checks["Here", "database"]["found"]
    assert checks["Lago", "answers"]["state"] == "ok"
    assert ("Here", "tables") not in checks
    assert "s3cret" not in answer.out + answer.err


def test_json_and_text_say_the_same(house: SteveSandbox, lago: Sandbox, settings: Any) -> None:
    lago.set_organization(version="v1.20.0")
    settings.EMAIL_FROM = ""
    marks = {"ok": "✓", "warning": "warning", "stop": "STOP"}

    document = called(PREFLIGHT, "--format", "json").json
    text = " ".join(called(PREFLIGHT).out.split())

    assert document["status"] == "stop"
    assert document["counts"] == {
        state: sum(one["state"] == state for one in document["checks"]) for state in marks
    }
    for state, mark in marks.items():
        assert text.count(f"{mark} ") >= document["counts"][state] > 0
    for one in document["checks"]:
        assert set(one) == {"system", "name", "state", "found", "remedy"}
        assert one["name"] in text
    told = next(one for one in document["checks"] if one["name"] == "version")
    assert f"version {told['found']}" in text
    assert f"→ {told['remedy']}" in text


def test_json_is_one_document_and_says_nothing_else(house: SteveSandbox) -> None:
    answer = called(PREFLIGHT, "--format", "json", "--verbosity", "0")

    assert answer.json["status"] == "ok"
    assert answer.err == ""


def test_a_file_is_looked_at_too(house: SteveSandbox, tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    path.write_text(csv_text([*rows(3), row(4, external_id="C.4")]), "utf-8")

    answer = called(PREFLIGHT, "--input", str(path), "--format", "json")

    found = {one["name"]: one["found"] for one in answer.json["checks"] if one["system"] == "File"}
    cost = next(one["found"] for one in answer.json["checks"] if one["name"] == "idTags")
    assert answer.code == 0
    assert found["external_ids"].startswith("1 with a dot (C.4)")
    assert found["starts"].startswith("4 of 4 customers")
    assert "4 more take" in cost


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--input", "nowhere.csv"), "there is no such file"),
        (("--date-format", "%d"), "--date-format must name year, month and day"),
    ],
)
def test_what_cannot_be_read_ends_with_2(house: SteveSandbox, options: tuple[str, ...], said: str) -> None:
    answer = called(PREFLIGHT, *options)

    assert answer.code == 2
    assert said in answer.err
    assert answer.out == ""


def test_nothing_is_written_anywhere(house: SteveSandbox, lago: Sandbox, inbox: Inbox, settings: Any) -> None:
    before = all_rows()
    calls = lago.counts().keys() | house.counts().keys()

    called(PREFLIGHT)

    asked = (lago.counts().keys() | house.counts().keys()) - calls
    assert all_rows() == before
    assert {call.partition(" ")[0] for call in asked} == {"GET"}
    assert inbox.received == []
    assert list(settings.BACKFILL_LOG_DIR.iterdir()) == []
