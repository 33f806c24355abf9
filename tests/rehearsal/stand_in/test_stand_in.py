"""A stand-in as an object: it starts, or says why not, is steered, and leaves nothing behind."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.rehearsal.stand_in.till import TillSandbox


def ring_up(till: TillSandbox, sale: str = "1") -> requests.Response:
    return requests.post(f"{till.url}/sales/{sale}", timeout=60)


def test_it_answers_by_its_own_rules(till: TillSandbox) -> None:
    assert ring_up(till).json() == {"sales": 1}
    assert ring_up(till).json() == {"sales": 2}


def test_its_own_controls_stand_beside_those_of_all(till: TillSandbox) -> None:
    ring_up(till, "apple")

    assert till.steer("GET", "sales") == {"sales": ["apple"]}
    assert till.counts() == {"POST /sales/:id": 1}


def test_a_fault_strikes_below_the_base_of_its_api(till: TillSandbox) -> None:
    till.fault("500,path=/sales/2$")

    answers = [ring_up(till, sale) for sale in ("1", "2", "2")]

    assert [answer.status_code for answer in answers] == [200, 500, 200]
    assert answers[1].json() == {"jammed": True}
    assert till.steer("GET", "sales") == {"sales": ["1", "2"]}


def test_work_that_waits_for_others_is_done_beside_them(till: TillSandbox) -> None:
    with ThreadPoolExecutor() as pool:
        weighed = [pool.submit(requests.put, f"{till.url}/sales/{sale}", timeout=60) for sale in "12"]

        assert [one.result(60).status_code for one in weighed] == [200, 200]


def test_a_call_is_held_until_it_is_released(till: TillSandbox) -> None:
    till.fault("pause_before,nth=2")
    ring_up(till, "1")
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(ring_up, till, "2")

        held = till.wait_held()
        meanwhile = till.steer("GET", "sales")
        till.release()

        assert (held, meanwhile) == ([2], {"sales": ["1"]})
        assert asked.result(60).json() == {"sales": 2}


def test_a_fault_that_is_forgotten_lets_the_held_call_go(till: TillSandbox) -> None:
    till.fault("pause_before,times=forever")
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(ring_up, till)
        till.wait_held()

        till.clear_faults()

        assert asked.result(60).status_code == 200
    assert ring_up(till).status_code == 200


def test_waiting_for_a_held_call_has_an_end(till: TillSandbox) -> None:
    assert till.wait_held(timeout_s=0.01) == []


def test_it_cannot_be_steered_while_it_does_not_run() -> None:
    with pytest.raises(RuntimeError, match="not running"):
        TillSandbox().counts()


def test_nothing_is_left_of_it_afterwards() -> None:
    before = set(threading.enumerate())

    with TillSandbox() as till, requests.Session() as kept_alive:
        kept_alive.post(f"{till.url}/sales/1", timeout=60)
        names = {thread.name for thread in threading.enumerate()}

    till.stop()
    assert "till-sandbox" in names
    assert set(threading.enumerate()) == before
    with pytest.raises(requests.ConnectionError):
        ring_up(till)


def test_it_can_be_started_again_where_it_was() -> None:
    till = TillSandbox()
    with till:
        ring_up(till)
        first = till.url

    with till:
        assert (till.url, ring_up(till).json()) == (first, {"sales": 2})


def test_a_taken_port_is_an_error(till: TillSandbox) -> None:
    second = TillSandbox(port=till.port)

    with pytest.raises(OSError, match="in use"):
        second.start()

    second.stop()
