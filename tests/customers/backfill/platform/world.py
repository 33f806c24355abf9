"""What the tests beside a platform ask of it, and what people do there."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from customers.models import BackfillRun
from tests.customers.backfill.steve.world import run_of
from tests.customers.factories import Row, imported
from tests.rehearsal.platform.rows import insert
from tests.rehearsal.platform.town import Town, wait_until

CARDS = """
select m.steve_ocpp_id_tag, u.lago_customer_external_id, m.is_active, m.lago_subscription_external_id
from user_mappings m left join users u on u.id = m.user_id where m.tag_type <> 'meta'
"""
LOGGED = """
create table statements (number serial, told text not null);
create function log_statement() returns trigger language plpgsql as
  $$ begin insert into statements (told) values (tg_op); return null; end $$;
create trigger log_statement after update or delete on user_mappings execute function log_statement();
"""
UNLOGGED = """
drop trigger log_statement on user_mappings; drop function log_statement; drop table statements;
"""


def in_platform(town: Town) -> dict[str, tuple[str | None, bool, str]]:
    """Whose each card is there, whether it bills, and to what."""
    return {id_tag: tuple(rest) for id_tag, *rest in town.rows(CARDS)}  # type: ignore[misc]


def open_tags(town: Town) -> set[str]:
    return {id_tag for id_tag, limit in town.limits().items() if limit != 0}


def people(town: Town) -> list[tuple[Any, ...]]:
    return town.rows("select lago_customer_external_id, email from users order by 1")


def user_of(town: Town, external_id: str = "C-1") -> str:
    ((key,),) = town.rows("select id from users where lago_customer_external_id = %s", external_id)
    return str(key)


def mapping_of(town: Town, id_tag: str = "TAG0001") -> int:
    ((number,),) = town.rows("select id from user_mappings where steve_ocpp_id_tag = %s", id_tag)
    return int(number)


def imported_beside(town: Town, given: list[Row], *, parents: bool = False, **options: Any) -> BackfillRun:
    """Import, have the platform make its parents if asked, and sync."""
    report = imported(given, **options)
    assert report.status == "succeeded"
    if parents:
        town.platform.make_metas()
    town.platform.sync()
    return run_of(report)


def bill(town: Town, id_tag: str = "TAG0001") -> None:
    """Charge, and have it billed."""
    town.charge(id_tag)
    town.platform.sync()


def issue(town: Town, number: int) -> None:
    insert(town.database, "issued_cards", user_mapping_id=number, billing_mode="standard")


def wait_for_webhooks(town: Town, number: int) -> None:
    """Wait until so many of Lago's webhooks have been worked off."""
    done = "select count(*) from lago_webhook_events where processed_at is not null"
    wait_until(lambda: town.rows(done)[0][0] >= number)


@contextmanager
def logged(town: Town) -> Iterator[list[str]]:
    """Give, at the end, the kinds of statements that changed the platform's mappings, in their order."""
    told: list[str] = []
    town.database.execute(LOGGED)
    try:
        yield told
        told += [one for (one,) in town.rows("select told from statements order by number")]
    finally:
        town.database.execute(UNLOGGED)
