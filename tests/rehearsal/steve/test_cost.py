"""What calls cost, and how they queue for it. No test waits: it reads what was spent."""

import pytest
import requests

from rehearsal.steve import SteveSandbox
from rehearsal.steve.cost import Cost
from rehearsal.steve.versions import NEWEST, Version
from tests.charging.factories import charging
from tests.rehearsal.steve.calls import ID_TAG, call, told

THOUSAND = 1000
PASSWORD_MS = 55.0


@pytest.fixture
def full(steve: SteveSandbox) -> SteveSandbox:
    """A SteVe with a thousand idTags and two sessions."""
    for number in range(THOUSAND):
        steve.world.add_tag(f"TAG{number}")
    charging(steve, "TAG0")
    charging(steve, "TAG1")
    return steve


def spent_ms(steve: SteveSandbox) -> float:
    return float(steve.state()["cost_ms"])


@pytest.mark.parametrize(
    ("method", "path", "beyond_the_password_ms"),
    [
        ("GET", "ocppTags", 30.0),
        ("GET", "ocppTags?idTag=TAG1", 16.5),
        ("GET", "ocppTags/1", 16.5),
        ("POST", "ocppTags", 16.5),
        ("PUT", "ocppTags/1", 16.5),
        ("DELETE", "ocppTags/1", 16.5),
        ("PATCH", "ocppTags/1/expire", 16.5),
        ("GET", "transactions", 0.06),
        ("GET", "transactions?ocppIdTag=TAG1,TAG2", 0.0),
        ("GET", "nothing", 0.0),
    ],
)
def test_a_call_about_one_id_tag_is_paid_for_by_all_there_are(
    full: SteveSandbox, method: str, path: str, beyond_the_password_ms: float
) -> None:
    call(full, method, path, {"idTag": ID_TAG})

    assert spent_ms(full) == pytest.approx(PASSWORD_MS + beyond_the_password_ms)


def test_a_wrong_password_costs_as_much_as_a_right_one(full: SteveSandbox) -> None:
    full.steer("POST", "key", refuse=True)

    call(full, "GET", "ocppTags")

    assert spent_ms(full) == PASSWORD_MS


def test_who_brings_no_login_costs_nothing(full: SteveSandbox) -> None:
    told(full, "GET", "/steve/api/v1/ocppTags")

    assert spent_ms(full) == 0


def test_before_3_8_the_login_is_cheap() -> None:
    with SteveSandbox(version="3.7") as steve:
        call(steve, "GET", "ocppTags")

        assert spent_ms(steve) == 13.0


# --- The queue ---------------------------------------------------------------------------------------


def test_two_calls_are_worked_on_at_a_time_and_the_third_waits() -> None:
    cost = Cost(Version.parse(NEWEST), factor=1.0)

    ends = [cost.done_at(100.0, 50.0) for _ in range(5)]

    assert ends == pytest.approx([100.05, 100.05, 100.1, 100.1, 100.15])


def test_who_comes_when_nobody_waits_does_not_wait_for_others() -> None:
    cost = Cost(Version.parse(NEWEST), factor=1.0)
    cost.done_at(100.0, 50.0)

    assert cost.done_at(200.0, 50.0) == pytest.approx(200.05)


@pytest.mark.parametrize(("factor", "end"), [(0.0, 100.0), (0.01, 100.0005), (2.0, 100.1)])
def test_the_cost_can_be_scaled_and_is_off_at_zero(factor: float, end: float) -> None:
    cost = Cost(Version.parse(NEWEST), factor)

    assert cost.done_at(100.0, 50.0) == pytest.approx(end)
    assert cost.spent_ms == 50.0


def test_nothing_is_done_before_a_call_has_had_its_turn(steve: SteveSandbox) -> None:
    steve.steer("POST", "cost", factor=1_000_000)

    with pytest.raises(requests.ReadTimeout):
        requests.post(
            f"{steve.url}/api/v1/ocppTags",
            json={"idTag": ID_TAG},
            auth=(steve.username, steve.key),
            timeout=0.3,
        )

    assert (steve.state()["cost_ms"], steve.world.tags) == (PASSWORD_MS, {})


def test_the_factor_can_be_an_option() -> None:
    with SteveSandbox(cost_factor=0.001) as steve:
        assert call(steve, "GET", "ocppTags").status_code == 200
        assert steve.steer("POST", "cost", factor=0)["spent_ms"] == PASSWORD_MS
