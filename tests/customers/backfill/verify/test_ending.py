"""No session of ours is left running when it can be helped, whoever's clock is wrong and whatever breaks."""

import os
import signal
from base64 import b64decode
from collections.abc import Iterator
from threading import Thread
from typing import Any

import pytest

from charging import charge_point
from customers.backfill.verify import ending, live
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.charging.factories import charging
from tests.customers.backfill.steve.world import CHARGE_BOX, manage
from tests.customers.backfill.verify.line import Line
from tests.customers.backfill.verify.world import (
    AND_CHARGE,
    TAG,
    failures,
    ignore_stops,
    run_over,
    verified,
)
from tests.customers.factories import rows
from tests.support.processes import wait_for

pytestmark = pytest.mark.django_db

CHARGING, SESSION, EVENT = "charging session", "session of the customer in SteVe", "usage event in Lago"


@pytest.fixture
def line(steve: SteveSandbox, settings: Any) -> Iterator[Line]:
    line = Line(steve.ocpp_url)
    with line.laid() as settings.STEVE_OCPP_URL:
        yield line


# --- Clocks ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("minutes", [-20, -10, 10, 20])
@pytest.mark.parametrize("incremental", [False, True], ids=["at the end", "while it flows"])
def test_it_is_a_go_however_far_our_clock_is_from_steves(
    steve: SteveSandbox, minutes: int, incremental: bool
) -> None:
    run = run_over(rows(1), steve)
    steve.steer("POST", "clock", offset_s=60 * minutes)
    steve.steer("POST", "usage", incremental=incremental)

    code, checks = verified(run, *AND_CHARGE)

    assert (code, steve.world.sessions[1].is_running) == (0, False)
    which = "behind" if minutes > 0 else "ahead of"
    assert checks[CHARGING][2] == f"our clock is {abs(minutes)} min {which} SteVe's"


# --- A stop that is answered and not carried out -------------------------------------------------------


def test_a_session_that_runs_on_is_stopped_once_more(
    steve: SteveSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_over(rows(1), steve)
    ignore_stops(steve, monkeypatch, 1)

    code, checks = verified(run, *AND_CHARGE)

    assert (code, steve.world.sessions[1].is_running) == (0, False)
    assert checks[SESSION] == (
        True,
        "transaction 1: 1 kWh sent, 1 kWh stored",
        "transaction 1 ended only at the second stop",
    )


def test_a_session_that_cannot_be_stopped_is_named_with_what_to_do(
    steve: SteveSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_over(rows(1), steve)
    ignore_stops(steve, monkeypatch, 9)

    code, checks = verified(run, *AND_CHARGE)

    assert code == 1
    assert checks[SESSION] == (
        False,
        "transaction 1: 1 kWh sent, running",
        "transaction 1 on TEST-1 STILL RUNS in SteVe (SteVe answered the stop and did not carry it out):"
        " open it there under Transactions and stop it",
    )
    assert checks[EVENT] == (None, "", "left out: the session has not ended")


# --- What breaks after the start -----------------------------------------------------------------------


def test_a_connection_that_closes_after_the_start_leaves_nothing_running(
    steve: SteveSandbox, line: Line
) -> None:
    run = run_over(rows(1), steve)
    line.breaks_at = "MeterValues"

    why = failures(run, *AND_CHARGE)

    says = "SteVe closed the connection in the middle; transaction 1 was left running, and is stopped now"
    assert why == {CHARGING: says}
    assert (steve.world.sessions[1].is_running, steve.world.sessions[1].stop_wh) == (False, 500)


def test_a_system_that_falls_silent_after_the_start_leaves_nothing_running(
    steve: SteveSandbox, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_over(rows(1), steve)
    monkeypatch.setattr(live, "LONGEST_SESSION_S", 0.5)
    line.silent_at = {"StopTransaction"}

    why = failures(run, *AND_CHARGE)

    says = "SteVe did not answer within 0.5 s; transaction 1 was left running, and is stopped now"
    assert why == {CHARGING: says}
    assert not steve.world.sessions[1].is_running


def test_a_session_whose_number_never_came_is_found_by_its_start_and_stopped(
    steve: SteveSandbox, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_over(rows(1), steve)
    monkeypatch.setattr(live, "LONGEST_SESSION_S", 0.5)
    line.loses = "StartTransaction"

    why = failures(run, *AND_CHARGE)

    assert why[CHARGING].endswith("; transaction 1 was left running, and is stopped now")
    assert not steve.world.sessions[1].is_running


def test_a_start_that_never_arrived_is_told_and_nothing_else_is_stopped(
    steve: SteveSandbox, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_over(rows(1), steve)
    customers_own = charging(steve, TAG)
    monkeypatch.setattr(live, "LONGEST_SESSION_S", 0.5)
    line.silent_at = {"StartTransaction"}

    why = failures(run, *AND_CHARGE)

    assert "SteVe never answered the start and shows no session of it now" in why[CHARGING]
    assert steve.world.sessions[customers_own].is_running


def test_a_session_that_nobody_can_look_at_is_stopped_all_the_same(steve: SteveSandbox, line: Line) -> None:
    run = run_over(rows(1), steve)
    line.breaks_at = "MeterValues"
    steve.fault("500,path=.*/transactions,nth=2,times=forever")

    why = failures(run, *AND_CHARGE)

    assert "transaction 1 on TEST-1 may still run in SteVe (it cannot be looked at: " in why[CHARGING]
    assert "; it was sent a stop): look there under Transactions" in why[CHARGING]
    assert not steve.world.sessions[1].is_running


def test_a_stop_that_fails_too_is_told_with_the_session_that_runs(
    steve: SteveSandbox, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_over(rows(1), steve)
    monkeypatch.setattr(live, "LONGEST_SESSION_S", 0.5)
    monkeypatch.setattr(ending, "LONGEST_STOP_S", 0.5)
    line.silent_at = {"MeterValues", "StopTransaction"}

    why = failures(run, *AND_CHARGE)

    assert "transaction 1 on TEST-1 STILL RUNS in SteVe (SteVe did not answer within 0.5 s)" in why[CHARGING]


# --- Refused at the start ------------------------------------------------------------------------------


def test_a_session_that_was_refused_at_its_start_is_known_to_have_ended(steve: SteveSandbox) -> None:
    run = run_over(rows(1), steve)
    steve.steer("POST", "id-tags", id_tag=TAG, max_active_transaction_count=1)
    customers_own = charging(steve, TAG)

    why = failures(run, *AND_CHARGE)

    says = "SteVe refuses the idTag TAG…: ConcurrentTx; transaction 2 was begun, and has ended in SteVe"
    assert why == {CHARGING: says}
    assert [steve.world.sessions[pk].is_running for pk in (customers_own, 2)] == [True, False]


# --- Ctrl-C --------------------------------------------------------------------------------------------


def test_whoever_stops_in_the_middle_leaves_nothing_running(
    steve: SteveSandbox, line: Line, lago: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_over(rows(1), steve)
    monkeypatch.setattr(charge_point, "GRACE_S", 0.0)
    line.silent_at = {"MeterValues"}

    def interrupt() -> None:
        wait_for(lambda: "MeterValues" in line.heard)
        os.kill(os.getpid(), signal.SIGINT)

    person = Thread(target=interrupt)
    person.start()
    code, out, err = manage("backfill_verify", "--run-id", run.run_id, *AND_CHARGE)
    person.join()

    assert code == 130
    assert "The charging session was broken off; transaction 1 was left running, and is stopped now" in out
    assert out.splitlines()[-1] == "No verdict: stopped before all was checked."
    assert "Transaction 1 still runs in SteVe: it is being stopped" in err
    assert not steve.world.sessions[1].is_running


# --- A charge box with a password ----------------------------------------------------------------------


def test_the_charge_box_logs_in_with_its_password_which_is_shown_nowhere(
    steve: SteveSandbox, line: Line, settings: Any
) -> None:
    run = run_over(rows(1), steve)
    settings.STEVE_OCPP_PASSWORD = "very-secret"
    line.breaks_at = "MeterValues"

    _, out, err = manage("backfill_verify", "--run-id", run.run_id, *AND_CHARGE)

    assert "very-secret" not in out + err
    logins = [b64decode((login or "").removeprefix("Basic ")) for login in line.logins]
    assert logins == [f"{CHARGE_BOX}:very-secret".encode()] * 2
