"""The report as JSON: exactly what the design promises, and the same numbers as the text."""

import io
import json
import re
from typing import Any

import pytest

from customers.backfill.document import counts, document, refusal
from customers.backfill.engine.report import Report
from customers.backfill.money.invoices import NET
from customers.terminal.import_report import print_report
from customers.terminal.output import console
from kernel import Problem
from rehearsal.lago import Sandbox
from tests.customers.factories import all_steps, imported, planned, row, rows, source

pytestmark = pytest.mark.django_db

PROBLEM = {"code", "field", "message", "hint"}


def as_json(report: Report) -> dict[str, Any]:
    made: dict[str, Any] = json.loads("".join(document(report)))
    return made


def as_text(report: Report, **options: Any) -> str:
    stream = io.StringIO()
    print_report(console(stream), report, **options)
    return stream.getvalue()


def test_a_plan_is_told_as_promised(lago: Sandbox) -> None:
    lago.set_clock("2026-11-25T10:00:00Z")
    given = [row(1), row(2), row(3, plan_code="gold")]

    told = as_json(planned(given))

    assert {name: told[name] for name in ("run_id", "dry_run", "status", "counts")} == {
        "run_id": None,
        "dry_run": True,
        "status": "would_fail",
        "counts": {"create": 2, "complete": 0, "skip": 0, "fail": 1},
    }
    assert told["input"] == {
        "name": "customers.csv",
        "sha256": source(given).info.sha256,
        "rows": 3,
        "encoding": "utf-8",
        "delimiter": ",",
        "mapping": None,
    }
    assert told["billing"] == [
        {
            "plan_code": "standard",
            "rows": 2,
            "interval": "monthly",
            "amount_cents": 1000,
            "currency": "EUR",
            "pay_in_advance": False,
            "starts_in_past": 2,
            "starts_today": 0,
            "starts_in_future": 0,
            "first_invoices": [two_of("2026-12-01")],
            "at_once": [],
            "sum_cents": 2000,
            "whole_cents": 1000,
        }
    ]
    assert told["invoices"] == {
        "today": "2026-11-25",
        "at_once": [],
        "first": [two_of("2026-12-01")],
        "second": [two_of("2027-01-01")],
        "untold": 0,
        "note": NET,
    }
    assert told["invoiced_today"] is None
    assert told["problems"] == []


def two_of(day: str) -> dict[str, object]:
    return {"date": day, "customers": 2, "amount_cents": 2000, "currency": "EUR"}


def bill(day: str, first: str, last: str) -> dict[str, object]:
    cents = {"amount_cents": 1000, "base_cents": 1000, "fixed_cents": 0, "currency": "EUR"}
    return {"date": day, **cents, "from": first, "to": last}


def test_a_target_is_named_without_a_key(lago: Sandbox) -> None:
    told = as_json(planned(rows(1)))

    assert told["target"]["steve"] is None
    assert told["target"]["lago"]["url"] == lago.url
    assert told["target"]["lago"].keys() == {"organization", "url", "version", "timezone"}
    assert lago.key not in json.dumps(told)


def test_a_row_is_told_as_promised(lago: Sandbox) -> None:
    lago.set_clock("2026-11-25T10:00:00Z")
    good, bad = as_json(planned([row(1), row(2, plan_code="gold")]))["rows"]

    assert good == {
        "line": 2,
        "external_id": "C-1",
        "action": "create",
        "steps": all_steps("create"),
        "first_invoice": bill("2026-12-01", "2026-11-01", "2026-11-30"),
        "second_invoice": bill("2027-01-01", "2026-12-01", "2026-12-31"),
        "problems": [],
        "warnings": [],
    }
    assert (bad["first_invoice"], bad["second_invoice"]) == (None, None)
    assert (bad["line"], bad["action"], bad["steps"]) == (3, "fail", {})
    assert bad["problems"][0].keys() == PROBLEM
    assert (bad["problems"][0]["code"], bad["problems"][0]["field"]) == ("plan_not_found", "plan_code")


def test_a_run_tells_what_was_done(lago: Sandbox) -> None:
    report = imported([row(1), row(2, start_date="soon")], allow_partial=True)

    told = as_json(report)

    assert report.run is not None
    assert (told["run_id"], told["dry_run"], told["status"]) == (report.run.run_id, False, "partial")
    assert told["counts"] == {"created": 1, "completed": 0, "skipped": 0, "failed": 1, "pending": 0}
    assert [one["action"] for one in told["rows"]] == ["created", "failed"]
    assert told["rows"][0]["steps"] == all_steps("created")
    assert told["log"] == str(report.log_path)


def test_warnings_are_told_with_their_row(lago: Sandbox) -> None:
    (told,) = as_json(planned([row(start_date="2090-01-01")]))["rows"]

    assert [warning["code"] for warning in told["warnings"]] == ["start_date_future"]
    assert told["warnings"][0].keys() == PROBLEM


def test_a_command_that_could_not_start_says_why() -> None:
    told = refusal("Lago refused the key.", "Check LAGO_API_KEY.")

    assert (told["run_id"], told["status"]) == (None, "could_not_start")
    assert told["problems"] == [
        {
            "code": "could_not_start",
            "field": None,
            "message": "Lago refused the key.",
            "hint": "Check LAGO_API_KEY.",
        }
    ]


def test_what_is_wrong_with_a_file_keeps_its_codes() -> None:
    told = refusal("…", "", (Problem("column_missing", "email", "no email", "add it"),))

    assert [problem["code"] for problem in told["problems"]] == ["column_missing"]


# --- The same numbers in text ------------------------------------------------------------------------


def numbers_in(text: str) -> dict[str, int]:
    """The last line of a report: `2 create · 0 complete · …`."""
    last = text.strip().splitlines()[-1]
    return {word: int(number.replace(",", "")) for number, word in re.findall(r"([\d,]+) (\w+)", last)}


def test_text_and_json_of_a_plan_have_the_same_numbers(lago: Sandbox) -> None:
    given = [row(1), row(2, plan_code="fleet"), row(3, plan_code="gold"), row(4, start_date="soon")]

    report = planned(given)

    told, text = as_json(report), as_text(report)
    assert numbers_in(text) == told["counts"]
    assert f"customers.csv: {told['input']['rows']} rows" in text
    for line in told["billing"]:
        assert re.search(rf"{line['plan_code']} +{line['rows']} +{line['amount_cents'] / 100:.2f} EUR", text)


def test_text_and_json_of_a_run_have_the_same_numbers(lago: Sandbox) -> None:
    report = imported([row(1), row(2, start_date="soon")], allow_partial=True)

    told = as_json(report)["counts"]
    assert numbers_in(as_text(report)) == {word: number for word, number in told.items() if word != "pending"}
    assert counts(report) == told


def test_text_names_every_problem_with_its_hint(lago: Sandbox) -> None:
    report = planned([row(1, email="nobody", start_date="soon")])

    text = " ".join(as_text(report).split())
    for problem in as_json(report)["rows"][0]["problems"]:
        assert problem["code"] in text


def test_text_of_a_large_file_shows_rows_that_need_attention_only(lago: Sandbox) -> None:
    given = [*rows(60), row(61, start_date="soon")]

    report = planned(given)

    assert "C-61" in as_text(report)
    assert "C-60" not in as_text(report)
    assert "C-60" in as_text(report, verbosity=2)
