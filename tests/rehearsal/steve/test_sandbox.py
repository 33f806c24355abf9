"""The stand-in as an object: it starts, or says why not, and leaves nothing behind."""

import threading

import pytest
import requests

from charging.charge_point import ChargePointError
from rehearsal.steve import SteveSandbox
from tests.rehearsal.steve.calls import charge


def test_nothing_is_left_of_it_afterwards() -> None:
    before = set(threading.enumerate())

    with SteveSandbox(charge_boxes=["TEST-1"]) as steve, requests.Session() as kept_alive:
        kept_alive.get(f"{steve.control_url}/state", timeout=60)
        with pytest.raises(ChargePointError):
            charge(steve)

    steve.stop()
    assert set(threading.enumerate()) == before
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{steve.control_url}/state", timeout=60)


def test_a_taken_port_is_an_error_and_frees_the_other(steve: SteveSandbox) -> None:
    second = SteveSandbox(ocpp_port=steve.ocpp_port)

    with pytest.raises(OSError, match="in use"):
        second.start()

    assert second.port == 0
