"""What a Lago can do, by what it says of itself and by what its subscriptions look like."""

from collections.abc import Callable, Iterator

import pytest

from billing.abilities import Abilities
from billing.client import LagoClient
from rehearsal.lago import SANDBOX_KEY, Sandbox
from tests.rehearsal.lago.calls import Caller

Connect = Callable[..., LagoClient]


@pytest.fixture(params=["old", "released", "head"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with Sandbox(compat=request.param) as sandbox:
        sandbox.set_organization(version="production")
        yield sandbox


def subscribed(sandbox: Sandbox, *, ended: bool) -> None:
    caller = Caller(sandbox)
    sent = {"external_customer_id": "A1", "external_id": "sub-A1", "plan_code": "standard"}
    caller.post("/subscriptions", {"subscription": sent})
    if ended:
        caller.delete("/subscriptions/sub-A1")
    caller.close()


@pytest.mark.parametrize("ended", [False, True])
def test_a_subscription_tells_what_the_version_does_not(
    sandbox: Sandbox, connect: Connect, ended: bool
) -> None:
    subscribed(sandbox, ended=ended)
    sandbox.reset_requests()

    can = Abilities(connect(sandbox.url, SANDBOX_KEY), "production")

    told = {"old": (False, False), "released": (True, False), "head": (True, True)}
    assert (can.ends_unbilled, can.mixes_currencies) == told[sandbox.compat]
    assert sandbox.counts() == {"GET /subscriptions": 1}


def test_without_a_subscription_nothing_is_known(sandbox: Sandbox, connect: Connect) -> None:
    can = Abilities(connect(sandbox.url, SANDBOX_KEY), None)

    assert (can.ends_unbilled, can.mixes_currencies) == (None, None)


@pytest.mark.parametrize(
    ("version", "unbilled", "mixed"),
    [("v1.31.4", False, False), ("1.32.0", True, False), ("v1.51.0", True, False), ("v1.52.0", True, True)],
)
def test_a_release_tells_without_a_call(
    sandbox: Sandbox, connect: Connect, version: str, unbilled: bool, mixed: bool
) -> None:
    sandbox.reset_requests()

    can = Abilities(connect(sandbox.url, SANDBOX_KEY), version)

    assert (can.ends_unbilled, can.mixes_currencies) == (unbilled, mixed)
    assert sandbox.counts() == {}


@pytest.mark.parametrize(("version", "mixed"), [("2026-08-11", False), ("2026-08-12", True)])
def test_the_day_of_a_build_tells_of_currencies(
    sandbox: Sandbox, connect: Connect, version: str, mixed: bool
) -> None:
    assert Abilities(connect(sandbox.url, SANDBOX_KEY), version).mixes_currencies is mixed
