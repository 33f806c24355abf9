"""An adopted Lago customer's currency: set by the first subscription, taken back where Lago does."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from rehearsal.lago import Sandbox
from tests.customers import factories
from tests.customers.commands import as_json
from tests.customers.factories import codes, csv_text, imported, planned, rows, steps, told, warnings
from tests.customers.undoing import called, latest_run, revert_planned, reverted
from tests.rehearsal.lago.calls import Caller

pytestmark = pytest.mark.django_db(transaction=True)

SET = "lago_customer_currency_will_be_set"
CONFLICT = "lago_customer_currency_conflict"


@pytest.fixture(params=["released", "head"])
def world(request: pytest.FixtureRequest, lago: Sandbox, settings: Any) -> Iterator[Sandbox]:
    with Sandbox(compat=request.param) as sandbox:
        settings.LAGO_API_URL = sandbox.url
        yield sandbox


def only_customer(lago: Sandbox) -> dict[str, Any]:
    (customer,) = lago.state(live=True, volatile=True)["customers"]
    # Copied, as the sandbox of this process hands out what it works with.
    kept = {name: deepcopy(value) for name, value in customer.items() if name != "updated_at"}
    return kept | {"columns": {"currency": None, **kept["columns"]}}


def manifest(settings: Any) -> str:
    text: str = (settings.BACKFILL_LOG_DIR / f"revert-{latest_run().run_id}.log").read_text()
    return text


def test_the_plan_says_that_a_currency_will_be_set_and_tries_nothing(world: Sandbox) -> None:
    factories.lago_customer(world)
    unchanged = factories.unchanged(world)

    report = planned(rows(2), skip_existing=True)

    assert [warnings(report, line) for line in (2, 3)] == [[SET], []]
    assert "makes it EUR" in told(report)[2]["warnings"][0]["message"]
    assert steps(report)["lago_customer"] == "adopt"
    assert unchanged()


def test_a_customer_of_our_own_unfinished_run_is_not_warned_of(world: Sandbox) -> None:
    world.fault("500,method=POST,path=/subscriptions,times=5")
    imported(rows(1))

    report = imported(rows(1))

    assert (warnings(report), report.status) == ([], "succeeded")
    reverted()
    assert world.state(live=True)["customers"] == []


@pytest.mark.parametrize("fault", [None, "500_after,method=POST,path=/subscriptions,times=forever"])
def test_a_revert_takes_the_currency_back_where_lago_does(
    world: Sandbox, settings: Any, fault: str | None
) -> None:
    factories.lago_customer(world)
    before = only_customer(world)
    if fault:
        world.fault(fault)
    report = imported(rows(1), skip_existing=True)
    world.clear_faults()

    foretold = revert_planned().rows[0].stays["lago_customer"]
    done = reverted()

    assert steps(report)["lago_customer"] == "adopted"
    assert done.status == "reverted"
    assert world.state(live=True)["subscriptions"] == []
    after = only_customer(world)
    if world.compat == "head":
        assert after == before
        assert "tries to take back" in foretold
        assert "its currency EUR, which the run's subscription set, is blank again" in manifest(settings)
    else:
        assert after == before | {"columns": {**before["columns"], "currency": "EUR"}}
        assert "cannot take back" in foretold
        assert "it keeps the currency EUR, which the run's subscription set" in manifest(settings)


def test_a_currency_that_somebody_bills_in_stays(world: Sandbox, settings: Any) -> None:
    factories.lago_customer(world)
    imported(rows(1), skip_existing=True)
    factories.lago_subscription(world, external_id="theirs")

    reverted()

    assert only_customer(world)["columns"]["currency"] == "EUR"
    assert "it keeps the currency EUR" in manifest(settings)


def test_a_currency_that_was_changed_since_is_left_alone(world: Sandbox, settings: Any) -> None:
    factories.lago_customer(world)
    world.fault("500,method=POST,path=/subscriptions,times=5")
    imported(rows(1), skip_existing=True)
    by_hand = Caller(world)
    by_hand.post("/customers", {"customer": {"external_id": "C-1", "currency": "USD"}})
    by_hand.close()

    reverted()

    assert only_customer(world)["columns"]["currency"] == "USD"
    assert "currency" not in manifest(settings)


def test_two_currencies_are_refused_unless_they_are_allowed_and_lago_takes_them(world: Sandbox) -> None:
    factories.lago_customer(world, currency="USD")

    refused = planned(rows(1), skip_existing=True)
    allowed = imported(rows(1), skip_existing=True, allow_second_currency=True)

    hint = told(refused)[2]["problems"][0]["hint"]
    assert codes(refused) == [CONFLICT]
    if world.compat == "head":
        assert "our caution, which --allow-second-currency lifts" in hint
        assert (allowed.status, codes(allowed)) == ("succeeded", [])
        assert len(world.state(live=True)["subscriptions"]) == 1
    else:
        assert "Lago refuses to mix them" in hint
        assert (allowed.status, codes(allowed)) == ("would_fail", [CONFLICT])


def test_the_command_has_the_option(world: Sandbox, tmp_path: Any) -> None:
    factories.lago_customer(world, currency="USD")
    path = tmp_path / "customers.csv"
    path.write_text(csv_text(rows(1)))

    answer = as_json(path, "--skip-existing", "--allow-second-currency", "--dry-run")

    assert answer.code == (0 if world.compat == "head" else 1)
    assert called("backfill_runs").code == 0
