"""Which calls a fault strikes, and how it is written."""

import pytest

from rehearsal.stand_in.faults import Fault, Kind, parse_fault


def test_a_share_of_the_calls_goes_wrong_the_same_for_a_seed() -> None:
    def draws(seed: int) -> list[bool]:
        one = parse_fault(f"500,rate=0.3,seed={seed}")
        return [one.strikes("GET", "/plans") for _ in range(1000)]

    assert draws(1) == draws(1) != draws(2)
    assert 200 < sum(draws(1)) < 400


@pytest.mark.parametrize(
    ("spec", "method", "path", "struck"),
    [
        ("500", "GET", "/plans", True),
        ("500,method=post", "POST", "/plans", True),
        ("500,method=POST", "GET", "/plans", False),
        ("500,path=/customers", "POST", "/customers/A1", True),
        ("500,path=/customers$", "POST", "/customers/A1", False),
        ("500,path=/sub", "GET", "/customers/A1/subscriptions", False),
        ("500,path=.*/subscriptions", "GET", "/customers/A1/subscriptions", True),
    ],
)
def test_a_fault_matches_method_and_path(spec: str, method: str, path: str, struck: bool) -> None:
    assert parse_fault(spec).strikes(method, path) is struck


def test_a_fault_is_read_from_one_word() -> None:
    one = parse_fault("reset_after,method=POST,path=/customers$,nth=3,times=2,seconds=0.5")

    assert one.json().items() >= Fault(Kind.RESET_AFTER, "POST", "/customers$", 3, 2).json().items()
    assert one.seconds == 0.5


@pytest.mark.parametrize("text", ["", "explode", "500,color=red", "500,nth=x", "500,path=("])
def test_a_senseless_word_for_a_fault_is_refused(text: str) -> None:
    with pytest.raises((ValueError, OSError)):
        parse_fault(text)
