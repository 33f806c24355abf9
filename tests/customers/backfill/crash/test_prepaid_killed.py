"""Balances and coupons: an import or revert that is killed at any of its calls, and run again.

Nothing is given twice, although Lago has no key for it: what may have arrived is looked up.
"""

from typing import Any

import pytest

from rehearsal.lago import Sandbox
from tests.customers import factories
from tests.customers.backfill.crash import world
from tests.customers.backfill.crash.killing import BEFORE_AND_AFTER, killed, sampled
from tests.customers.backfill.crash.processes import Nursery
from tests.customers.factories import Row, csv_text
from tests.support.processes import wait_for

IMPORT_CALLS = (
    23  # 4 to get to know Lago, 1 plan, 8 look-ups, 3 customers, 3 subscriptions, 2 coupons, 2 wallets
)
REVERT_CALLS = 31  # 4, 6 look-ups, 1 for what would go with a customer, 3 for activity, 17 to end and delete
GIVEN = ["/wallets", "/applied_coupons"]


def four_rows() -> list[Row]:
    """A balance, a coupon, both for a customer with two cards, and a row without; one exists in Lago."""
    return [
        factories.row(1, opening_balance="50.00", coupon=""),
        factories.row(2, opening_balance="", coupon="free"),
        factories.row(3, opening_balance="7.50", coupon="free"),
        factories.row(4, opening_balance="", coupon=""),
        factories.row(3, opening_balance="7.50", coupon="free", id_tag="TAG0009"),
    ]


def furnish(lago: Sandbox) -> None:
    lago.put_coupons("free:100%")
    factories.lago_customer(lago, 3)


@pytest.fixture(scope="module")
def import_it(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    path = tmp_path_factory.mktemp("input") / "customers.csv"
    path.write_text(csv_text(four_rows()))
    return ("backfill_customers", "--input", str(path), "--skip-existing")


def revert_it() -> tuple[str, ...]:
    return ("backfill_revert", "--run-id", world.run_id())


@pytest.fixture(scope="module")
def undisturbed(
    lasting_lago: Sandbox, commands: Nursery, import_it: tuple[str, ...], django_db_blocker: Any
) -> dict[str, Any]:
    """What all is like after an import and after a revert, and how many calls they took."""
    seen: dict[str, Any] = {}
    with world.rehearsal(lasting_lago, django_db_blocker):
        furnish(lasting_lago)
        for name, arguments in (("import", lambda: import_it), ("revert", revert_it)):
            lasting_lago.reset_requests()
            commands.run(*arguments())
            seen[f"{name} calls"] = lasting_lago.requests()["total"]
            seen[name] = (world.here(), lasting_lago.state())
    return seen


@pytest.mark.django_db(transaction=True)
def test_the_numbers_of_calls(undisturbed: dict[str, Any]) -> None:
    assert (undisturbed["import calls"], undisturbed["revert calls"]) == (IMPORT_CALLS, REVERT_CALLS)


@BEFORE_AND_AFTER
@pytest.mark.parametrize("nth", sampled(IMPORT_CALLS))
def test_an_import_killed_at_a_call_and_run_again_is_as_if_undisturbed(
    fresh_lago: Sandbox,
    commands: Nursery,
    import_it: tuple[str, ...],
    undisturbed: dict[str, Any],
    fault: str,
    nth: int,
) -> None:
    furnish(fresh_lago)

    killed(fresh_lago, commands, f"{fault},nth={nth}", *import_it)
    commands.run(*import_it)

    assert (world.here(), fresh_lago.state()) == undisturbed["import"]
    assert world.refs_are_true(fresh_lago)
    assert world.is_unbilled(fresh_lago)


@BEFORE_AND_AFTER
@pytest.mark.parametrize("nth", sampled(REVERT_CALLS))
@pytest.mark.matrix
def test_a_revert_killed_at_a_call_and_run_again_is_as_if_undisturbed(
    fresh_lago: Sandbox,
    commands: Nursery,
    import_it: tuple[str, ...],
    undisturbed: dict[str, Any],
    fault: str,
    nth: int,
) -> None:
    furnish(fresh_lago)
    before = world.people(), fresh_lago.state(live=True, volatile=True)
    commands.run(*import_it)
    settled = before[1]["customers"][0]["columns"] | {"currency": "EUR"}  # by the first subscription

    killed(fresh_lago, commands, f"{fault},nth={nth}", *revert_it())
    commands.run(*revert_it())

    before[1]["customers"][0]["columns"] = settled
    assert (world.people(), fresh_lago.state(live=True, volatile=True)) == before
    assert (world.here(), fresh_lago.state()) == undisturbed["revert"]
    assert world.is_unbilled(fresh_lago)


@BEFORE_AND_AFTER
@pytest.mark.parametrize("path", GIVEN)
def test_an_import_killed_as_it_gives_something_can_be_reverted_at_once(
    fresh_lago: Sandbox, commands: Nursery, import_it: tuple[str, ...], fault: str, path: str
) -> None:
    furnish(fresh_lago)

    killed(fresh_lago, commands, f"{fault},method=POST,path={path},nth=1", *import_it)
    commands.run(*revert_it())

    live = fresh_lago.state(live=True)
    assert (live["wallets"], live["applied_coupons"], live["subscriptions"]) == ([], [], [])
    assert [one["external_id"] for one in live["customers"]] == ["C-3"]
    assert world.is_unbilled(fresh_lago)


def test_a_wallet_that_arrives_after_its_sender_was_killed_is_not_there_twice(
    fresh_lago: Sandbox, commands: Nursery, import_it: tuple[str, ...], undisturbed: dict[str, Any]
) -> None:
    furnish(fresh_lago)
    fresh_lago.reset_requests()
    fresh_lago.fault("pause_before,method=POST,path=/wallets,nth=1")

    command = commands.start(*import_it)
    world.wait_for_fault(fresh_lago)
    command.kill()
    command.wait()
    world.wait_until_free()
    again = commands.start(*import_it)
    looks = fresh_lago.counts()["GET /wallets"]
    wait_for(lambda: fresh_lago.counts()["GET /wallets"] > looks, every_s=0.001)  # it has looked
    fresh_lago.clear_faults()
    code = again.wait()

    assert code == 0
    assert (world.here(), fresh_lago.state()) == undisturbed["import"]
