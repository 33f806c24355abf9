"""SteVe slow, down, or not what was expected: one clear line, an exit code, and the run goes on later."""

from pathlib import Path
from typing import Any

import pytest

from customers.models import BackfillRun, IdTagMapping, User
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.customers.backfill.steve.world import divergences, manage, run_of, states, tags
from tests.customers.factories import actions, csv_text, imported, rows, unchanged

pytestmark = pytest.mark.django_db


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "customers.csv"
    path.write_text(csv_text(rows(3)))
    return str(path)


def import_it(file: str) -> tuple[int, str, str]:
    return manage("backfill_customers", "--input", file)


BROKEN = {
    "not_json": "answered with no JSON (200): check STEVE_BASE_URL",
    "500": "SteVe failed (500)",
    "502_html": "SteVe failed (502)",
    "wrong_json": "answered with no list: check STEVE_BASE_URL",
    "reset_before": "SteVe cannot be reached (the connection was lost): check STEVE_BASE_URL",
}


@pytest.mark.parametrize(("kind", "why"), BROKEN.items(), ids=BROKEN)
def test_a_steve_that_is_broken_from_the_start_stops_everything_in_one_line(
    steve: SteveSandbox, lago: Sandbox, file: str, kind: str, why: str
) -> None:
    is_unchanged = unchanged(lago)
    steve.fault(f"{kind},times=forever")

    code, out, err = import_it(file)

    assert (code, out) == (2, "")
    assert why in err
    assert len(err.splitlines()) == 1
    assert is_unchanged()


def test_a_steve_that_refuses_the_credentials_names_the_variables(steve: SteveSandbox, file: str) -> None:
    steve.steer("POST", "key", refuse=True)

    code, _, err = import_it(file)

    assert (code, len(err.splitlines())) == (2, 1)
    assert err.startswith("SteVe refused the credentials (401): ")
    assert "STEVE_API_KEY" in err


def test_a_steve_that_is_not_there_is_said_so(steve: SteveSandbox, file: str) -> None:
    steve.stop()

    code, _, err = import_it(file)

    assert code == 2
    assert "SteVe cannot be reached" in err
    assert len(err.splitlines()) == 1


VARIABLES = ("STEVE_BASE_URL", "STEVE_API_USERNAME", "STEVE_API_KEY")


@pytest.mark.parametrize("missing", VARIABLES)
def test_a_variable_that_is_missing_is_named(
    steve: SteveSandbox, settings: Any, file: str, missing: str
) -> None:
    setattr(settings, missing, "")
    given = next(name for name in VARIABLES if name != missing)

    code, _, err = import_it(file)

    assert (code, err) == (2, f"{missing} is not set, although {given} is.\n")


def test_an_address_that_is_none_is_named(steve: SteveSandbox, settings: Any, file: str) -> None:
    settings.STEVE_BASE_URL = "steve:8080"

    code, _, err = import_it(file)

    assert (code, err) == (2, "STEVE_BASE_URL must look like http://host:8080/steve\n")


def test_a_slow_steve_is_waited_for(steve: SteveSandbox, file: str) -> None:
    steve.steer("POST", "latency", seconds=0.3)

    code, _, _ = import_it(file)

    assert (code, len(tags(steve))) == (0, 3)


@pytest.mark.parametrize("kind", ["500", "not_json", "reset_before", "reset_after"])
def test_a_steve_that_breaks_in_the_middle_fails_rows_and_the_run_goes_on_later(
    steve: SteveSandbox, lago: Sandbox, kind: str
) -> None:
    # From the second idTag on; the look-up after a write fails too, so that nothing can be settled.
    steve.fault(f"{kind},method=POST,path=.*ocppTags,nth=2,times=forever")
    steve.fault("500,method=GET,path=.*ocppTags,nth=3,times=forever")

    broken = imported(rows(3), concurrency=1)
    failed = states(run_of(broken))
    steve.steer("POST", "faults/clear")
    again = imported(rows(3), concurrency=1)

    assert (broken.status, [state for state, _ in failed].count("created")) == ("failed", 1)
    assert broken.reason == "SteVe does not work at the moment; no further row was begun"
    assert (again.status, again.run) == ("succeeded", broken.run)
    assert [state for state, _ in states(run_of(again))] == ["created"] * 3
    assert (len(tags(steve)), len(lago.state()["customers"])) == (3, 3)


def test_a_steve_that_goes_down_for_good_stops_the_run_with_a_reason(
    steve: SteveSandbox, lago: Sandbox
) -> None:
    steve.fault("500,method=POST,times=forever")

    report = imported(rows(40), concurrency=4)

    assert report.status == "failed"
    assert "rows in a row failed" in report.reason
    assert lago.state()["customers"] == []
    assert steve.state()["requests"]["POST /steve/api/v1/ocppTags"] < 3 * 20


# --- With it, without it, another one -----------------------------------------------------------------


def without(settings: Any) -> None:
    for name in VARIABLES:
        setattr(settings, name, "")


@pytest.mark.parametrize("command", ["backfill_reconcile", "backfill_revert", "backfill_verify"])
def test_a_run_with_steve_is_not_touched_without_it(
    steve: SteveSandbox, lago: Sandbox, settings: Any, command: str
) -> None:
    run = run_of(imported(rows(2)))
    without(settings)

    code, _, err = manage(command, "--run-id", run.run_id)

    assert code == 2
    assert f"The run {run.run_id} made idTags in SteVe, and SteVe is not configured." in err
    assert f"Set STEVE_BASE_URL (it was {steve.url})" in err
    assert (len(tags(steve)), User.objects.count()) == (2, 2)


def test_an_unfinished_run_with_steve_is_not_continued_without_it(
    steve: SteveSandbox, lago: Sandbox, settings: Any, file: str
) -> None:
    lago.fault("500,method=POST,path=/customers,times=15")
    imported(rows(3))
    without(settings)

    code, _, err = import_it(file)

    assert code == 2
    assert "made idTags in SteVe, and SteVe is not configured" in err


def test_a_run_without_steve_can_be_run_again_with_it(steve: SteveSandbox, settings: Any) -> None:
    kept = {name: getattr(settings, name) for name in VARIABLES}
    without(settings)
    imported(rows(2))
    for name, value in kept.items():
        setattr(settings, name, value)

    report = imported(rows(2), skip_existing=True)

    assert report.status == "succeeded"
    assert sorted(tags(steve)) == ["TAG0001", "TAG0002"]
    assert not IdTagMapping.objects.filter(steve_ocpp_tag_pk=None).exists()


def test_a_run_without_steve_learns_number_and_spelling_of_what_steve_has(
    steve: SteveSandbox, settings: Any
) -> None:
    kept = {name: getattr(settings, name) for name in VARIABLES}
    without(settings)
    imported(rows(1))
    for name, value in kept.items():
        setattr(settings, name, value)
    steve.world.add_tag("tag0001")

    report, again = imported(rows(1), skip_existing=True), imported(rows(1), skip_existing=True)

    mapping = IdTagMapping.objects.get()
    assert (actions(report), actions(again)) == (["completed"], ["skipped"])
    assert (mapping.id_tag, mapping.steve_ocpp_tag_pk) == ("tag0001", 1)


def test_a_mapping_under_a_wrong_number_diverges_and_the_same_file_puts_it_right(steve: SteveSandbox) -> None:
    run = run_of(imported(rows(2)))
    IdTagMapping.objects.filter(id_tag="TAG0001").update(steve_ocpp_tag_pk=77)

    found = divergences(run)
    again = imported(rows(2), skip_existing=True)

    assert (found, actions(again)) == ([("id_tag_mapping", "other_number")], ["completed", "skipped"])
    assert divergences(run) == []


def test_an_unfinished_run_without_steve_can_be_continued_with_it(
    steve: SteveSandbox, lago: Sandbox, settings: Any
) -> None:
    kept = {name: getattr(settings, name) for name in VARIABLES}
    without(settings)
    lago.fault("500,method=POST,path=/subscriptions,nth=2,times=5")
    broken = imported(rows(3), concurrency=1)
    for name, value in kept.items():
        setattr(settings, name, value)

    again = imported(rows(3))

    assert (broken.status, again.status, again.run) == ("partial", "succeeded", broken.run)
    assert (len(tags(steve)), run_of(again).steve_url) == (3, steve.url)


def test_the_same_steve_by_another_address_is_known_again(steve: SteveSandbox, settings: Any) -> None:
    run = run_of(imported(rows(2)))
    settings.STEVE_BASE_URL = steve.url.replace("127.0.0.1", "localhost")

    code, out, _ = manage("backfill_reconcile", "--run-id", run.run_id)

    assert (code, "Nothing diverges" in out) == (0, True)


def test_another_steve_is_not_taken_for_the_one_of_the_run(steve: SteveSandbox, settings: Any) -> None:
    run = run_of(imported(rows(2)))

    with SteveSandbox() as other:
        other.world.add_tag("STRANGER")
        settings.STEVE_BASE_URL = other.url
        code, _, err = manage("backfill_revert", "--run-id", run.run_id)

    assert code == 2
    assert f"The run {run.run_id} made its idTags in another SteVe." in err
    assert BackfillRun.objects.get().status == "succeeded"


def test_a_revert_that_meets_a_broken_steve_goes_on_later(steve: SteveSandbox, settings: Any) -> None:
    run = run_of(imported(rows(3)))
    settings.BACKFILL_CONCURRENCY = 1
    steve.fault("500,method=DELETE,times=3")

    first = manage("backfill_revert", "--run-id", run.run_id)
    second = manage("backfill_revert", "--run-id", run.run_id)

    assert (first[0], "1 thing could not be removed" in first[1]) == (1, True)
    assert (second[0], tags(steve), User.objects.count()) == (0, {}, 0)
