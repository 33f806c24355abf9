"""Runs and reverts that are killed in the middle of a call to SteVe, and are then run again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from customers.models import BackfillRun, IdTagMapping, User
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.charging.factories import LAST_YEAR, charged
from tests.customers.backfill.crash.processes import Nursery, nursery
from tests.customers.backfill.crash.world import wait_until_free
from tests.customers.backfill.steve.world import states, tags
from tests.customers.factories import csv_text, row

ROWS = [row(1), row(2), row(3), row(1, id_tag="SECOND"), row(4)]
# Two are unblocked (one that SteVe inserted itself, one that somebody blocked), three are made.
WRITES = [("PUT", 1), ("PUT", 2), ("POST", 2)]


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Sandbox, SteveSandbox]]:
    """A Lago and a SteVe that outlive a test, since their addresses are given to the nursery once."""
    with Sandbox() as lago, SteveSandbox(charge_boxes=["TEST-1"]) as steve:
        yield lago, steve


@pytest.fixture(scope="module")
def commands(
    servers: tuple[Sandbox, SteveSandbox], tmp_path_factory: pytest.TempPathFactory, database_address: str
) -> Iterator[Nursery]:
    lago, steve = servers
    folder = tmp_path_factory.mktemp("commands")
    variables = {
        "DATABASE_URL": database_address,
        "LAGO_API_URL": lago.url,
        "LAGO_API_KEY": lago.key,
        "STEVE_BASE_URL": steve.url,
        "STEVE_API_USERNAME": steve.username,
        "STEVE_API_KEY": steve.key,
        "BACKFILL_LAGO_RATE": "0",
        "BACKFILL_LOG_DIR": str(folder / "logs"),
    }
    with nursery(folder, variables) as ready:
        yield ready


@pytest.fixture
def lago(servers: tuple[Sandbox, SteveSandbox], transactional_db: None) -> Sandbox:
    servers[0].reset()
    return servers[0]


@pytest.fixture
def steve(servers: tuple[Sandbox, SteveSandbox]) -> SteveSandbox:
    """SteVe with two idTags that are blocked, each in its way."""
    steve = servers[1]
    steve.steer("POST", "faults/clear")
    for pk in list(steve.world.tags):
        steve.world.delete_tag(pk)
    charged(steve, "TAG0002", started_at=LAST_YEAR)
    steve.world.add_tag("TAG0003", max_active_transaction_count=0, note="lost")
    return steve


@pytest.fixture
def import_it(tmp_path: Path) -> tuple[str, ...]:
    path = tmp_path / "customers.csv"
    path.write_text(csv_text(ROWS))
    return ("backfill_customers", "--input", str(path), "--skip-existing", "--concurrency", "1")


def undo() -> tuple[str, ...]:
    return ("backfill_revert", "--run-id", BackfillRun.objects.get().run_id, "--noinput")


def kill_at(steve: SteveSandbox, commands: Nursery, method: str, nth: int, *arguments: str) -> None:
    """Kill a command while SteVe has done the nth write of a kind and has not answered yet."""
    steve.fault(f"pause_after,method={method},path=.*ocppTags,nth={nth}")
    command = commands.start(*arguments)
    assert steve.wait_held(), command.err
    command.kill()
    assert command.wait() == -9
    steve.steer("POST", "faults/clear")
    wait_until_free()


def world(steve: SteveSandbox, lago: Sandbox) -> Any:
    """All that a revert has to give back."""
    state = steve.state()
    return (
        state["id_tags"], state["transactions"], lago.state(live=True)["customers"],
        lago.state(live=True)["subscriptions"], User.objects.count(), IdTagMapping.objects.count(),
    )  # fmt: skip


@pytest.mark.parametrize(("method", "nth"), WRITES)
def test_an_import_killed_at_a_write_to_steve_and_run_again_is_whole_and_can_be_undone(
    lago: Sandbox, steve: SteveSandbox, commands: Nursery, import_it: tuple[str, ...], method: str, nth: int
) -> None:
    before = world(steve, lago)

    kill_at(steve, commands, method, nth, *import_it)
    commands.run(*import_it)

    assert not any(tag["blocked"] for tag in tags(steve).values())
    assert dict(IdTagMapping.objects.filter(is_active=True).values_list("id_tag", "steve_ocpp_tag_pk")) == {
        name: tag["ocppTagPk"] for name, tag in tags(steve).items()
    }
    assert [state for state, _ in states(BackfillRun.objects.get())] == [
        "created", "adopted", "adopted", "created", "created",
    ]  # fmt: skip
    commands.run(*undo())
    assert world(steve, lago) == before


@pytest.mark.parametrize(("method", "nth"), WRITES)
def test_an_import_killed_at_a_write_to_steve_can_be_undone_at_once(
    lago: Sandbox, steve: SteveSandbox, commands: Nursery, import_it: tuple[str, ...], method: str, nth: int
) -> None:
    before = world(steve, lago)

    kill_at(steve, commands, method, nth, *import_it)
    commands.run(*undo())

    assert world(steve, lago) == before


@pytest.mark.parametrize(("method", "nth"), [("PUT", 4), ("DELETE", 1)])
def test_a_revert_killed_at_a_write_to_steve_and_run_again_gives_all_back(
    lago: Sandbox, steve: SteveSandbox, commands: Nursery, import_it: tuple[str, ...], method: str, nth: int
) -> None:
    before = world(steve, lago)
    commands.run(*import_it)

    kill_at(steve, commands, method, nth, *undo())
    commands.run(*undo())

    assert world(steve, lago) == before


@pytest.mark.parametrize(("method", "nth"), [("PUT", 1), ("POST", 2)])
def test_a_write_that_never_reached_steve_is_made_by_the_next_run(
    lago: Sandbox, steve: SteveSandbox, commands: Nursery, import_it: tuple[str, ...], method: str, nth: int
) -> None:
    before = world(steve, lago)
    steve.fault(f"reset_before,method={method},path=.*ocppTags,nth={nth},times=3")

    failed = commands.start(*import_it)
    code = failed.wait()
    reasons = [state for state, _ in states(BackfillRun.objects.get())].count("intended")
    commands.run(*import_it)

    assert (code, reasons) == (1, 1)
    assert not any(tag["blocked"] for tag in tags(steve).values())
    commands.run(*undo())
    assert world(steve, lago) == before
