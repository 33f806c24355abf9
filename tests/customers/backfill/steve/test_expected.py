"""How long SteVe will take: said by the plan of an import and of a revert, from their own calls."""

import io
from typing import Any

import pytest

from charging import SteveClient
from customers.backfill.engine.report import Report
from customers.terminal.import_report import print_report
from customers.terminal.output import console
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.customers.backfill.steve.world import as_json, manage, run_of
from tests.customers.factories import imported, planned, rows

pytestmark = pytest.mark.django_db

LONG = "steve_takes_long"


@pytest.fixture
def call_s(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let a call take so long, by what the client measures."""
    return lambda seconds: monkeypatch.setattr(SteveClient, "call_s", property(lambda client: seconds))


def as_text(report: Report) -> str:
    stream = io.StringIO()
    print_report(console(stream), report)
    return " ".join(stream.getvalue().split())


def test_the_plan_measures_its_own_calls(steve: SteveSandbox) -> None:
    (expected,) = planned(rows(3)).expected

    assert (expected.new, expected.altered) == (3, 0)
    assert 0 < expected.seconds < 300


def test_the_plan_says_how_long_in_text_and_json(steve: SteveSandbox, call_s: Any) -> None:
    steve.world.add_tag("TAG0001", max_active_transaction_count=0)
    call_s(10)

    plan = planned(rows(13), skip_existing=True)

    (told,) = as_json(plan)["expected"]
    assert (told["step"], told["new"], told["altered"]) == ("steve_id_tag", 12, 1)
    assert told["seconds"] == pytest.approx(140, rel=0.01)
    assert told["message"] in as_text(plan)
    assert told["message"].startswith("SteVe: 12 new idTags and 1 idTag to change, about 2 min")
    assert as_json(plan)["warnings"] == []


def test_above_an_hour_the_plan_warns_and_says_what_helps(steve: SteveSandbox, call_s: Any) -> None:
    call_s(400)

    plan = planned(rows(10))

    assert [warning["code"] for warning in as_json(plan)["warnings"]] == [LONG]
    assert "Import in parts, the days before" in as_text(plan)


def test_a_run_that_is_done_does_not_warn_of_it_any_more(steve: SteveSandbox, call_s: Any) -> None:
    call_s(400)

    report = imported(rows(10))

    assert as_json(report)["warnings"] == []
    assert "at what a call takes" not in as_text(report)


def test_without_steve_nothing_is_said(lago: Sandbox) -> None:
    assert as_json(planned(rows(3)))["expected"] == []


def test_the_plan_of_a_revert_says_how_long(steve: SteveSandbox, call_s: Any) -> None:
    run = run_of(imported(rows(10)))
    call_s(400)

    _, text, _ = manage("backfill_revert", "--run-id", run.run_id, "--dry-run")
    _, document, _ = manage("backfill_revert", "--run-id", run.run_id, "--dry-run", "--format", "json")

    told = "SteVe: 10 idTags to take back, about 2 h at what a call takes there now"
    assert told in " ".join(text.split())
    assert told in document


def test_customers_who_are_kept_cost_a_revert_nothing(steve: SteveSandbox, call_s: Any) -> None:
    run = run_of(imported(rows(2)))
    for number in (1, 2):
        steve.world.start("TEST-1", number, f"TAG{number:04}", 0, run.started_at)
    call_s(400)

    _, text, _ = manage("backfill_revert", "--run-id", run.run_id, "--dry-run", "--keep-active")

    assert "to take back" not in text
