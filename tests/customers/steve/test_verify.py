"""Go or no go: each way in which a charging session may end unbilled is found and named."""

import json
import os
import pty
import signal
import time
from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any

import pytest

from billing.sandbox import Sandbox
from customers.models import BackfillRun, IdTagMapping, User
from customers.steve_sandbox import SteveSandbox
from tests.customers.factories import Row, client_of, imported, row, rows
from tests.customers.mailing.processes import wait_for
from tests.customers.steve.world import CHARGE_BOX, let_bill, manage, reverted, run_of, tags
from tests.customers.steve_world import LAST_YEAR

pytestmark = pytest.mark.django_db

TAG = "TAG0001"
AND_CHARGE = ("--id-tag", TAG, "--charge-box", CHARGE_BOX, "--timeout", "3")


def run_over(given: list[Row], steve: SteveSandbox, **options: Any) -> BackfillRun:
    run = run_of(imported(given, **options))
    let_bill(steve)
    return run


def verified(run: BackfillRun, *options: str) -> tuple[int, dict[str, tuple[bool | None, str, str]]]:
    """Verify; give the exit code and, by name, of each check whether it passed, what it compared and why."""
    code, out, _ = manage("backfill_verify", "--run-id", run.run_id, "--format", "json", *options)
    document = json.loads(out)
    assert document["verdict"] == ("go" if code == 0 else "no-go")
    return code, {c["name"]: (c["passed"], c["compared"], c["detail"]) for c in document["checks"]}


def failures(run: BackfillRun, *options: str) -> dict[str, str]:
    """Verify what is no go; give the reason of each check that failed."""
    code, checks = verified(run, *options)
    assert code == 1
    return {name: why for name, (passed, _, why) in checks.items() if passed is False}


# --- Go ----------------------------------------------------------------------------------------------


def test_a_whole_run_is_a_go_down_to_the_usage_event(steve: SteveSandbox, lago: Sandbox) -> None:
    run = run_over([row(1), row(1, id_tag="SECOND"), row(2)], steve)

    code, checks = verified(run, *AND_CHARGE)

    assert (code, {passed for passed, _, _ in checks.values()}) == (0, {True})
    assert {name: compared for name, (_, compared, _) in checks.items()} == {
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
    assert "Waiting for the usage event in Lago, for up to 3 s" in err
    assert TAG not in out + err


def test_energy_that_is_sent_while_it_flows_counts_as_well(steve: SteveSandbox) -> None:
    run = run_over(rows(1), steve)
    steve.steer("POST", "usage", incremental=True)

    code, checks = verified(run, *AND_CHARGE)

    assert (code, checks["usage event in Lago"][0]) == (0, True)


def test_an_event_that_comes_late_is_waited_for_and_no_longer_than_that(steve: SteveSandbox) -> None:
    run = run_over(rows(1), steve)
    steve.steer("POST", "usage", delay_s=1.0)
    began = time.monotonic()

    code, _ = verified(run, "--id-tag", TAG, "--charge-box", CHARGE_BOX, "--timeout", "60")

    assert (code, time.monotonic() - began < 10) == (0, True)


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


def block_the_id_tag(steve: SteveSandbox, lago: Sandbox) -> None:
    steve.steer("POST", "id-tags", id_tag=TAG, max_active_transaction_count=0)


def change_the_number(steve: SteveSandbox, lago: Sandbox) -> None:
    IdTagMapping.objects.filter(id_tag=TAG).update(steve_ocpp_tag_pk=77)


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


def test_rows_that_failed_are_no_go(steve: SteveSandbox) -> None:
    run = run_over([row(1), row(2, plan_code="nonsense")], steve, allow_partial=True)

    assert failures(run) == {"customers in our database": "1 rows were not imported"}


def test_a_subscription_that_ended_in_lago_is_no_go(steve: SteveSandbox, lago: Sandbox) -> None:
    run = run_over(rows(1), steve)
    with client_of(lago) as client:
        client.terminate_subscription("backfill-C-1", pending=False)

    assert failures(run, *AND_CHARGE) == {
        "subscriptions in Lago": "C-1 terminated",
        "who pays for the idTag": "Lago has no active subscription of this name",
    }
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


# --- No go: the session and its energy -----------------------------------------------------------------

EVENT = "usage event in Lago"


def test_an_event_that_never_comes_is_no_go(steve: SteveSandbox) -> None:
    run = run_over(rows(1), steve)
    steve.steer("POST", "usage", omit=True)

    why = failures(run, "--id-tag", TAG, "--charge-box", CHARGE_BOX, "--timeout", "0.5")

    assert why == {
        EVENT: "no event came within 0 s; look at the platform's sync, or wait longer with --timeout"
    }


def test_an_event_on_another_subscription_is_no_go_at_once_and_names_whose(steve: SteveSandbox) -> None:
    run = run_over(rows(2), steve)
    steve.steer("POST", "usage", external_subscription_id="backfill-C-2")
    began = time.monotonic()

    why = failures(run, *AND_CHARGE[:4], "--timeout", "60")

    assert why == {EVENT: "the event went to another subscription: backfill-C-2 of the customer C-2"}
    assert time.monotonic() - began < 30


def test_energy_that_is_sent_elsewhere_while_it_flows_is_found_as_well(steve: SteveSandbox) -> None:
    run = run_over(rows(2), steve)
    steve.steer("POST", "usage", external_subscription_id="backfill-C-2", incremental=True)

    why = failures(run, *AND_CHARGE[:4], "--timeout", "1")

    assert why == {EVENT: "the event went to another subscription: backfill-C-2 of the customer C-2"}


def test_another_energy_is_no_go_and_both_are_told(steve: SteveSandbox) -> None:
    run = run_over(rows(1), steve)
    steve.steer("POST", "usage", factor=0.5)

    code, checks = verified(run, *AND_CHARGE)

    assert (code, checks[EVENT]) == (
        1,
        (False, "1 kWh sent, 0.500 kWh on backfill-C-1 (events: 1)", "the energy is not what was sent"),
    )


def test_events_for_another_metric_are_no_go(steve: SteveSandbox, lago: Sandbox, settings: Any) -> None:
    run = run_over(rows(1), steve)
    settings.LAGO_METRIC_CODE = "kwh"
    lago.put_metrics({"code": "kwh"}, {"code": "ev_charging_kwh"})

    assert failures(run, *AND_CHARGE)[EVENT] == "the events are for ev_charging_kwh, not for kwh"


def test_an_id_tag_that_steve_refuses_is_no_go(steve: SteveSandbox, lago: Sandbox) -> None:
    run = run_over(rows(1), steve)
    block_the_id_tag(steve, lago)

    assert failures(run, *AND_CHARGE) == {
        "idTags in SteVe": "C-1 blocked",
        "charging session": "SteVe refuses the idTag TAG…: Blocked",
    }
    assert steve.state()["transactions"] == []


def test_a_charge_box_that_steve_does_not_know_is_no_go(steve: SteveSandbox) -> None:
    run = run_over(rows(1), steve)

    why = failures(run, "--id-tag", TAG, "--charge-box", "NOWHERE")

    assert why == {"charging session": "SteVe does not know the charge box NOWHERE: create it there first"}


def test_an_ocpp_address_where_nobody_listens_is_no_go(steve: SteveSandbox, settings: Any) -> None:
    run = run_over(rows(1), steve)
    settings.STEVE_OCPP_URL = "ws://127.0.0.1:9/steve"

    assert "check STEVE_OCPP_URL" in failures(run, *AND_CHARGE)["charging session"]


def test_a_pending_subscription_is_no_go_before_anything_is_written(steve: SteveSandbox) -> None:
    run = run_over(rows(1, start_date="2030-01-01"), steve)

    why = failures(run, *AND_CHARGE)

    assert why == {"who pays for the idTag": "it is pending: nothing is billed before 2030-01-01"}
    assert steve.state()["transactions"] == []


def test_a_subscription_of_another_customer_is_no_go_before_anything_is_written(steve: SteveSandbox) -> None:
    run = run_over(rows(2), steve)
    IdTagMapping.objects.filter(id_tag=TAG).update(lago_subscription_external_id="backfill-C-2")

    why = failures(run, *AND_CHARGE)

    assert why["who pays for the idTag"] == "sessions would be billed to another customer"
    assert steve.state()["transactions"] == []


def test_an_inactive_mapping_is_no_go_before_anything_is_written(steve: SteveSandbox) -> None:
    run = run_over(rows(1), steve)
    IdTagMapping.objects.update(is_active=False)

    why = failures(run, *AND_CHARGE)

    assert why["who pays for the idTag"] == "the mapping is not active, so nothing is billed"
    assert steve.state()["transactions"] == []


def test_a_session_that_does_not_show_for_the_customer_is_no_go(steve: SteveSandbox, lago: Sandbox) -> None:
    run = run_over(rows(1), steve)
    change_the_number(steve, lago)

    why = failures(run, *AND_CHARGE)

    assert why["session of the customer in SteVe"] == "SteVe shows no such session for the idTags of C-1"


def test_what_breaks_after_the_session_is_a_failed_check_and_no_refusal(
    steve: SteveSandbox, lago: Sandbox
) -> None:
    run = run_over(rows(1), steve)
    steve.fault("500,path=.*/transactions,times=forever")
    lago.set_organization(permissions={"event": ["write"]})

    why = failures(run, "--id-tag", TAG, "--charge-box", CHARGE_BOX, "--timeout", "0.1")

    assert "SteVe failed (500)" in why["session of the customer in SteVe"]
    assert why[EVENT].startswith("whether it came cannot be told: ")
    assert len(steve.state()["transactions"]) == 1


# --- Refused -------------------------------------------------------------------------------------------

REFUSED: dict[str, tuple[list[str], str]] = {
    "unknown idTag": (
        ["--id-tag", "NOBODY", "--charge-box", CHARGE_BOX],
        "The idTag NOB… is not one of the run",
    ),
    "other spelling": (
        ["--id-tag", "tag0001", "--charge-box", CHARGE_BOX],
        "tag… is spelled otherwise here",
    ),
    "no charge box": (["--id-tag", TAG], "--charge-box is missing"),
    "charge box only": (["--charge-box", CHARGE_BOX], "--charge-box is of no use without --id-tag"),
    "no time": ([*AND_CHARGE[:4], "--timeout", "0"], "--timeout must be more than 0"),
    "no number": ([*AND_CHARGE[:4], "--timeout", "nan"], "--timeout must be more than 0"),
}


@pytest.mark.parametrize(("options", "why"), REFUSED.values(), ids=REFUSED)
def test_a_test_that_cannot_be_made_is_refused_before_anything_is_written(
    steve: SteveSandbox, options: list[str], why: str
) -> None:
    run = run_over(rows(1), steve)

    code, out, err = manage("backfill_verify", "--run-id", run.run_id, *options)

    assert (code, out, why in err) == (2, "", True)
    assert steve.state()["transactions"] == []


def test_a_test_without_an_ocpp_address_is_refused(steve: SteveSandbox, settings: Any) -> None:
    run = run_over(rows(1), steve)
    settings.STEVE_OCPP_URL = ""

    code, _, err = manage("backfill_verify", "--run-id", run.run_id, *AND_CHARGE)

    assert (code, "STEVE_OCPP_URL is not set." in err) == (2, True)


def test_a_test_without_steve_is_refused(steve: SteveSandbox, settings: Any) -> None:
    settings.STEVE_BASE_URL = settings.STEVE_API_USERNAME = settings.STEVE_API_KEY = ""
    run = run_over(rows(1), steve)

    code, _, err = manage("backfill_verify", "--run-id", run.run_id, *AND_CHARGE)

    assert (code, "A test session needs SteVe." in err) == (2, True)


def test_a_reverted_run_is_refused(steve: SteveSandbox) -> None:
    run = run_over(rows(1), steve)
    reverted(run)

    code, _, err = manage("backfill_verify", "--run-id", run.run_id)

    assert code == 2
    assert f"The run {run.run_id} was reverted: there is nothing left of it to verify." in err


def test_a_run_that_nobody_knows_is_refused(steve: SteveSandbox) -> None:
    assert manage("backfill_verify", "--run-id", "20260101-000000-0000")[0] == 2


# --- At a terminal -------------------------------------------------------------------------------------


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Where a person types: what is written to it arrives on standard input, which is a terminal."""
    person, ours = pty.openpty()
    with os.fdopen(ours) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        yield person
    os.close(person)


@pytest.mark.parametrize("answer", ["no", "", "y"])
def test_a_person_who_does_not_say_yes_has_nothing_written(
    steve: SteveSandbox, lago: Sandbox, terminal: int, answer: str
) -> None:
    run = run_over(rows(1), steve)
    os.write(terminal, f"{answer}\n".encode())

    code, out, err = manage("backfill_verify", "--run-id", run.run_id, *AND_CHARGE)

    assert (code, out) == (2, "")
    assert "Type yes to go on:\nNot confirmed; nothing was written." in err
    assert (steve.state()["transactions"], lago.state()["events"]) == ([], [])


def test_a_person_who_says_yes_gets_the_session(steve: SteveSandbox, terminal: int) -> None:
    run = run_over(rows(1), steve)
    os.write(terminal, b"yes\n")

    assert verified(run, *AND_CHARGE)[0] == 0
    assert len(steve.state()["transactions"]) == 1


def test_a_person_is_asked_nothing_where_nothing_is_written(steve: SteveSandbox, terminal: int) -> None:
    run = run_over(rows(1), steve)

    code, _, err = manage("backfill_verify", "--run-id", run.run_id)

    assert (code, "Type yes" in err) == (0, False)


def test_whoever_stops_waiting_is_told_what_to_look_for(steve: SteveSandbox) -> None:
    run = run_over(rows(1), steve)
    steve.steer("POST", "usage", omit=True)

    def interrupt() -> None:
        wait_for(lambda: any(not session.is_running for session in steve.world.sessions.values()))
        os.kill(os.getpid(), signal.SIGINT)

    person = Thread(target=interrupt)
    person.start()
    code, out, _ = manage("backfill_verify", "--run-id", run.run_id, *AND_CHARGE[:4], "--timeout", "60")
    person.join()

    assert code == 130
    assert "stopped while waiting; look later for steve_tx_1_… in Lago" in out
    assert not steve.world.sessions[1].is_running


# --- Afterwards ----------------------------------------------------------------------------------------


def test_the_customer_who_was_charged_counts_as_active_for_a_revert(steve: SteveSandbox) -> None:
    run = run_over(rows(2), steve)
    verified(run, *AND_CHARGE)

    refused, undone = reverted(run), reverted(run, keep_active=True)

    assert refused.plan.active == {"C-1": ["usage events in Lago: 1", "charged since"]}
    assert (undone.status, list(tags(steve))) == ("reverted", [TAG])
