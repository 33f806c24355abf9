"""The platform's database goes wrong, or somebody else writes there at the very point.

Nothing is half-written, nobody is moved, and the same command goes on.
"""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from customers.models import BackfillStep
from polaris import mappings, users
from tests.customers.backfill.platform.there import EMAIL, KEY, TAG, E, card, cards, platform, user
from tests.customers.backfill.platform.there import users as people
from tests.customers.backfill.steve.world import divergences, reverted, run_of
from tests.customers.factories import imported, planned, row, rows, told
from tests.rehearsal.platform.rows import add_mapping
from tests.rehearsal.platform.town import Town

pytestmark = pytest.mark.django_db
ANOTHER = "C-9"
WHOLE = [(E, True, KEY), ("C-2", True, "backfill-C-2")]

# --- The database ------------------------------------------------------------------------------------


def _gone(town: Town, monkeypatch: pytest.MonkeyPatch) -> Callable[[], object]:
    """The server ends our connections and takes no new ones."""
    name = town.database.info.dbname
    admin = psycopg.connect(town.database.info.dsn, dbname="postgres", autocommit=True)
    admin.execute(f'alter database "{name}" allow_connections false'.encode())
    end = (
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where application_name = 'polaris-backfill' and datname = %s"  # others share the server
    )
    admin.execute(end, [name])

    def back() -> None:
        admin.execute(f'alter database "{name}" allow_connections true'.encode())
        admin.close()

    return back


def _read_only(town: Town, monkeypatch: pytest.MonkeyPatch) -> Callable[[], object]:
    name = town.database.info.dbname
    setting = f'alter database "{name}" set default_transaction_read_only'
    town.database.execute(f"{setting} = on".encode())
    end = (
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where application_name = 'polaris-backfill' and datname = current_database()"
    )
    town.database.execute(end.encode())

    def back() -> None:
        town.database.execute("set default_transaction_read_only = off")
        town.database.execute(f'alter database "{name}" reset default_transaction_read_only'.encode())

    return back


def _slow(town: Town, monkeypatch: pytest.MonkeyPatch) -> Callable[[], object]:
    """Each write takes longer than we wait for a statement."""
    monkeypatch.setattr("polaris.database.LIMITS", "-c statement_timeout=50")
    end = (
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where application_name = 'polaris-backfill' and datname = current_database()"
    )
    town.database.execute(end.encode())
    town.database.execute(
        b"create function dawdle() returns trigger language plpgsql as"
        b" 'begin perform pg_sleep(10); return coalesce(new, old); end'"
    )
    for table in ("users", "user_mappings"):
        trigger = f"create trigger dawdle before insert or update or delete on {table} for each row"
        town.database.execute(f"{trigger} execute function dawdle()".encode())

    def back() -> None:
        monkeypatch.undo()
        town.database.execute(b"drop function dawdle() cascade")

    return back


FAULTS = {"gone": _gone, "read-only": _read_only, "slow": _slow}
POINTS = {
    "before the users": (users, "make"),
    "before the cards": (mappings, "make"),
    "before they are put to use": (mappings, "activate"),
}


@pytest.fixture
def breaking(town: Town) -> Iterator[Any]:
    """Let a fault begin right before a statement; it ends when it is told to, or with the test."""
    ends: list[Callable[[], object]] = []

    def breaks(point: tuple[Any, str], fault: Any, patch: pytest.MonkeyPatch) -> None:
        module, name = point
        write = getattr(module, name)

        def first_the_fault(*args: Any, **kwargs: Any) -> Any:
            if not ends:
                ends.append(fault(town, pytest.MonkeyPatch()))
            return write(*args, **kwargs)

        patch.setattr(module, name, first_the_fault)

    breaks.end = lambda: ends and ends.pop()()  # type: ignore[attr-defined]
    yield breaks
    if ends:
        ends.pop()()


@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS)
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_run_that_met_it_is_finished_by_the_same_command(
    town: Town, breaking: Any, fault: Any, point: tuple[Any, str]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        breaking(point, fault, patch)
        failed = imported(rows(2))
        town_is_back = breaking.end()

    half = [one[3] for one in cards(town)]
    again = imported(rows(2))

    assert town_is_back is None
    assert (failed.status, again.status) == ("failed", "succeeded")
    assert run_of(again) == run_of(failed)
    assert True not in half
    assert {one["code"] for line in told(failed).values() for one in line["problems"]} <= {
        "polaris_unreachable",
        "polaris_refused",
    }
    assert [one[2:] for one in cards(town)] == WHOLE
    assert len(people(town)) == 2
    states = BackfillStep.objects.filter(row__run=run_of(again), name__startswith="platform_")
    assert set(states.values_list("state", flat=True)) == {"created"}
    assert divergences(run_of(again)) == []


@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS)
def test_a_run_that_met_it_is_reverted_whole(town: Town, breaking: Any, point: tuple[Any, str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        breaking(point, _gone, patch)
        failed = imported(rows(2))
        breaking.end()

    undone = reverted(run_of(failed))

    assert undone.status == "reverted"
    assert (people(town), cards(town)) == ([], [])


def test_an_answer_that_was_lost_after_the_commit_is_no_second_user_and_no_second_card(town: Town) -> None:
    """The write is done, and the connection breaks before we hear of it."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (users, mappings):
            patch.setattr(module, "make", _committed_unheard(module.make, town))
        failed = imported(rows(1))
        again_failed = imported(rows(1))
    again = imported(rows(1))

    assert [one.status for one in (failed, again_failed, again)] == ["failed", "failed", "succeeded"]
    assert [one[2:] for one in cards(town)] == [WHOLE[0]]
    states = BackfillStep.objects.filter(row__run=run_of(again), name__startswith="platform_")
    assert set(states.values_list("state", flat=True)) == {"created"}
    assert reverted(run_of(again)).status == "reverted"
    assert (people(town), cards(town)) == ([], [])


def _committed_unheard(make: Any, town: Town) -> Any:
    def unheard(cursor: Any, *args: Any, **kwargs: Any) -> Any:
        make(cursor, *args, **kwargs)
        cursor.connection.execute("commit")
        end = "select pg_terminate_backend(%s)"
        town.database.execute(end, [cursor.connection.info.backend_pid])
        return cursor.execute("select 1")

    return unheard


# --- Somebody else, between our look and our write -----------------------------------------------------


def _before(patch: pytest.MonkeyPatch, point: tuple[Any, str], rival: Callable[[], object]) -> None:
    """Do what a rival does right before our first statement of a kind."""
    module, name = point
    write, done = getattr(module, name), []

    def after_the_rival(*args: Any, **kwargs: Any) -> Any:
        if not done:
            done.append(rival())
        return write(*args, **kwargs)

    patch.setattr(module, name, after_the_rival)


def _twin(town: Town) -> int:
    another = user(town, ANOTHER, "another@example.com")
    return card(town, another, 900, steve_ocpp_id_tag=TAG.lower(), lago_customer_external_id=ANOTHER)


def _number(town: Town) -> int:
    another = user(town, ANOTHER, "another@example.com")
    pk = town.tag(TAG)["ocppTagPk"]
    return add_mapping(
        town.database, another, pk, steve_ocpp_id_tag="OTHER", lago_customer_external_id=ANOTHER
    )


LOST: dict[str, tuple[tuple[Any, str], Callable[[Town], object], str]] = {
    "the address": ((users, "make"), lambda town: user(town, ANOTHER), "platform_user_conflict"),
    "the address, without a customer": (
        (users, "make"),
        lambda town: user(town, None),
        "platform_user_conflict",
    ),
    "the customer, with another address": (
        (users, "make"),
        lambda town: user(town, email="other@example.com"),
        "platform_user_conflict",
    ),
    "the address, as staff": (
        (users, "make"),
        lambda town: user(town, None, role="admin"),
        "platform_user_conflict",
    ),
    "the idTag": ((mappings, "make"), _twin, "platform_mapping_conflict"),
    "the number": ((mappings, "make"), _number, "platform_mapping_conflict"),
    "our user becomes staff": (
        (mappings, "make"),
        lambda town: town.database.execute(
            "update users set role = 'admin' where lago_customer_external_id = 'C-1'"
        ),
        "platform_mapping_conflict",
    ),
}


@pytest.mark.parametrize(("point", "rival", "code"), LOST.values(), ids=LOST)
def test_who_was_there_first_keeps_it_and_only_that_row_fails(
    town: Town, monkeypatch: pytest.MonkeyPatch, point: tuple[Any, str], rival: Any, code: str
) -> None:
    kept: list[Any] = []

    def comes_first() -> None:
        rival(town)
        kept.extend(platform(town)[1 if code == "platform_mapping_conflict" else 0])

    _before(monkeypatch, point, comes_first)
    report = imported(rows(2))

    now = platform(town)[1 if code == "platform_mapping_conflict" else 0]
    assert report.status == "partial"
    assert [one["code"] for one in told(report)[2]["problems"]] == [code]
    assert told(report)[3]["problems"] == []
    assert [one for one in now if one in kept] == kept
    assert (E, True, KEY) not in [one[2:] for one in cards(town)]
    assert town.lago.state(live=True)["subscriptions"][0]["external_id"] == "backfill-C-2"
    assert len(town.lago.state(live=True)["subscriptions"]) == 1


def test_a_user_whom_the_platform_made_meanwhile_is_adopted_in_lower_case(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    _before(monkeypatch, (users, "make"), lambda: user(town, email=EMAIL.title()))

    report = imported(rows(2))

    assert report.status == "succeeded"
    assert [one[1] for one in people(town)] == [EMAIL, "customer2@example.com"]
    steps = BackfillStep.objects.filter(row__run=run_of(report), name="platform_user").order_by("row__line")
    assert [(step.state, step.undo) for step in steps] == [
        ("adopted", {"email": EMAIL.title()}),
        ("created", {}),
    ]
    assert [one[2:] for one in cards(town)] == WHOLE


def test_the_very_card_that_somebody_made_meanwhile_is_adopted(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made() -> int:
        ((one,),) = town.rows("select id from users where lago_customer_external_id = 'C-1'")
        return card(town, one, town.tag(TAG)["ocppTagPk"], is_active=False)

    _before(monkeypatch, (mappings, "make"), made)

    report = imported(rows(2))

    assert report.status == "succeeded"
    assert [one[2:] for one in cards(town)] == WHOLE


def test_a_card_of_an_unknown_subscription_that_somebody_made_meanwhile_is_left_alone(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made() -> int:
        ((one,),) = town.rows("select id from users where lago_customer_external_id = 'C-1'")
        pk = town.tag(TAG)["ocppTagPk"]
        return card(town, one, pk, is_active=True, lago_subscription_external_id="theirs")

    _before(monkeypatch, (mappings, "make"), made)

    report = imported(rows(2))

    assert report.status == "partial"
    assert (E, True, "theirs") in [one[2:] for one in cards(town)]


def test_a_number_that_is_taken_before_a_card_is_completed_fails_that_row_alone(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    card(town, user(town), 901, is_active=False)
    card(town, user(town, "C-2", "customer2@example.com"), 902, steve_ocpp_id_tag="TAG0002", is_active=False,
         lago_customer_external_id="C-2", lago_subscription_external_id="backfill-C-2")  # fmt: skip
    _before(monkeypatch, (mappings, "complete"), lambda: _number(town))

    report = imported(rows(2), skip_existing=True)

    assert (report.status, [one["code"] for one in told(report)[2]["problems"]]) == (
        "partial",
        ["platform_mapping_conflict"],
    )
    assert told(report)[3]["problems"] == []


@pytest.mark.parametrize(
    "meanwhile",
    ["update users set role = 'admin' where id = %s", "delete from users where id = %s"],
    ids=["made staff", "deleted"],
)
def test_a_user_who_is_no_customer_before_a_card_is_completed_fails_that_row_alone(
    town: Town, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    first = user(town)
    card(town, first, 901, is_active=False)
    card(town, user(town, "C-2", "customer2@example.com"), 902, steve_ocpp_id_tag="TAG0002", is_active=False,
         lago_customer_external_id="C-2", lago_subscription_external_id="backfill-C-2")  # fmt: skip
    _before(monkeypatch, (mappings, "complete"), lambda: town.database.execute(meanwhile, [first]))

    report = imported(rows(2), skip_existing=True)

    assert (report.status, [one["code"] for one in told(report)[2]["problems"]]) == (
        "partial",
        ["platform_mapping_conflict"],
    )
    assert told(report)[3]["problems"] == []


# --- A run that was made without the platform ----------------------------------------------------------


@pytest.mark.parametrize("has_synced", [False, True], ids=["before a sync", "after a sync"])
def test_a_run_of_before_is_completed_by_the_same_file(town: Town, settings: Any, has_synced: bool) -> None:
    url, settings.POLARIS_DATABASE_URL = settings.POLARIS_DATABASE_URL, ""
    given = [*rows(2), row(2, id_tag="SECOND")]
    earlier = imported(given)
    settings.POLARIS_DATABASE_URL = url
    if has_synced:
        town.platform.sync()
        assert set(town.limits().values()) == {0}

    refused = planned(given) if has_synced else None
    plan = planned(given, skip_existing=True)
    report = imported(given, skip_existing=True)
    town.platform.sync()

    assert earlier.status == "succeeded"
    assert (refused is None or refused.plan.fails, plan.plan.fails) == (True, False)
    assert report.status == "succeeded"
    assert {name for name, _, *rest in cards(town) if rest[1]} == {TAG, "TAG0002", "SECOND"}
    assert {town.limits()[name] for name in (TAG, "TAG0002", "SECOND")} == {-1}
    assert divergences(run_of(report)) == []
    assert len(town.lago.state(live=True)["subscriptions"]) == 2
