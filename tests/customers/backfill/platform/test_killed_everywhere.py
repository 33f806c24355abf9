"""Beside the platform, a command is killed at each call and at each statement there, and is run again.

All is then as if nothing had happened. Whenever it is killed, no card of the platform is active for which no
subscription stands, and no idTag can charge whose subscription has ended.
"""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from charging.values import AUTO_INSERT_NOTE
from customers.models import BackfillRow, BackfillRun
from rehearsal.lago import Sandbox
from rehearsal.platform import PlatformSandbox
from rehearsal.steve import SteveSandbox
from tests.charging.factories import LAST_YEAR, charged
from tests.customers.backfill.crash import world
from tests.customers.backfill.crash.postgres_relay import PostgresRelay
from tests.customers.backfill.crash.processes import Nursery, nursery, one_at_a_time
from tests.customers.backfill.steve.world import CHARGE_BOX
from tests.customers.factories import csv_text
from tests.rehearsal.platform.databases import emptied
from tests.rehearsal.platform.rows import add_mapping, add_user
from tests.rehearsal.platform.town import Town

USED = "TAG0004"  # charges between import and revert, so idTag and mapping are kept for their history
AS_IT_WAS = {"TAG0005"}  # adopted open: free before, and free after

# How many calls or statements each command makes; `test_the_numbers_of_calls` counts them.
CALLS = {
    ("import", "lago"): 28,
    ("import", "steve"): 15,
    ("import", "platform"): 75,
    ("revert", "lago"): 38,
    ("revert", "steve"): 24,
    ("revert", "platform"): 136,
}
CASES = [(command, system, nth) for (command, system), last in CALLS.items() for nth in range(1, last + 1)]
BOTH = pytest.mark.parametrize("answered", [False, True], ids=["before", "after"])

USERS = "select lago_customer_external_id, email, name, role from users order by 1"
MAPPINGS = """
select m.steve_ocpp_id_tag, u.lago_customer_external_id, m.lago_customer_external_id,
  m.lago_subscription_external_id, m.is_active, m.tag_type, m.steve_parent_id_tag, m.steve_expiry_date
from user_mappings m left join users u on u.id = m.user_id order by 1
"""


@pytest.fixture(scope="module")
def relay(platform_database: str) -> Iterator[PostgresRelay]:
    with PostgresRelay(platform_database) as relay:
        yield relay


@pytest.fixture(scope="module")
def town(platform_database: str) -> Iterator[Town]:
    """The three beside each other; nothing is synced unless a test does so."""
    with (
        Sandbox(on_a_quiet_day=True) as lago,
        SteveSandbox(charge_boxes=[CHARGE_BOX]) as steve,
        PlatformSandbox(
            database_url=platform_database,
            lago_url=lago.url,
            lago_key=lago.key,
            steve_url=steve.url,
            steve_username=steve.username,
            steve_key=steve.key,
        ) as platform,
        psycopg.connect(platform_database, autocommit=True) as database,
    ):
        platform.stop_worker()
        yield Town(lago, steve, platform, database)


@pytest.fixture(scope="module")
def commands(
    town: Town, relay: PostgresRelay, tmp_path_factory: pytest.TempPathFactory, database_address: str
) -> Iterator[Nursery]:
    folder = tmp_path_factory.mktemp("commands")
    with nursery(
        folder, one_at_a_time(folder, database_address, town.lago, town.steve, POLARIS_DATABASE_URL=relay.url)
    ) as ready:
        yield ready


@pytest.fixture(scope="module")
def import_it(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    path = tmp_path_factory.mktemp("input") / "customers.csv"
    path.write_text(csv_text(world.twelve_rows()))
    return ("backfill_customers", "--input", str(path), "--skip-existing", "--no-wait")


def revert_it() -> tuple[str, ...]:
    run_id = world.run_id()
    return ("backfill_revert", "--run-id", run_id, "--discard-activity", "--noinput", "--no-wait")


def furnish(town: Town) -> None:
    """Put what was there before: idTags and customers of each kind that can be adopted."""
    town.lago.reset()
    town.steve.steer("POST", "faults/clear")
    for pk in sorted(town.steve.world.tags, reverse=True):
        town.steve.world.delete_tag(pk)
    emptied(town.platform.database_url)
    world.furnish(town.lago)
    charged(town.steve, "TAG0002", started_at=LAST_YEAR)
    town.steve.steer("POST", "id-tags", id_tag="TAG0002", note=AUTO_INSERT_NOTE)
    town.steve.world.add_tag("TAG0003", max_active_transaction_count=0, note="lost")
    town.steve.world.add_tag("TAG0005", max_active_transaction_count=1, note="van 5", user_pk=7)
    add_user(town.database, "C-5", email="Customer5@Example.com", name="Five")
    add_mapping(
        town.database, None, town.tag("TAG0002")["ocppTagPk"], steve_ocpp_id_tag="TAG0002",
        lago_customer_external_id="C-2", lago_subscription_external_id="backfill-C-2",
    )  # fmt: skip


def in_steve(town: Town) -> dict[str, Any]:
    """What SteVe has of each idTag; numbers may be used up by a repeated try, and notes hold times."""
    apart = {"ocppTagPk": 0, "parentOcppTagPk": 0, "note": ""}
    return {tag["idTag"]: tag | apart for tag in town.steve.state()["id_tags"]}


def everything(town: Town) -> Any:
    there = town.rows(USERS), town.rows(MAPPINGS)
    return world.people(), in_lago(town), in_steve(town), there


def in_lago(town: Town) -> dict[str, Any]:
    """What Lago has; of usage, how much of it, as its events name the number of a session."""
    state = town.lago.state(live=True)
    return state | {"events": len(state["events"])}


def use_between(town: Town) -> None:
    """Let the platform open the cards, and one of them charge and be billed."""
    town.platform.sync()
    town.charged(USED, hours_ago=1)
    town.platform.sync()


def paying(town: Town) -> set[str]:
    return {
        one["external_id"] for one in town.lago.state(live=True)["subscriptions"] if one["status"] == "active"
    }


def active_for_nobody(town: Town) -> set[str]:
    """Name subscriptions to which active cards bill although they do not stand."""
    billed = "select lago_subscription_external_id from user_mappings where is_active"
    return {key for (key,) in town.rows(billed)} - paying(town)


def open_for_nobody(town: Town) -> set[str]:
    """Name idTags of the run that may charge although what paid for them has ended."""
    live = {one["external_id"] for one in town.lago.state(live=True)["subscriptions"]}
    rows = BackfillRow.objects.filter(run=BackfillRun.objects.latest("pk")).exclude(outcome="")
    ended = {
        row.mapping.id_tag for row in rows.select_related("mapping")
        if row.mapping and f"backfill-{row.external_id}" not in live
    }  # fmt: skip
    may_charge = {tag["idTag"] for tag in town.steve.state()["id_tags"] if not tag["blocked"]}
    return ended & may_charge - AS_IT_WAS


@pytest.fixture(scope="module")
def undisturbed(
    town: Town, relay: PostgresRelay, commands: Nursery, import_it: tuple[str, ...], django_db_blocker: Any
) -> dict[str, Any]:
    """What all is like between and after, and how many calls it took."""
    seen: dict[str, Any] = {}
    with world.rehearsal(town.lago, django_db_blocker):
        furnish(town)
        seen["import"] = counted(town, relay, lambda: commands.run(*import_it))
        seen["between"] = everything(town)
        use_between(town)
        seen["revert"] = counted(town, relay, lambda: commands.run(*revert_it()))
        town.platform.sync()
        seen["after"] = everything(town)
    return seen


def counted(town: Town, relay: PostgresRelay, work: Any) -> dict[str, int]:
    town.lago.reset_requests()
    before = sum(town.steve.state()["requests"].values())
    relay.hold(0, answered=False)
    work()
    steve = sum(town.steve.state()["requests"].values()) - before
    return {"lago": town.lago.requests()["total"], "steve": steve, "platform": relay.seen}


@pytest.mark.django_db(transaction=True)
def test_the_numbers_of_calls(undisturbed: dict[str, Any]) -> None:
    assert {(command, system): undisturbed[command][system] for command, system in CALLS} == CALLS


def is_imported() -> bool:
    return BackfillRun.objects.filter(status=BackfillRun.Status.SUCCEEDED).exists()


def killed(
    town: Town, relay: PostgresRelay, commands: Nursery, system: str, nth: int, answered: bool, *what: str
) -> None:
    """Begin a command, and kill it at its n-th call of a system."""
    if system == "platform":
        relay.hold(nth, answered=answered)
        command = commands.start(*what)
        assert relay.wait_held(), command.err
    else:
        server = town.lago if system == "lago" else town.steve
        server.fault(f"{'pause_after' if answered else 'pause_before'},nth={nth}")
        command = commands.start(*what)
        assert server.wait_held(), command.err
    command.kill()
    command.wait()
    relay.drop()
    town.lago.clear_faults()
    town.steve.clear_faults()
    world.wait_until_free()


def disturbed(
    town: Town,
    relay: PostgresRelay,
    commands: Nursery,
    import_it: tuple[str, ...],
    undisturbed: dict[str, Any],
    command: str,
    system: str,
    nth: int,
    answered: bool,
) -> None:
    """Import and revert, one of them killed and run again; all is as if undisturbed."""
    furnish(town)
    if command == "import":
        killed(town, relay, commands, system, nth, answered, *import_it)
        assert active_for_nobody(town) == set()
    if (
        not is_imported()
    ):  # it may have been killed when all was done, and only the sync was still to be woken
        commands.run(*import_it)
    assert everything(town) == undisturbed["between"]
    use_between(town)
    if command == "revert":
        killed(town, relay, commands, system, nth, answered, *revert_it())
        assert active_for_nobody(town) == set()
        assert open_for_nobody(town) == set()
        town.platform.sync()
        assert open_for_nobody(town) == set()
    commands.run(*revert_it())
    town.platform.sync()

    assert everything(town) == undisturbed["after"]
    assert world.is_unbilled(town.lago)


@pytest.mark.matrix
@pytest.mark.parametrize(("command", "system", "nth"), CASES)
@BOTH
def test_a_command_killed_at_a_call_and_run_again_is_as_if_undisturbed(
    town: Town,
    relay: PostgresRelay,
    commands: Nursery,
    import_it: tuple[str, ...],
    undisturbed: dict[str, Any],
    transactional_db: None,
    command: str,
    system: str,
    nth: int,
    answered: bool,
) -> None:
    disturbed(town, relay, commands, import_it, undisturbed, command, system, nth, answered)


@pytest.mark.parametrize(("command", "system", "nth"), CASES[11::68])
def test_a_command_killed_at_some_calls_and_run_again_is_as_if_undisturbed(
    town: Town,
    relay: PostgresRelay,
    commands: Nursery,
    import_it: tuple[str, ...],
    undisturbed: dict[str, Any],
    transactional_db: None,
    command: str,
    system: str,
    nth: int,
) -> None:
    answered = nth % 2 == 0
    disturbed(town, relay, commands, import_it, undisturbed, command, system, nth, answered)
