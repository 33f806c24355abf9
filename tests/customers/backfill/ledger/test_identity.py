"""What a run is: a file, the options that change what its rows mean, and the world that it went into."""

from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from customers.backfill.engine.attempt import import_file
from customers.backfill.engine.options import Options
from customers.backfill.engine.progress import Progress
from customers.backfill.engine.report import Report
from customers.backfill.engine.stop import Stop
from customers.backfill.refused import Refused
from customers.backfill.source import read_bytes
from customers.backfill.systems import connect
from customers.models import BackfillRun
from rehearsal.lago import Sandbox
from tests.customers.backfill.cases.making import good, sheet, xlsx
from tests.customers.factories import do_not_sleep, imported, planned, row, rows, unchanged

pytestmark = pytest.mark.django_db

ISO, DAY_FIRST = "%Y-%m-%d", "%Y-%d-%m"


def unfinished(lago: Sandbox, **options: Any) -> BackfillRun:
    """A run of two rows of which the first failed at Lago."""
    lago.fault("500,method=POST,path=/customers,times=5")
    report = imported(rows(2), concurrency=1, **options)
    lago.clear_faults()
    assert (report.run, report.status) == (BackfillRun.objects.get(), "partial")
    return BackfillRun.objects.get()


OTHERWISE = pytest.mark.parametrize(
    ("begun_with", "now", "told"),
    [
        ({}, {"billing_time": "anniversary"}, "--billing-time calendar"),
        ({"billing_time": "anniversary"}, {}, "--billing-time anniversary"),
        ({}, {"date_format": ISO}, "no --date-format"),
        ({"date_format": ISO}, {}, f"--date-format {ISO}"),
        ({"date_format": ISO}, {"date_format": DAY_FIRST}, f"--date-format {ISO}"),
    ],
    ids=["billing time given", "billing time left out", "date format given", "left out", "another"],
)


@OTHERWISE
def test_a_run_is_not_continued_with_options_that_change_what_its_rows_mean(
    lago: Sandbox, begun_with: dict[str, Any], now: dict[str, Any], told: str
) -> None:
    run = unfinished(lago, **begun_with)
    nothing_changed = unchanged(lago)

    for attempt in (planned, imported):
        with pytest.raises(Refused, match=f"{run.run_id} over this file was begun with {told}") as refused:
            attempt(rows(2), **now)
        assert refused.value.hint == "Give the same to continue it, or start anew with --new-run."

    assert nothing_changed()


@OTHERWISE
def test_a_new_run_may_read_the_same_file_otherwise(
    lago: Sandbox, begun_with: dict[str, Any], now: dict[str, Any], told: str
) -> None:
    run = unfinished(lago, **begun_with)

    report = planned(rows(2), new_run=True, skip_existing=True, **now)

    assert report.continues == ""
    assert BackfillRun.objects.get(pk=run.pk).status == "partial"


def test_a_new_run_with_other_options_leaves_the_unfinished_one_behind(lago: Sandbox) -> None:
    unfinished(lago)

    imported(rows(2), new_run=True, skip_existing=True, billing_time="anniversary")

    told = [(run.status, run.options["billing_time"]) for run in BackfillRun.objects.order_by("id")]
    assert told == [("abandoned", "calendar"), ("succeeded", "anniversary")]
    begun = {one["external_id"]: one["billing_time"] for one in lago.state()["subscriptions"]}
    assert begun == {"backfill-C-1": "anniversary", "backfill-C-2": "calendar"}


@pytest.mark.parametrize("options", [{}, {"billing_time": "anniversary"}, {"date_format": ISO}], ids=str)
def test_the_same_options_continue_the_run(lago: Sandbox, options: dict[str, Any]) -> None:
    run = unfinished(lago, **options)

    report = imported(rows(2), **options)

    assert (report.run, report.status) == (run, "succeeded")


@pytest.mark.parametrize(
    "now", [{"batch_size": 7}, {"concurrency": 2}, {"max_failures": 3}, {"allow_partial": True}], ids=str
)
def test_options_that_change_no_meaning_may_differ(lago: Sandbox, now: dict[str, Any]) -> None:
    run = unfinished(lago)

    assert imported(rows(2), **now).run == run


def test_a_run_that_kept_no_such_option_was_begun_with_what_is_usual(lago: Sandbox) -> None:
    run = unfinished(lago)
    BackfillRun.objects.update(options={})

    with pytest.raises(Refused, match="begun with --billing-time calendar"):
        planned(rows(2), billing_time="anniversary")
    assert imported(rows(2)).run == run


def test_a_finished_run_does_not_say_how_the_file_is_to_be_read(lago: Sandbox) -> None:
    imported(rows(1))

    report = imported(rows(1), skip_existing=True, billing_time="anniversary")

    assert report.status == "succeeded"


def test_an_edited_file_is_another_one(lago: Sandbox) -> None:
    unfinished(lago)

    report = planned([row(3)], billing_time="anniversary")

    assert (report.continues, report.status) == ("", "would_succeed")


# --- Hidden rows -------------------------------------------------------------------------------------

HIDDEN = xlsx(sheet(good(1), good(2), row_attributes={3: 'hidden="1"'}))
VISIBLE = xlsx(sheet(good(1), good(2)))


def imported_workbook(data: bytes, hidden_rows: str | None) -> Report:
    with connect(sleep=do_not_sleep) as systems:
        return import_file(
            read_bytes("customers.xlsx", data, hidden_rows=hidden_rows), systems, Options(concurrency=1),
            actor="cli:tester", log_dir=settings.BACKFILL_LOG_DIR, stop=Stop(), progress=Progress(),
            now=timezone.now,
        )  # fmt: skip


def unfinished_workbook(lago: Sandbox, data: bytes, hidden_rows: str | None) -> BackfillRun:
    lago.fault("500,method=POST,path=/customers,times=5")
    imported_workbook(data, hidden_rows)
    lago.clear_faults()
    return BackfillRun.objects.get()


def test_what_was_said_of_hidden_rows_belongs_to_the_run(lago: Sandbox) -> None:
    run = unfinished_workbook(lago, HIDDEN, "include")

    with pytest.raises(Refused, match=f"{run.run_id} over this file was begun with --hidden-rows include"):
        imported_workbook(HIDDEN, "leave-out")
    imported_workbook(HIDDEN, "include")

    assert [(one.run_id, one.status) for one in BackfillRun.objects.all()] == [(run.run_id, "succeeded")]


def test_a_run_of_a_version_that_did_not_ask_read_hidden_rows_like_the_others(lago: Sandbox) -> None:
    run = unfinished_workbook(lago, HIDDEN, "include")
    del run.options["hidden_rows"]
    run.save()

    with pytest.raises(Refused, match="begun with --hidden-rows include"):
        imported_workbook(HIDDEN, "leave-out")

    assert imported_workbook(HIDDEN, "include").status == "succeeded"


def test_of_a_file_without_hidden_rows_nothing_is_asked(lago: Sandbox) -> None:
    unfinished_workbook(lago, VISIBLE, None)

    assert imported_workbook(VISIBLE, "leave-out").status == "succeeded"
