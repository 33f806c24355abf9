"""With SteVe connected, a command is killed at each of its calls, and is run again.

All is then as if nothing had happened. Whenever it is killed, no idTag charges whose subscription has ended.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from charging.values import AUTO_INSERT_NOTE
from customers.models import BackfillRow, BackfillRun
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.charging.factories import LAST_YEAR, charged
from tests.customers.backfill.crash import world
from tests.customers.backfill.crash.processes import Nursery, nursery, one_at_a_time
from tests.customers.factories import csv_text

KILLED = [("pause_before", "before"), ("pause_after", "after")]
BOTH = pytest.mark.parametrize("fault", [fault for fault, _ in KILLED], ids=[name for _, name in KILLED])
USED = "TAG0004"  # charges between import and revert, so it is kept for its history
THERE = {"TAG0002", "TAG0003", "TAG0005", "FLEET"}

# How many calls each command makes of each system; `test_the_numbers_of_calls` counts them.
CALLS = {("import", "steve"): 15, ("import", "lago"): 28, ("revert", "steve"): 25, ("revert", "lago"): 38}
CASES = [(command, system, nth) for (command, system), last in CALLS.items() for nth in range(1, last + 1)]


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Sandbox, SteveSandbox]]:
    with Sandbox() as lago, SteveSandbox(charge_boxes=["TEST-1"]) as steve:
        yield lago, steve


@pytest.fixture(scope="module")
def commands(
    servers: tuple[Sandbox, SteveSandbox], tmp_path_factory: pytest.TempPathFactory, database_address: str
) -> Iterator[Nursery]:
    lago, steve = servers
    folder = tmp_path_factory.mktemp("commands")
    with nursery(folder, one_at_a_time(folder, database_address, lago, steve)) as ready:
        yield ready


@pytest.fixture(scope="module")
def import_it(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    path = tmp_path_factory.mktemp("input") / "customers.csv"
    path.write_text(csv_text(world.twelve_rows()))
    return ("backfill_customers", "--input", str(path), "--skip-existing")


def revert_it() -> tuple[str, ...]:
    return ("backfill_revert", "--run-id", world.run_id(), "--discard-activity", "--noinput")


def furnish(lago: Sandbox, steve: SteveSandbox) -> None:
    """Put what was there before: in SteVe one idTag of each kind that can be adopted."""
    lago.reset()
    steve.steer("POST", "faults/clear")
    for pk in sorted(steve.world.tags, reverse=True):
        steve.world.delete_tag(pk)
    world.furnish(lago)
    steve.world.add_tag("FLEET")
    charged(steve, "TAG0002", started_at=LAST_YEAR)
    steve.steer("POST", "id-tags", id_tag="TAG0002", note=AUTO_INSERT_NOTE)  # without the time of this try
    steve.world.add_tag("TAG0003", max_active_transaction_count=0, note="lost", parent_id_tag="FLEET")
    steve.world.add_tag("TAG0005", max_active_transaction_count=1, note="van 5", user_pk=7)


def in_steve(steve: SteveSandbox) -> dict[str, Any]:
    """All that SteVe has of each idTag but its number, which a repeated try may use up."""
    tags = {tag["idTag"]: tag for tag in steve.state()["id_tags"]}
    sessions = [session["ocppIdTag"] for session in steve.state()["transactions"]]
    return {name: {**tag, "ocppTagPk": 0, "parentOcppTagPk": 0} for name, tag in tags.items()} | {
        "sessions": sessions
    }


def everything(lago: Sandbox, steve: SteveSandbox) -> Any:
    return world.people(), lago.state(live=True), in_steve(steve)


def open_for_nobody(lago: Sandbox, steve: SteveSandbox) -> set[str]:
    """Name idTags of the run that may charge although what paid for them has ended."""
    live = {one["external_id"] for one in lago.state(live=True)["subscriptions"]}
    rows = BackfillRow.objects.filter(run=BackfillRun.objects.latest("pk")).exclude(outcome="")
    ended = {
        row.mapping.id_tag for row in rows.select_related("mapping")
        if row.mapping and f"backfill-{row.external_id}" not in live
    }  # fmt: skip
    may_charge = {tag["idTag"] for tag in steve.state()["id_tags"] if not tag["blocked"]}
    return ended & may_charge - {"TAG0005"}  # adopted as it was: free before, and free after


def charge_between(steve: SteveSandbox) -> None:
    charged(steve, USED)


@pytest.fixture(scope="module")
def undisturbed(
    servers: tuple[Sandbox, SteveSandbox],
    commands: Nursery,
    import_it: tuple[str, ...],
    django_db_blocker: Any,
) -> dict[str, Any]:
    """What all is like before, between and after, and how many calls it took."""
    lago, steve = servers
    with world.rehearsal(lago, django_db_blocker):
        furnish(lago, steve)
        seen: dict[str, Any] = {"before": everything(lago, steve)}
        seen["import"] = counted(lago, steve, lambda: commands.run(*import_it))
        seen["between"] = everything(lago, steve)
        charge_between(steve)
        seen["revert"] = counted(lago, steve, lambda: commands.run(*revert_it()))
        seen["after"] = everything(lago, steve)
    return seen


def counted(lago: Sandbox, steve: SteveSandbox, work: Any) -> dict[str, int]:
    lago.reset_requests()
    before = sum(steve.state()["requests"].values())
    work()
    return {"lago": lago.requests()["total"], "steve": sum(steve.state()["requests"].values()) - before}


@pytest.mark.django_db(transaction=True)
def test_the_numbers_of_calls(undisturbed: dict[str, Any]) -> None:
    assert {(command, system): undisturbed[command][system] for command, system in CALLS} == CALLS


@pytest.mark.matrix
@pytest.mark.parametrize(("command", "system", "nth"), CASES)
@BOTH
def test_a_command_killed_at_a_call_and_run_again_is_as_if_undisturbed(
    servers: tuple[Sandbox, SteveSandbox],
    commands: Nursery,
    import_it: tuple[str, ...],
    undisturbed: dict[str, Any],
    transactional_db: None,
    command: str,
    system: str,
    nth: int,
    fault: str,
) -> None:
    lago, steve = servers
    furnish(lago, steve)
    arguments = import_it
    if command == "revert":
        commands.run(*import_it)
        charge_between(steve)
        arguments = revert_it()

    killed(servers[0] if system == "lago" else servers[1], f"{fault},nth={nth}", commands, *arguments)
    meanwhile = open_for_nobody(lago, steve) if BackfillRun.objects.exists() else set()
    commands.run(*arguments)
    if command == "import":
        between = everything(lago, steve)
        charge_between(steve)
        commands.run(*revert_it())
        assert between == undisturbed["between"]

    assert meanwhile == set()
    assert everything(lago, steve) == undisturbed["after"]
    assert world.is_unbilled(lago)


def killed(server: Sandbox | SteveSandbox, fault: str, commands: Nursery, *arguments: str) -> None:
    server.fault(fault)
    command = commands.start(*arguments)
    assert server.wait_held(), command.err
    command.kill()
    command.wait()
    server.steer("POST", "faults/clear")
    world.wait_until_free()
