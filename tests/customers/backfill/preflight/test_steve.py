"""Whether SteVe is there, what an import costs it, and whether charge points find its door."""

from typing import Any

import pytest

from charging import ocpp_door
from customers.backfill.preflight import Asked, People
from customers.backfill.preflight.steve import STEVE, costs
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.customers.backfill.preflight.looking import (
    dated,
    is_ok,
    is_stop,
    is_warning,
    look,
    proxy,
    states,
)


def test_a_steve_in_order_is_well(steve: SteveSandbox) -> None:
    found = look(STEVE)

    assert states(found) == {"answers": "ok", "idTags": "ok", "clock": "ok", "OCPP door": "ok"}
    assert is_ok(found["idTags"], "0 are there; 1,000 more take about")


def test_without_a_steve_that_is_one_line(lago: Sandbox, settings: Any) -> None:
    settings.STEVE_API_USERNAME = settings.STEVE_API_KEY = settings.STEVE_OCPP_URL = ""

    assert is_ok(look(STEVE)["answers"], "not configured")


def test_half_a_login_is_a_matter_of_settings(steve: SteveSandbox, settings: Any) -> None:
    settings.STEVE_API_KEY = ""

    assert is_stop(look(STEVE)["settings"], "STEVE_API_KEY is not set")


def test_a_steve_that_is_gone_is_one_line(steve: SteveSandbox) -> None:
    steve.stop()

    found = look(STEVE)

    assert list(found) == ["answers"]
    assert is_stop(found["answers"], "SteVe cannot be reached")


def test_a_wrong_login_is_one_line(steve: SteveSandbox, settings: Any) -> None:
    settings.STEVE_API_KEY = "wrong"

    found = look(STEVE)

    assert list(found) == ["answers"]
    assert is_stop(found["answers"], "refused the credentials (401)")


def test_the_file_says_how_many_cards_there_will_be(steve: SteveSandbox) -> None:
    found = look(STEVE, Asked(People(7, {}, ())))

    assert is_ok(found["idTags"], "7 more take about")


def test_what_takes_long_is_a_warning() -> None:
    assert is_ok(costs(1000, 0, 0.1), "0 are there; 1,000 more take about")
    assert is_warning(
        costs(10_000, 20_000, 0.5), "20,000 are there; 10,000 more take about 2 h", "Plan the time"
    )


def test_steves_clock_is_told_where_a_header_has_it(steve: SteveSandbox, settings: Any) -> None:
    base = steve.url.removesuffix("/steve")
    with proxy(base, dated(-600)) as url:
        settings.STEVE_BASE_URL = f"{url}/steve"

        assert is_warning(look(STEVE)["clock"], "behind ours", "sessions carry its time")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda url: "ws://127.0.0.1:1/steve/websocket/CentralSystemService", "cannot be reached"),
        (lambda url: url.removesuffix("CentralSystemService"), "another path than SteVe"),
        (lambda url: url.replace("ws://", "wss://"), "no TLS answers there"),
    ],
)
def test_a_door_that_is_elsewhere_stops_the_night(
    steve: SteveSandbox, settings: Any, change: Any, said: str
) -> None:
    settings.STEVE_OCPP_URL = change(steve.ocpp_url)

    assert is_stop(look(STEVE)["OCPP door"], said, "STEVE_OCPP_URL")


def test_a_door_behind_which_nobody_speaks_is_not_waited_for(
    lago: Sandbox, steve: SteveSandbox, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ocpp_door, "KNOCK_S", 0.2)
    lago.fault("pause_before")
    settings.STEVE_OCPP_URL = lago.url.replace("http://", "ws://")

    assert is_stop(look(STEVE)["OCPP door"], "Nobody answers at STEVE_OCPP_URL")


def test_nothing_is_made_in_steve(steve: SteveSandbox) -> None:
    boxes = set(steve.world.charge_boxes)

    look(STEVE)

    assert {call.partition(" ")[0] for call in steve.counts()} == {"GET"}
    assert set(steve.world.charge_boxes) == boxes
