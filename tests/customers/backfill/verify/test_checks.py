"""Go or no go: what is there after a run, and what is not."""

from collections.abc import Callable
from typing import Any

import pytest

from customers.models import IdTagMapping, User
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.charging.factories import LAST_YEAR
from tests.customers.backfill.steve.world import manage
from tests.customers.backfill.verify.world import (
    AND_CHARGE,
    TAG,
    block_the_id_tag,
    change_the_number,
    failures,
    looks_after_the_event,
    run_over,
    verified,
)
from tests.customers.factories import client_of, imported, lago_subscription, row, rows

pytestmark = pytest.mark.django_db


# --- Go ----------------------------------------------------------------------------------------------


def test_a_whole_run_is_a_go_down_to_the_usage_event(steve: SteveSandbox, lago: Sandbox) -> None:
    run = run_over([row(1), row(1, id_tag="SECOND"), row(2)], steve)

    code, checks = verified(run, *AND_CHARGE)

    assert (code, {passed for passed, _, _ in checks.values()}) == (0, {True})
    assert {name: compared for name, (_, compared, _) in checks.items()} == {
        "import": "3 rows staged, 0 pending",
        "customers in our database": "3 rows less 0 skipped are 2 customers; 2 are here",
        "idTag mappings": "3 expected, 3 as recorded",
        "idTags in SteVe": "3 expected, 3 as recorded",
        "customers in Lago": "2 expected, 2 as recorded",
        "subscriptions in Lago": "2 expected, 2 as recorded",
        "metric": "ev_charging_kwh is sum_agg over value, charged on standard",
        "who pays for the idTag": "backfill-C-1 belongs to C-1, the idTag to C-1",
        "charging session": "TAG… on TEST-1: Accepted, 1,000 Wh, transaction 1",
        "session of the customer in SteVe": "transaction 1: 1 kWh sent, 1 kWh stored",
        "usage event in Lago": "1 kWh sent, 1.000 kWh on backfill-C-1 (events: 1)",
    }
    assert lago.state()["events"][0]["properties"]["value"] == "1.000"


def test_without_an_id_tag_nothing_is_written_and_it_is_said_what_was_left_out(
    steve: SteveSandbox, lago: Sandbox
) -> None:
    run = run_over(rows(2), steve)

    code, out, err = manage("backfill_verify", "--run-id", run.run_id)

    assert code == 0
    assert "skipped  charging session (give --id-tag and --charge-box to try one)" in out
    assert out.splitlines()[-1] == "GO (not checked: charging session)"
    assert "This charges" not in err
    assert (steve.state()["transactions"], lago.state()["events"]) == ([], [])


def test_it_says_first_what_it_writes_and_for_how_long_it_waits(steve: SteveSandbox) -> None:
    run = run_over(rows(1), steve)

    code, out, err = manage("backfill_verify", "--run-id", run.run_id, *AND_CHARGE)

    assert (code, out.splitlines()[-1]) == (0, "GO")
    assert "billed to the customer C-1" in err
    assert "Waiting for the usage event in Lago, for up to 60 s" in err
    assert TAG not in out + err


def test_energy_that_is_sent_while_it_flows_counts_as_well(steve: SteveSandbox) -> None:
    run = run_over(rows(1), steve)
    steve.steer("POST", "usage", incremental=True)

    code, checks = verified(run, *AND_CHARGE)

    assert (code, checks["usage event in Lago"][0]) == (0, True)


def test_an_event_that_comes_late_is_waited_for_and_no_longer_than_that(
    steve: SteveSandbox, lago: Sandbox
) -> None:
    run = run_over(rows(1), steve)
    steve.steer("POST", "usage", delay_s=1.0)

    code, _ = verified(run, *AND_CHARGE)

    assert code == 0
    assert looks_after_the_event(lago) <= 1


def test_a_lago_that_fails_for_a_moment_while_we_wait_is_asked_again(
    steve: SteveSandbox, lago: Sandbox
) -> None:
    run = run_over(rows(1), steve)
    lago.fault("500,method=GET,path=/events,times=2")

    assert verified(run, *AND_CHARGE)[0] == 0


def test_a_run_in_which_every_row_was_skipped_answers_for_what_it_found(steve: SteveSandbox) -> None:
    imported(rows(2))
    run = run_over(rows(2), steve, skip_existing=True)

    code, checks = verified(run, *AND_CHARGE)

    assert code == 0
    assert checks["customers in our database"][1] == "2 rows less 2 skipped are 0 customers; 0 are here"
    assert checks["idTags in SteVe"][1] == "2 expected, 2 as recorded"


def test_subscriptions_that_begin_later_are_no_fault_and_are_counted(steve: SteveSandbox) -> None:
    run = run_over([row(1), row(2, start_date="2030-01-01")], steve)

    code, checks = verified(run)

    assert code == 0
    assert checks["subscriptions in Lago"][2] == "1 begin later: sessions before that are not billed"


# --- No go: what is there ------------------------------------------------------------------------------


def lose_the_user(steve: SteveSandbox, lago: Sandbox) -> None:
    User.objects.filter(external_id="C-1").update(is_active=False)


def lose_the_mapping(steve: SteveSandbox, lago: Sandbox) -> None:
    IdTagMapping.objects.filter(id_tag=TAG).delete()


def mean_the_metric(steve: SteveSandbox, lago: Sandbox) -> None:
    lago.put_metrics({"code": "ev_charging_kwh", "aggregation_type": "max_agg"})


def sum_another_field(steve: SteveSandbox, lago: Sandbox) -> None:
    lago.put_metrics({"code": "ev_charging_kwh", "field_name": "kwh"})


def drop_the_metric(steve: SteveSandbox, lago: Sandbox) -> None:
    lago.put_metrics()


def charge_nothing(steve: SteveSandbox, lago: Sandbox) -> None:
    lago.put_plans({"code": "standard", "metered": False})


BROKEN: dict[str, tuple[Callable[[SteveSandbox, Sandbox], None], str, str]] = {
    "customer inactive": (lose_the_user, "customers in our database", "C-1 inactive"),
    "mapping gone": (lose_the_mapping, "idTag mappings", "C-1 missing"),
    "mapping under another number": (change_the_number, "idTag mappings", "C-1 other_number"),
    "idTag blocked": (block_the_id_tag, "idTags in SteVe", "C-1 blocked"),
    "metric no sum": (mean_the_metric, "metric", "it must be sum_agg over value, or sessions cost nothing"),
    "metric over kwh": (
        sum_another_field,
        "metric",
        "it must be sum_agg over value, or sessions cost nothing",
    ),
    "no metric": (drop_the_metric, "metric", "Lago has no such billable metric"),
    "no charge": (charge_nothing, "metric", "the plan standard has no charge for it"),
}


@pytest.mark.parametrize(("break_it", "name", "why"), BROKEN.values(), ids=BROKEN)
def test_what_has_gone_wrong_since_is_no_go_and_named(
    steve: SteveSandbox,
    lago: Sandbox,
    break_it: Callable[[SteveSandbox, Sandbox], None],
    name: str,
    why: str,
) -> None:
    run = run_over(rows(2), steve)
    break_it(steve, lago)

    assert failures(run) == {name: why}


def test_rows_whose_calls_failed_are_no_go(steve: SteveSandbox, lago: Sandbox) -> None:
    lago.fault("500,method=POST,path=/subscriptions,times=5")
    run = run_over(rows(2), steve, concurrency=1)

    assert failures(run) == {
        "customers in our database": "1 row was not imported: a call failed, or was not reached"
    }


def test_rows_that_were_not_reached_are_no_go(steve: SteveSandbox) -> None:
    run = run_over([row(1), row(2, plan_code="nonsense")], steve, allow_partial=True)
    run.rows.filter(line=2).update(outcome="")

    why = failures(run)

    assert why["import"] == "1 row is still pending"
    assert why["customers in our database"].startswith("1 row was not imported")


def test_rows_that_were_refused_at_the_import_are_told_and_no_fault_of_the_others(
    steve: SteveSandbox,
) -> None:
    given = [row(1), row(2, plan_code="nonsense"), row(3, email="none")]
    run = run_over(given, steve, allow_partial=True)

    code, checks = verified(run, *AND_CHARGE)

    assert code == 0
    assert checks["customers in our database"][:2] == (
        True,
        "3 rows less 0 skipped and 2 refused are 1 customers; 1 are here",
    )
    assert checks["rows refused at the import"][:2] == (None, "2 rows")
    assert checks["usage event in Lago"][0] is True


def test_a_row_of_which_something_was_made_is_not_refused_by_a_later_attempt(
    steve: SteveSandbox, lago: Sandbox
) -> None:
    lago.fault("500,method=POST,path=/subscriptions,times=5")
    first = run_over(rows(2), steve, concurrency=1)
    lago_subscription(lago, plan_code="fleet")  # from now on the plan refuses it

    run = run_over(rows(2), steve, allow_partial=True, skip_existing=True)

    (failed,) = run.rows.filter(outcome="failed")
    assert (run, failed.problems[0]["code"]) == (first, "lago_subscription_conflict")
    assert "not imported" in failures(run)["customers in our database"]


def test_a_subscription_that_ended_in_lago_is_no_go(steve: SteveSandbox, lago: Sandbox) -> None:
    run = run_over(rows(1), steve)
    with client_of(lago) as client:
        client.terminate_subscription("backfill-C-1", pending=False)

    assert failures(run, *AND_CHARGE) == {
        "subscriptions in Lago": "C-1 terminated",
        "who pays for the idTag": "Lago has no active subscription of this name",
    }
    assert verified(run, *AND_CHARGE)[1]["charging session"] == (
        None,
        "",
        "nothing was charged; first put right: subscriptions in Lago, who pays for the idTag",
    )
    assert steve.state()["transactions"] == []


def test_a_run_without_steve_is_checked_against_it_all_the_same(steve: SteveSandbox, settings: Any) -> None:
    kept = settings.STEVE_BASE_URL, settings.STEVE_API_USERNAME, settings.STEVE_API_KEY
    settings.STEVE_BASE_URL = settings.STEVE_API_USERNAME = settings.STEVE_API_KEY = ""
    run = run_over(rows(3), steve)
    unknown = verified(run)
    settings.STEVE_BASE_URL, settings.STEVE_API_USERNAME, settings.STEVE_API_KEY = kept
    steve.world.add_tag("TAG0001")
    steve.world.add_tag("TAG0002", expiry_date=LAST_YEAR)

    found = failures(run)
    steve.steer("POST", "id-tags", id_tag="TAG0002", expiry_date=None)
    steve.world.add_tag("TAG0003")

    assert unknown[1]["idTags in SteVe"] == (None, "", "SteVe is not configured")
    assert found == {"idTags in SteVe": "C-2 expired, C-3 missing; run the file again with --skip-existing"}
    assert verified(run, *AND_CHARGE)[0] == 0
