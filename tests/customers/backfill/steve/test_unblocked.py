"""Each idTag that a run unblocks can be named: before it, after it, and whatever became of it meanwhile."""

import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from customers.backfill.engine.report import Report
from customers.backfill.engine.stop import Stop
from customers.backfill.ledger.counts import warning_counts
from customers.terminal.import_report import print_report
from customers.terminal.output import console
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.charging.factories import LAST_YEAR, charged
from tests.customers.backfill.steve.world import as_json, manage, run_of
from tests.customers.factories import codes, imported, planned, row, rows

pytestmark = pytest.mark.django_db

CODE = "steve_id_tag_unblocked"


def block(steve: SteveSandbox, *numbers: int) -> None:
    for number in numbers:
        steve.world.add_tag(f"TAG{number:04}", max_active_transaction_count=0)


def named(report: Report) -> dict[int, str]:
    """By line, what the document says of each idTag that is unblocked."""
    return {
        row["line"]: warning["message"]
        for row in as_json(report)["rows"]
        for warning in row["warnings"]
        if warning["code"] == CODE
    }


def in_ledger(report: Report) -> list[int]:
    found = run_of(report).rows.filter(warnings__contains=[{"code": CODE}]).order_by("line")
    return list(found.values_list("line", flat=True))


def as_text(report: Report, verbosity: int) -> str:
    stream = io.StringIO()
    print_report(console(stream), report, verbosity=verbosity)
    return stream.getvalue()


# --- Complete ------------------------------------------------------------------------------------------


def test_plan_run_and_ledger_name_each_by_line_and_number(steve: SteveSandbox) -> None:
    block(steve, 2, 3)

    plan, report = planned(rows(4), skip_existing=True), imported(rows(4), skip_existing=True)

    assert named(plan) == {
        3: "SteVe blocks the idTag TAG… (number 1); the run unblocks it.",
        4: "SteVe blocks the idTag TAG… (number 2); the run unblocks it.",
    }
    assert named(report) == named(plan)
    assert in_ledger(report) == [3, 4]
    assert warning_counts(run_of(report)) == {CODE: 2}


def test_one_that_appears_only_at_the_call_is_named_too(steve: SteveSandbox) -> None:
    steve.fault("pause_before,method=POST,path=.*ocppTags")

    def meanwhile() -> None:
        steve.wait_held()
        charged(steve, "TAG0001", started_at=LAST_YEAR)
        steve.release()

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(meanwhile)
        report = imported(rows(1))
        done.result()

    assert named(report) == {2: "SteVe blocked the idTag TAG… (number 1); the run has unblocked it."}
    assert in_ledger(report) == [2]


def test_one_that_was_unblocked_before_the_row_failed_stays_named(steve: SteveSandbox, lago: Sandbox) -> None:
    block(steve, 1)
    lago.fault("500,method=POST,path=.*customers,times=5")
    first = imported(rows(1), skip_existing=True)

    plan = planned(rows(1), skip_existing=True)
    second = imported(rows(1), skip_existing=True)

    assert (first.status, second.status) == ("failed", "succeeded")
    assert run_of(first) == run_of(second)
    assert list(named(first)) == list(named(plan)) == list(named(second)) == in_ledger(second) == [2]


def test_one_that_was_unblocked_stays_named_where_its_row_can_no_longer_go_in(
    steve: SteveSandbox, lago: Sandbox
) -> None:
    block(steve, 1)
    lago.fault("500,method=POST,path=.*customers,times=5")
    imported(rows(1), skip_existing=True)
    steve.steer("POST", "id-tags", id_tag="TAG0001", expiry_date=LAST_YEAR.isoformat())

    report = imported(rows(1), skip_existing=True, allow_partial=True)

    assert codes(report) == ["steve_id_tag_expired"]
    assert list(named(report)) == in_ledger(report) == [2]


def test_a_run_that_goes_on_still_names_what_it_unblocked_before(steve: SteveSandbox) -> None:
    block(steve, 1, 2, 3)
    stop = Stop()

    class After:
        def start(self, what: str, total: int) -> None: ...

        def tell(self, what: str) -> None: ...

        def advance(self, number: int) -> None:
            stop.request("enough", interrupted=True)

    first = imported(rows(3), skip_existing=True, batch_size=1, concurrency=1, stop=stop, progress=After())
    second = imported(rows(3), skip_existing=True, batch_size=1, concurrency=1)

    assert (first.status, second.status) == ("interrupted", "succeeded")
    assert list(named(second)) == in_ledger(second) == [2, 3, 4]


def test_a_later_run_does_not_name_what_an_earlier_one_unblocked(steve: SteveSandbox) -> None:
    block(steve, 1)
    imported(rows(1), skip_existing=True)

    assert named(planned(rows(2), skip_existing=True)) == {}


def test_a_row_that_fails_unblocks_nothing_and_says_nothing_of_it(steve: SteveSandbox) -> None:
    block(steve, 1, 2)

    report = imported([row(1, plan_code="gold"), row(2)], skip_existing=True, allow_partial=True)

    assert list(named(report)) == [3]
    assert steve.world.tags[1].is_blocked


# --- On a terminal -------------------------------------------------------------------------------------


def test_the_text_says_how_many_and_how_to_see_them(steve: SteveSandbox) -> None:
    block(steve, *range(1, 6))

    text = " ".join(as_text(planned(rows(6), skip_existing=True), verbosity=1).split())

    assert text.count("Warning, line") == 3
    assert f"{CODE}: 5 rows in all. SteVe blocks 5 idTags that the run unblocks." in text
    assert "--verbosity 2 or --format json name each of them." in text


@pytest.mark.parametrize("made", [planned, imported])
def test_with_verbosity_2_each_is_named_on_a_line_of_its_own(steve: SteveSandbox, made: Any) -> None:
    block(steve, *range(1, 61))

    lines = as_text(made(rows(60), skip_existing=True), verbosity=2).splitlines()

    told = [line for line in lines if line.startswith("Warning") and CODE in line]
    assert len(told) == 60
    assert told[59].startswith(
        f"Warning, line 61, C-60: {CODE}  SteVe blocks the idTag TAG… (number 60); the run unblocks it."
    )


def test_the_run_still_names_them_when_it_is_long_over(steve: SteveSandbox) -> None:
    block(steve, 1, 2)
    run = run_of(imported(rows(3), skip_existing=True))

    _, short, _ = manage("backfill_runs", run.run_id)
    _, whole, _ = manage("backfill_runs", run.run_id, "--verbosity", "2")

    assert "SteVe blocks 2 idTags that the run unblocks" in " ".join(short.split())
    assert "Warning, line" not in short
    assert "Warning, line 3, C-2: steve_id_tag_unblocked  SteVe blocks the idTag TAG… (number 2)" in whole
