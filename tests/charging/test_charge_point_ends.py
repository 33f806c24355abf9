"""The simulated charge point keeps SteVe's time, breaks off when asked to, and can stop what was left."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from charging import charge_point
from charging.charge_point import Begun, ChargePointError, Session, charging_session, stop_session
from tests.charging.central_system import CentralSystem

ID_TAG = "A1B2C3D4"
TEN_MINUTES = timedelta(minutes=10)


def charged(system: CentralSystem, **options: object) -> Session:
    async def scenario() -> Session:
        async with system.served():
            given = {"energy_wh": 7400, "timeout_s": 60.0, **options}
            return await charging_session(system.url, "TEST-1", ID_TAG, **given)  # type: ignore[arg-type]

    return asyncio.run(scenario())


def failed(system: CentralSystem, **options: object) -> ChargePointError:
    with pytest.raises(ChargePointError) as caught:
        charged(system, **options)
    return caught.value


# --- Whose clock -------------------------------------------------------------------------------------


@pytest.mark.parametrize("ahead", [TEN_MINUTES, timedelta(0), -TEN_MINUTES], ids=["behind", "same", "ahead"])
def test_all_times_are_told_in_steves_time_however_wrong_our_clock_is(ahead: timedelta) -> None:
    system = CentralSystem(ahead=ahead)
    before = system.now()

    session = charged(system)

    (stored,) = system.transactions.values()
    assert not stored.is_running
    assert (session.started_at, session.stopped_at) == (stored.started_at, stored.stopped_at)
    told = [stored.started_at, *stored.meter_values, session.stopped_at]
    assert told == sorted(told)
    assert before - timedelta(milliseconds=1) <= told[0] <= told[-1] <= system.now()
    assert abs(session.clock_ahead + ahead) < timedelta(minutes=1)


# --- Left in the middle ------------------------------------------------------------------------------


def test_a_session_that_was_begun_is_named_when_the_connection_closes() -> None:
    system = CentralSystem(closes_at={"MeterValues"})

    error = failed(system)

    stored = system.transactions[1]
    assert (error.code, error.begun) == ("ocpp_unexpected", Begun(1, stored.started_at, 3700))


def test_a_start_whose_answer_never_came_is_told_by_its_time() -> None:
    before = datetime.now(UTC)

    error = failed(CentralSystem(silent_at={"StartTransaction"}), timeout_s=0.5)

    assert (error.code, error.transaction_id) == ("ocpp_timeout", None)
    assert error.begun is not None
    assert error.begun.started_at >= before - timedelta(milliseconds=1)


def test_nothing_is_begun_before_the_start() -> None:
    assert failed(CentralSystem(silent_at={"Authorize"}), timeout_s=0.5).begun is None


def test_a_session_that_hangs_is_broken_off_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charge_point, "GRACE_S", 0.0)
    system = CentralSystem(silent_at={"MeterValues"})

    error = failed(system, break_off=lambda: "MeterValues" in system.heard)

    assert (error.code, error.transaction_id) == ("ocpp_interrupted", 1)


def test_a_session_that_goes_on_is_finished_although_it_is_to_be_broken_off() -> None:
    system = CentralSystem()

    session = charged(system, break_off=lambda: True)

    assert (session.energy_wh, system.transactions[1].reason) == (7400, "Local")


# --- Stopping what was left --------------------------------------------------------------------------


def stopped(system: CentralSystem, started_at: datetime, **options: object) -> None:
    async def scenario() -> None:
        async with system.served():
            given = {"transaction_id": 1, "started_at": started_at, "meter_wh": 3700, **options}
            await stop_session(system.url, "TEST-1", ID_TAG, **given)  # type: ignore[arg-type]

    asyncio.run(scenario())


def test_what_was_left_running_is_stopped_over_a_new_connection() -> None:
    system = CentralSystem(ahead=-TEN_MINUTES, closes_at={"MeterValues"})
    begun = failed(system).begun
    assert begun is not None

    stopped(system, begun.started_at, meter_wh=begun.meter_wh)

    stored = system.transactions[1]
    assert (stored.is_running, stored.meter_stop, system.connections) == (False, 3700, 2)


def test_a_stop_is_never_before_the_start() -> None:
    system = CentralSystem(closes_at={"MeterValues"})
    failed(system)
    later = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=2)
    system.transactions[1].started_at = later

    stopped(system, later)

    assert system.transactions[1].stopped_at == later


def test_a_stop_that_is_not_answered_is_a_failure() -> None:
    system = CentralSystem(closes_at={"StopTransaction"})

    with pytest.raises(ChargePointError, match="closed the connection"):
        stopped(system, datetime.now(UTC))


# --- A charge box with a password ----------------------------------------------------------------------


def test_a_charge_box_logs_in_with_its_password_in_whatever_capitals() -> None:
    async def scenario(system: CentralSystem) -> Session:
        async with system.served():
            return await charging_session(system.url, "test-1", ID_TAG, energy_wh=1, password="pässwörd:1")

    assert asyncio.run(scenario(CentralSystem(password="pässwörd:1"))).energy_wh == 1


@pytest.mark.parametrize(
    ("given", "says"),
    [("", "wants a password"), ("wrong", "refuses the password of the charge box TEST-1 (HTTP 401)")],
)
def test_a_password_that_is_missing_or_wrong_is_said_so(given: str, says: str) -> None:
    error = failed(CentralSystem(password="right"), password=given)

    assert (error.code, says in str(error)) == ("charge_box_password", True)
    assert "STEVE_OCPP_PASSWORD" in str(error)
    assert "wrong" not in str(error)
