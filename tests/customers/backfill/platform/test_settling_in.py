"""After a run or a revert: the platform's sync is woken and waited for, and what came of it is named."""

import itertools
import json
import signal
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from customers.backfill.engine.stop import Stop
from customers.backfill.settling_in import SettlingIn, settle_in
from customers.backfill.systems import connect
from customers.models import BackfillRun
from rehearsal.lago import Sandbox
from tests.customers.backfill.platform import world
from tests.customers.backfill.steve.world import divergences, manage, reverted, run_of
from tests.customers.commands import Answer, environment, started
from tests.customers.factories import csv_text, do_not_sleep, imported, row, rows
from tests.rehearsal.platform.rows import add_mapping, add_user
from tests.rehearsal.platform.town import Town, wait_until

pytestmark = pytest.mark.django_db


class Meanwhile(Stop):
    """Has things happen, one after the other, each time when somebody would wait."""

    def __init__(self, *happens: Callable[[], object]) -> None:
        super().__init__()
        self._happens = list(happens)

    def sleep(self, seconds: float) -> None:
        if self._happens:
            self._happens.pop(0)()
        else:
            super().sleep(0.01)


def settled(run: BackfillRun, *happens: Callable[[], object], **how: Any) -> SettlingIn:
    with connect(sleep=do_not_sleep) as systems:
        stop = Meanwhile(*happens)
        return settle_in(run, systems, stop=stop, tell=lambda _: None, now=timezone.now(), **how)


def codes(settling: SettlingIn) -> list[tuple[str, int, list[str]]]:
    return [(one.code, one.number, list(one.examples)) for one in settling.remarks]


def runs(town: Town) -> list[str]:
    return [run["status"] for run in town.platform.state()["runs"]]


def heard(town: Town, how: str) -> int:
    number: int = town.platform.steer("GET", "sync")["notifications"][how]
    return number


# --- Waiting ---------------------------------------------------------------------------------------------


def test_the_sync_is_woken_and_all_cards_are_open_after_it(town: Town) -> None:
    run = run_of(imported([*rows(2), row(2, id_tag="SECOND")]))

    settling = settled(run)

    assert (settling.synced, settling.remarks) == ("completed", [])
    assert runs(town) == ["completed"]
    assert world.open_tags(town) == {"TAG0001", "TAG0002", "SECOND"}


def test_a_sync_that_began_before_our_last_write_does_not_count(town: Town) -> None:
    town.platform.hold("sync.end")
    town.platform.begin_sync()
    town.platform.wait_at("sync.end")
    run = run_of(imported(rows(1)))

    def end_it() -> None:
        town.platform.go_on()
        town.platform.wait_synced(1)

    settling = settled(run, end_it)

    assert settling.synced == "completed"
    assert runs(town)[:2] == ["completed", "completed"]  # on a slow machine it is asked for once more
    assert heard(town, "followed") >= 1


def test_a_notification_that_was_dropped_is_sent_again(town: Town) -> None:
    town.platform.hold("sync.end")
    town.platform.begin_sync()
    town.platform.wait_at("sync.end")
    run = run_of(imported(rows(1)))
    town.database.execute("update sync_runs set started_at = now() - interval '1 day'")  # seems to be dead

    settling = settled(run, lambda: wait_until(lambda: heard(town, "dropped") == 1), town.platform.go_on)

    assert settling.synced == "completed"
    assert heard(town, "followed") == 1


def test_a_worker_that_is_stopped_is_named(town: Town) -> None:
    run = run_of(imported(rows(2)))
    town.platform.stop_worker()

    settling = settled(run, clock=itertools.count(step=50).__next__)

    assert (settling.synced, codes(settling)) == ("too late", [("not_synced", 2, [])])
    assert "worker may be stopped" in settling.remarks[0].message
    assert settling.is_well


def test_patience_grows_with_the_cards(town: Town) -> None:
    run = run_of(imported(rows(3)))
    town.platform.stop_worker()
    ticks = itertools.count(step=30.2)
    seen: list[float] = []

    settled(run, clock=lambda: seen.append(next(ticks)) or seen[-1])  # type: ignore[func-returns-value]

    assert seen == pytest.approx([0, 30.2, 60.4, 90.6])  # 60 s and 0.2 s for each of three


def test_a_sync_that_fails_is_named(town: Town) -> None:
    run = run_of(imported(rows(1)))
    town.lago.fault("500,path=/subscriptions,times=100")

    settling = settled(run)

    assert (settling.synced, codes(settling)) == ("failed", [("not_synced", 1, [])])
    assert "failed" in settling.remarks[0].message


def test_a_steve_that_fails_afterwards_is_no_failure_of_the_run(town: Town) -> None:
    run = run_of(imported(rows(1)))

    def break_steve() -> None:
        town.platform.wait_synced(1)
        town.steve.fault("500,method=GET,times=100")

    settling = settled(run, break_steve)

    assert codes(settling) == [("not_looked", 1, [])]
    assert settling.is_well


def test_who_is_interrupted_waits_no_longer(town: Town) -> None:
    run = run_of(imported(rows(1)))
    town.platform.stop_worker()
    stop = Meanwhile(lambda: stop.request("interrupted", interrupted=True))

    with connect(sleep=do_not_sleep) as systems:
        settling = settle_in(run, systems, stop=stop, tell=lambda _: None, now=timezone.now())

    assert (settling.synced, codes(settling)) == ("stopped", [("not_synced", 1, [])])


def test_who_does_not_want_to_wait_has_the_sync_woken_all_the_same(town: Town) -> None:
    run = run_of(imported(rows(1)))

    settling = settled(run, waits=False)
    town.platform.wait_synced(1)

    assert settling == SettlingIn("notified")
    assert world.open_tags(town) == {"TAG0001"}


def test_without_a_platform_nobody_waits(lago: Sandbox) -> None:
    run = run_of(imported(rows(1)))

    assert settled(run) == SettlingIn()
    assert settled(run).as_json() is None


# --- Looking ---------------------------------------------------------------------------------------------


def test_a_card_that_is_still_blocked_is_named(town: Town) -> None:
    run = run_of(imported(rows(3)))
    town.database.execute("update user_mappings set is_active = false where steve_ocpp_id_tag = 'TAG0002'")

    settling = settled(run)

    assert codes(settling) == [("blocked", 1, ["C-2"])]
    assert "By hand in SteVe it does not last" in settling.remarks[0].remedy
    assert not settling.is_well


def test_a_card_that_waits_for_its_start_is_not_named(town: Town) -> None:
    run = run_of(imported([row(1), row(2, start_date="2035-01-01")]))

    settling = settled(run)

    assert settling.remarks == []
    assert world.open_tags(town) == {"TAG0001"}


def test_a_parent_that_lost_the_race_is_named(town: Town) -> None:
    run = run_of(imported(rows(2)))
    town.platform.make_metas()
    town.database.execute(
        "update user_mappings set is_active = false"
        " where tag_type = 'meta' and lago_customer_external_id = 'C-1'"
    )

    settling = settled(run)

    assert codes(settling) == [("parent_inactive", 1, ["C-1"])]
    assert "Save the customer in Lago once more" in settling.remarks[0].remedy
    assert settling.is_well  # the card itself is open


def test_a_card_that_is_open_after_a_revert_is_named(town: Town) -> None:
    run = world.imported_beside(town, rows(2))
    world.bill(town)
    reverted(run, discard_activity=True)
    town.database.execute("update user_mappings set is_active = true")

    settling = settled(run, reverted=True)

    assert codes(settling) == [("open", 1, ["C-1"])]
    assert not settling.is_well


def test_a_parent_that_is_active_after_a_revert_is_named(town: Town) -> None:
    run = world.imported_beside(town, rows(2), parents=True)
    world.bill(town)
    ((number,),) = town.rows(
        "select id from user_mappings where tag_type = 'meta' and lago_customer_external_id = 'C-1'"
    )
    town.database.execute("update synced_transaction_events set user_mapping_id = %s", [number])
    reverted(run, discard_activity=True)
    town.database.execute("update user_mappings set is_active = true where id = %s", [number])

    settling = settled(run, reverted=True)

    assert codes(settling) == [("parent_active", 1, ["C-1"])]
    assert not settling.is_well


def test_nothing_is_named_after_a_revert_that_left_all_blocked(town: Town) -> None:
    run = world.imported_beside(town, rows(2), parents=True)
    world.bill(town)
    reverted(run, discard_activity=True)

    settling = settled(run, reverted=True)

    assert (settling.synced, settling.remarks) == ("completed", [])


def test_who_was_kept_by_choice_may_go_on_to_charge(town: Town) -> None:
    run = world.imported_beside(town, rows(2))
    world.bill(town)
    reverted(run, keep_active=True)

    settling = settled(run, reverted=True)

    assert world.open_tags(town) == {"TAG0001"}
    assert settling.remarks == []


def test_a_card_that_billed_elsewhere_before_the_run_may_be_open_after_it(town: Town) -> None:
    pk = town.add_tag("TAG0001", limit=0)
    user = add_user(town.database, "C-1", email="customer1@example.com")
    add_mapping(
        town.database, user, pk, steve_ocpp_id_tag="TAG0001", lago_customer_external_id="C-1",
        lago_subscription_external_id="old",
    )  # fmt: skip
    run = world.imported_beside(town, rows(2), skip_existing=True)
    town.database.execute("update user_mappings set lago_subscription_external_id = 'new' where id = 1")
    reverted(run, discard_activity=True)

    settling = settled(run, reverted=True)

    assert world.open_tags(town) == {"TAG0001"}
    assert settling.remarks == []


# --- As a command ----------------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path: Any) -> str:
    file = tmp_path / "customers.csv"
    file.write_text(csv_text(rows(2)))
    return str(file)


def test_the_commands_say_that_all_is_well(town: Town, path: str) -> None:
    code, out, err = manage("backfill_customers", "--input", path)
    run_id = BackfillRun.objects.get().run_id
    undone, told, _ = manage("backfill_revert", "--run-id", run_id, "--noinput")

    assert (code, undone) == (0, 0)
    assert "Waiting for the platform's sync, for up to 60 s" in err
    assert "The platform has synced since, and all cards are as they should be." in " ".join(out.split())
    assert "The platform has synced since, and all cards are as they should be." in " ".join(told.split())


def test_the_commands_have_it_in_their_json(town: Town, path: str) -> None:
    well = {"sync": "completed", "remarks": []}

    _, out, _ = manage("backfill_customers", "--input", path, "--format", "json")
    run_id = BackfillRun.objects.get().run_id
    _, told, _ = manage("backfill_revert", "--run-id", run_id, "--noinput", "--format", "json")

    assert json.loads(out)["settling_in"] == well
    assert json.loads(told)["settling_in"] == well


def test_the_commands_do_not_wait_if_told_so(town: Town, path: str) -> None:
    town.platform.stop_worker()

    code, out, _ = manage("backfill_customers", "--input", path, "--no-wait")
    run_id = BackfillRun.objects.get().run_id
    undone, told, _ = manage("backfill_revert", "--run-id", run_id, "--noinput", "--no-wait")

    assert (code, undone) == (0, 0)
    assert "The platform was told to sync; nobody waited for it." in out
    assert "The platform was told to sync; nobody waited for it." in told


def test_a_card_that_is_blocked_is_told_by_text_and_exit_code(town: Town, path: str) -> None:
    town.database.execute(
        "create function shut() returns trigger language plpgsql as"
        " $$ begin new.is_active := new.is_active and new.steve_ocpp_id_tag <> 'TAG0002'; return new; end $$;"
        " create trigger shut before update on user_mappings for each row execute function shut()"
    )
    try:
        code, out, _ = manage("backfill_customers", "--input", path)
    finally:
        town.database.execute("drop trigger shut on user_mappings; drop function shut")

    assert code == 1
    assert "1 card is still blocked in SteVe after the platform's sync (C-2)." in " ".join(out.split())


# --- Ctrl-C ----------------------------------------------------------------------------------------------

WAITS = "Waiting for the platform's sync"


@pytest.fixture
def as_process(town: Town, database_url: str, tmp_path: Any) -> dict[str, str]:
    """What a process of its own is told; the platform's worker is stopped, so it waits for a minute."""
    town.platform.stop_worker()
    around = {**town.steve.variables(), **town.platform.variables()}
    return {**environment(town.lago, tmp_path, database_url), **around}


def interrupted(variables: dict[str, str], *arguments: str) -> Answer:
    with started(variables, *arguments, "--format", "json") as running:
        running.says(WAITS)
        running.signal(signal.SIGINT)
        return running.answer()


@pytest.mark.django_db(transaction=True)
def test_ctrl_c_ends_the_waiting_and_the_import_is_whole(
    town: Town, as_process: dict[str, str], path: str
) -> None:
    answer = interrupted(as_process, "backfill_customers", "--input", path)
    run = BackfillRun.objects.get()
    town.platform.sync()

    assert answer.code == 130, answer.err
    assert (answer.json["status"], answer.json["settling_in"]["sync"]) == ("succeeded", "stopped")
    assert "Nobody waited" in answer.json["settling_in"]["remarks"][0]["message"]
    assert run.status == "succeeded"
    assert "Traceback" not in answer.err
    assert world.open_tags(town) == {"TAG0001", "TAG0002"}
    assert divergences(run) == []


@pytest.mark.django_db(transaction=True)
def test_ctrl_c_ends_the_waiting_and_the_revert_is_whole(
    town: Town, as_process: dict[str, str], path: str
) -> None:
    run = run_of(imported(rows(2)))

    answer = interrupted(as_process, "backfill_revert", "--run-id", run.run_id, "--noinput")
    run.refresh_from_db()
    town.platform.sync()

    assert answer.code == 130, answer.err
    assert (answer.json["status"], answer.json["settling_in"]["sync"]) == ("reverted", "stopped")
    assert run.status == "reverted"
    assert "Traceback" not in answer.err
    assert (world.people(town), world.in_platform(town), world.open_tags(town)) == ([], {}, set())
