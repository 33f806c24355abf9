"""A repair that is killed at any of its calls to SteVe, and run again, is as if nothing had disturbed it."""

from collections.abc import Iterator
from typing import Any

import pytest

from customers.models import BackfillRun, IdTagMapping
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.customers import factories
from tests.customers.backfill.crash import world
from tests.customers.backfill.crash.killing import sampled
from tests.customers.backfill.crash.processes import Nursery, nursery, one_at_a_time
from tests.customers.backfill.repair.world import ledger
from tests.customers.factories import csv_text

CALLS = 7  # one to prove that it answers; idTags and sessions, to compare; idTags, to judge; three to make
KILLED = pytest.mark.parametrize("fault", ["pause_before", "pause_after"], ids=["before", "after"])


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Sandbox, SteveSandbox]]:
    with Sandbox(on_a_quiet_day=True) as lago, SteveSandbox() as steve:
        yield lago, steve


@pytest.fixture(scope="module")
def commands(
    servers: tuple[Sandbox, SteveSandbox], tmp_path_factory: pytest.TempPathFactory, database_address: str
) -> Iterator[Nursery]:
    """Commands in batches of two, and one call at a time, so that a call's number says which one it is."""
    lago, steve = servers
    folder = tmp_path_factory.mktemp("commands")
    with nursery(
        folder, one_at_a_time(folder, database_address, lago, steve, BACKFILL_BATCH_SIZE="2")
    ) as ready:
        yield ready


@pytest.fixture(scope="module")
def import_it(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    path = tmp_path_factory.mktemp("input") / "customers.csv"
    path.write_text(csv_text([*factories.rows(6), factories.row(3, id_tag="TAG0007")]))
    return ("backfill_customers", "--input", str(path))


def furnish(lago: Sandbox, steve: SteveSandbox) -> None:
    lago.reset()
    steve.steer("POST", "faults/clear")
    for pk in list(steve.world.tags):
        steve.world.delete_tag(pk)


def damage(steve: SteveSandbox) -> None:
    """Lose mappings, idTags, and what puts a card to use."""
    IdTagMapping.objects.filter(id_tag__in=["TAG0001", "TAG0007"]).delete()
    IdTagMapping.objects.filter(id_tag__in=["TAG0003", "TAG0005"]).update(is_active=False)
    lost = [pk for pk, tag in steve.world.tags.items() if tag.id_tag in ("TAG0002", "TAG0004", "TAG0005")]
    for pk in lost:
        steve.world.delete_tag(pk)


def repair_it() -> tuple[str, ...]:
    return ("backfill_repair", "--run-id", world.run_id(), "--noinput")


def everything(lago: Sandbox, steve: SteveSandbox) -> Any:
    tags = {tag["idTag"]: {**tag, "ocppTagPk": 0} for tag in steve.state()["id_tags"]}
    numbers = {tag["idTag"]: tag["ocppTagPk"] for tag in steve.state()["id_tags"]}
    known = dict(IdTagMapping.objects.values_list("id_tag", "steve_ocpp_tag_pk"))
    return world.people(), tags, known == numbers, ledger(BackfillRun.objects.latest("pk")), lago.state()


@pytest.fixture(scope="module")
def undisturbed(
    servers: tuple[Sandbox, SteveSandbox],
    commands: Nursery,
    import_it: tuple[str, ...],
    django_db_blocker: Any,
) -> tuple[Any, int]:
    """What all is like after a repair that nothing disturbed, and how many calls to SteVe it took."""
    lago, steve = servers
    with world.rehearsal(lago, django_db_blocker):
        furnish(lago, steve)
        commands.run(*import_it)
        damage(steve)
        before = sum(steve.state()["requests"].values())
        commands.run(*repair_it())
        return everything(lago, steve), sum(steve.state()["requests"].values()) - before


@pytest.mark.django_db(transaction=True)
def test_the_number_of_calls(undisturbed: tuple[Any, int]) -> None:
    assert undisturbed[1] == CALLS


@pytest.mark.parametrize("nth", sampled(CALLS))
@KILLED
def test_a_repair_killed_at_a_call_and_run_again_is_as_if_undisturbed(
    servers: tuple[Sandbox, SteveSandbox],
    commands: Nursery,
    import_it: tuple[str, ...],
    undisturbed: tuple[Any, int],
    transactional_db: None,
    nth: int,
    fault: str,
) -> None:
    lago, steve = servers
    furnish(lago, steve)
    commands.run(*import_it)
    damage(steve)

    steve.fault(f"{fault},nth={nth}")
    command = commands.start(*repair_it())
    assert steve.wait_held(), command.err
    command.kill()
    command.wait()
    steve.steer("POST", "faults/clear")
    world.wait_until_free()
    commands.run(*repair_it())
    after = everything(lago, steve)
    commands.run("backfill_revert", "--run-id", world.run_id(), "--noinput")

    assert after == undisturbed[0]
    assert world.people() == {"users": [], "mappings": []}
    assert steve.state()["id_tags"] == []
    assert world.is_unbilled(lago)
