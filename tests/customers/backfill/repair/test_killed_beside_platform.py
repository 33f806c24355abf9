"""Beside the platform, a repair is killed at each statement there and each call to SteVe, and run again."""

from typing import Any

import pytest

from customers.models import BackfillRun, IdTagMapping
from tests.customers import factories
from tests.customers.backfill.crash import world
from tests.customers.backfill.crash.postgres_relay import PostgresRelay
from tests.customers.backfill.crash.processes import Nursery
from tests.customers.backfill.platform.test_killed_everywhere import (
    active_for_nobody,
    counted,
    everything,
    killed,
)
from tests.customers.backfill.platform.test_killed_everywhere import commands as commands
from tests.customers.backfill.platform.test_killed_everywhere import relay as relay
from tests.customers.backfill.platform.test_killed_everywhere import town as town
from tests.customers.backfill.repair.world import ledger
from tests.customers.factories import csv_text
from tests.rehearsal.platform.databases import emptied
from tests.rehearsal.platform.town import Town

CALLS = {"steve": 6, "platform": 59}
CASES = [(system, nth) for system, last in CALLS.items() for nth in range(1, last + 1)]
SOME = [("platform", 38), ("platform", 44), ("platform", 50), ("platform", 56), ("steve", 6)]
BOTH = pytest.mark.parametrize("answered", [False, True], ids=["before", "after"])


@pytest.fixture(scope="module")
def import_it(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    path = tmp_path_factory.mktemp("input") / "customers.csv"
    path.write_text(csv_text([*factories.rows(7), factories.row(1, id_tag="TAG0008")]))
    return ("backfill_customers", "--input", str(path), "--no-wait")


def furnish(town: Town) -> None:
    town.lago.reset()
    town.steve.clear_faults()
    for pk in sorted(town.steve.world.tags, reverse=True):
        town.steve.world.delete_tag(pk)
    emptied(town.platform.database_url)


def damage(town: Town) -> None:
    """Lose a thing of each kind, and a user who has cards in two batches."""
    IdTagMapping.objects.filter(id_tag__in=["TAG0002"]).delete()
    IdTagMapping.objects.filter(id_tag="TAG0003").update(is_active=False)
    for pk in [pk for pk, tag in town.steve.world.tags.items() if tag.id_tag in ("TAG0004", "TAG0005")]:
        town.steve.world.delete_tag(pk)
    for statement in (
        "delete from users where lago_customer_external_id = 'C-1'",
        "delete from user_mappings where steve_ocpp_id_tag in ('TAG0005', 'TAG0006')",
        "update user_mappings set is_active = false where steve_ocpp_id_tag = 'TAG0007'",
    ):
        town.database.execute(statement.encode())


def repair_it() -> tuple[str, ...]:
    return ("backfill_repair", "--run-id", world.run_id(), "--noinput", "--no-wait")


def seen(town: Town) -> Any:
    return everything(town), ledger(BackfillRun.objects.latest("pk"))


@pytest.fixture(scope="module")
def undisturbed(
    town: Town, relay: PostgresRelay, commands: Nursery, import_it: tuple[str, ...], django_db_blocker: Any
) -> tuple[Any, dict[str, int], Any]:
    """What all is like after an undisturbed repair, its calls, and what all was like before the damage."""
    with world.rehearsal(town.lago, django_db_blocker):
        furnish(town)
        commands.run(*import_it)
        before = everything(town)
        damage(town)
        calls = counted(town, relay, lambda: commands.run(*repair_it()))
        return seen(town), calls, before


@pytest.mark.django_db(transaction=True)
def test_all_is_as_before_the_damage_and_the_numbers_of_calls(
    undisturbed: tuple[Any, dict[str, int], Any],
) -> None:
    after, calls, before = undisturbed

    assert after[0] == before
    assert {system: calls[system] for system in CALLS} == CALLS


def disturbed(
    town: Town,
    relay: PostgresRelay,
    commands: Nursery,
    import_it: tuple[str, ...],
    undisturbed: tuple[Any, dict[str, int], Any],
    system: str,
    nth: int,
    answered: bool,
) -> None:
    furnish(town)
    commands.run(*import_it)
    damage(town)

    killed(town, relay, commands, system, nth, answered, *repair_it())
    meanwhile = active_for_nobody(town)
    commands.run(*repair_it())
    after = seen(town)
    commands.run("backfill_revert", "--run-id", world.run_id(), "--noinput", "--no-wait")

    assert meanwhile == set()
    assert after == undisturbed[0]
    assert world.people() == {"users": [], "mappings": []}
    assert town.rows("select count(*) from users") == town.rows("select count(*) from user_mappings")
    assert town.steve.state()["id_tags"] == []
    assert world.is_unbilled(town.lago)


@pytest.mark.matrix
@pytest.mark.parametrize(("system", "nth"), CASES)
@BOTH
def test_a_repair_killed_at_a_call_and_run_again_is_as_if_undisturbed(
    town: Town,
    relay: PostgresRelay,
    commands: Nursery,
    import_it: tuple[str, ...],
    undisturbed: tuple[Any, dict[str, int], Any],
    transactional_db: None,
    system: str,
    nth: int,
    answered: bool,
) -> None:
    disturbed(town, relay, commands, import_it, undisturbed, system, nth, answered)


@pytest.mark.parametrize(("system", "nth"), SOME)
def test_a_repair_killed_at_some_calls_and_run_again_is_as_if_undisturbed(
    town: Town,
    relay: PostgresRelay,
    commands: Nursery,
    import_it: tuple[str, ...],
    undisturbed: tuple[Any, dict[str, int], Any],
    transactional_db: None,
    system: str,
    nth: int,
) -> None:
    disturbed(town, relay, commands, import_it, undisturbed, system, nth, answered=True)
