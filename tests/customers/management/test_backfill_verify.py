"""When backfill_verify refuses, asks, and is stopped."""

import os
import signal
from threading import Thread
from typing import Any

import pytest

from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.customers.backfill.steve.world import CHARGE_BOX, manage, reverted
from tests.customers.backfill.verify.world import AND_CHARGE, TAG, run_over, verified
from tests.customers.factories import rows
from tests.support.processes import wait_for

pytestmark = pytest.mark.django_db


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
