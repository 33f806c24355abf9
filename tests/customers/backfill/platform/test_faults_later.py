"""The platform goes wrong, or somebody else writes there, under a revert, a reconcile or a verify."""

import json
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from customers.backfill.verify import platform as asked
from customers.models import BackfillRun
from polaris import mappings, users
from tests.customers.backfill.platform.test_faults import FAULTS, _before, _gone, _read_only
from tests.customers.backfill.platform.test_faults import breaking as breaking
from tests.customers.backfill.platform.there import E, cards
from tests.customers.backfill.platform.there import users as people
from tests.customers.backfill.platform.world import mapping_of
from tests.customers.backfill.steve.world import CHARGE_BOX, divergences, manage, reverted, run_of
from tests.customers.factories import imported, rows
from tests.rehearsal.platform.rows import insert
from tests.rehearsal.platform.town import Town

pytestmark = pytest.mark.django_db

# --- Revert --------------------------------------------------------------------------------------------

POINTS = {
    "before they stop": (mappings, "stop"),
    "before the cards go": (mappings, "delete"),
    "before the users go": (users, "delete"),
}


def subscriptions(town: Town) -> int:
    return len(town.lago.state(live=True)["subscriptions"])


@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS)
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_revert_that_met_it_is_finished_by_the_same_command(
    town: Town, breaking: Any, fault: Any, point: tuple[Any, str]
) -> None:
    run = run_of(imported(rows(2)))
    with pytest.MonkeyPatch.context() as patch:
        breaking(point, fault, patch)
        failed = reverted(run)
        breaking.end()

    half = [is_active for *_, is_active, _ in cards(town)], subscriptions(town)
    again = reverted(run)
    town.platform.sync()

    assert (failed.status, again.status) == ("failed", "reverted")
    assert not (True in half[0] and half[1] < 2)  # nobody can charge whose subscription has ended
    assert (people(town), cards(town), subscriptions(town)) == ([], [], 0)
    assert set(town.limits().values()) <= {0}


def test_nothing_ends_where_the_cards_could_not_be_stopped(town: Town, breaking: Any) -> None:
    run = run_of(imported(rows(2)))
    with pytest.MonkeyPatch.context() as patch:
        breaking(POINTS["before they stop"], _read_only, patch)
        reverted(run)
        breaking.end()

    assert subscriptions(town) == 2
    assert set(town.limits().values()) == {-1}


class Between:
    """A cursor before one statement of which somebody else does something."""

    def __init__(self, cursor: Any, statement: str, rival: Callable[[], object]) -> None:
        self._cursor, self._statement, self._rival = cursor, statement, rival

    def execute(self, query: Any, values: Any) -> Any:
        if query == self._statement:
            self._rival()
        return self._cursor.execute(query, values)


def test_a_card_that_is_billed_at_the_very_point_is_kept_by_the_next_try(town: Town) -> None:
    """Its sync writes down a session between our look at what was billed and our delete."""
    run = run_of(imported(rows(2)))
    number, real = mapping_of(town), mappings.delete

    def bill() -> None:
        insert(
            town.database, "synced_transaction_events", user_mapping_id=number, steve_transaction_id=1,
            lago_event_transaction_id="t-1", kwh_delta=1, is_final=True,
            meter_value_from=0, meter_value_to=1000,
        )  # fmt: skip

    def delete(cursor: Any, ids: Any, **how: Any) -> Any:
        return real(Between(cursor, mappings.DELETE, bill), ids, **how)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mappings, "delete", delete)
        failed = reverted(run)
    again = reverted(run, discard_activity=True)

    assert (failed.status, again.status) == ("failed", "reverted")
    assert "23503" in failed.failures[0][3]
    assert "C-1" not in failed.failures[0][3]
    assert [one[2:4] for one in cards(town)] == [(None, False)]
    assert people(town) == []


def test_who_becomes_staff_at_the_very_point_stays(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_of(imported(rows(2)))
    promote = "update users set role = 'admin' where lago_customer_external_id = 'C-1'"
    _before(monkeypatch, (users, "delete"), lambda: town.database.execute(promote))

    undone = reverted(run)

    assert undone.status == "reverted"
    assert [one[::2] for one in people(town)] == [(E, "admin")]


# --- Reconcile and verify ------------------------------------------------------------------------------


def _held(town: Town, monkeypatch: pytest.MonkeyPatch) -> Callable[[], object]:
    """Somebody holds a table for longer than we wait."""
    monkeypatch.setattr("polaris.database.LIMITS", "-c lock_timeout=50")
    town.database.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where application_name = 'polaris-backfill' and datname = current_database()"
    )
    other = psycopg.connect(town.database.info.dsn)
    other.execute("lock table user_mappings in access exclusive mode")

    def back() -> None:
        monkeypatch.undo()
        other.close()

    return back


UNREAD = {"gone": (_gone, "does not answer"), "slow": (_held, "was held by somebody else")}
COMMANDS = ("backfill_reconcile", "backfill_verify")
CHARGING = ("--id-tag", "TAG0001", "--charge-box", CHARGE_BOX, "--timeout", "60")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(("fault", "told"), UNREAD.values(), ids=UNREAD)
def test_what_cannot_be_read_is_told_in_a_line_and_never_called_good(
    town: Town, breaking: Any, fault: Any, told: str, command: str
) -> None:
    run = run_of(imported(rows(2)))
    with pytest.MonkeyPatch.context() as patch:
        breaking((mappings, "find"), fault, patch)
        code, out, err = manage(command, "--run-id", run.run_id)
        breaking.end()

    assert (code, err.count(told)) == (2, 1)
    assert "Nothing diverges" not in out
    assert "\nGO" not in out
    assert manage(command, "--run-id", run.run_id)[0] == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_a_database_that_takes_no_writes_is_good_enough_to_look(
    town: Town, breaking: Any, command: str
) -> None:
    run = run_of(imported(rows(2)))
    with pytest.MonkeyPatch.context() as patch:
        breaking((mappings, "find"), _read_only, patch)
        code, out, err = manage(command, "--run-id", run.run_id)
        breaking.end()

    assert code == 0, out + err
    assert divergences(run) == []


def charged(run: BackfillRun) -> tuple[int, list[str]]:
    """Verify with a session; the names of the checks that failed."""
    code, out, _ = manage("backfill_verify", "--run-id", run.run_id, "--format", "json", *CHARGING)
    return code, [check["name"] for check in json.loads(out)["checks"] if check["passed"] is False]


@pytest.mark.parametrize("fault", [_gone, _held], ids=["gone", "slow"])
def test_nothing_is_charged_while_it_cannot_be_told_who_pays(
    town: Town, breaking: Any, monkeypatch: pytest.MonkeyPatch, fault: Any
) -> None:
    run = run_of(imported(rows(2)))
    town.platform.sync()
    ask = asked.bills_there

    def first_the_fault(*args: Any) -> Any:
        breaking((mappings, "find"), fault, monkeypatch)
        return ask(*args)

    monkeypatch.setattr(asked, "bills_there", first_the_fault)
    code, failed = charged(run)
    breaking.end()

    assert (code, failed) == (1, ["who pays at the platform"])
    assert town.steve.state()["transactions"] == []


def test_a_session_whose_record_cannot_be_read_is_no_go(
    town: Town, breaking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(imported(rows(2)))
    town.platform.sync()
    breaking((asked, "recorded_there"), _gone, monkeypatch)

    code, failed = charged(run)
    breaking.end()

    assert (code, failed) == (1, ["session at the platform"])
