"""The stand-in as an object: it starts, or says why not, and leaves nothing behind."""

import socket
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


@pytest.mark.parametrize("name", ["port", "ocpp_port"])
def test_a_taken_port_is_an_error_and_frees_the_other(steve: SteveSandbox, name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        free = probe.getsockname()[1]
    ports = {"port": free, "ocpp_port": free} | {name: getattr(steve, name)}
    second = SteveSandbox(**ports)

    with pytest.raises(OSError, match="in use"):
        second.start()

    socket.create_server(("127.0.0.1", free)).close()
