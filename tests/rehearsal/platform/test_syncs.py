"""The sync worker: told by notification, deaf while it runs."""

import time

import pytest

from rehearsal.stand_in.messages import Json
from tests.rehearsal.platform.databases import fresh_database
from tests.rehearsal.platform.town import Town, town

PAYLOAD = '{"source": "backfill", "timestamp": "2026-11-28T12:00:00Z"}'


def _notify(here: Town, payload: str = PAYLOAD) -> None:
    here.database.execute("select pg_notify('sync_trigger', %s)", [payload])


def _heard(here: Town, number: int) -> Json:
    """Wait until so many notifications were heard."""
    deadline = time.monotonic() + 60
    while sum((heard := here.platform.steer("GET", "sync")["notifications"]).values()) < number:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return dict(heard)


def test_a_notification_begins_a_sync_at_once(here: Town) -> None:
    _notify(here)

    run = here.platform.wait_synced(1)

    assert run["status"] == "completed"
    assert _heard(here, 1) == {"followed": 1, "dropped": 0, "refused": 0, "missed": 0}


def test_a_notification_while_a_sync_runs_is_dropped(here: Town) -> None:
    here.platform.hold("sync.end")
    before = here.platform.begin_sync()
    here.platform.wait_at("sync.end")

    _notify(here)
    heard = _heard(here, 1)
    here.platform.go_on()
    here.platform.wait_synced(before + 1)
    runs = here.rows("select status from sync_runs")
    _notify(here)
    here.platform.wait_synced(before + 2)

    assert heard == {"followed": 0, "dropped": 1, "refused": 0, "missed": 0}
    assert runs == [("completed",)]
    assert here.rows("select count(*) from sync_runs") == [(2,)]


@pytest.mark.parametrize("payload", ["", "now", "[]", '"{}"'])
def test_a_payload_that_is_no_object_is_refused(here: Town, payload: str) -> None:
    _notify(here, payload)

    assert _heard(here, 1) == {"followed": 0, "dropped": 0, "refused": 1, "missed": 0}
    assert here.rows("select * from sync_runs") == []


def test_a_stopped_worker_hears_nothing(here: Town) -> None:
    here.platform.stop_worker()
    _notify(here)
    heard = _heard(here, 1)

    here.platform.start_worker()
    _notify(here)
    here.platform.wait_synced(1)

    assert heard == {"followed": 0, "dropped": 0, "refused": 0, "missed": 1}
    assert here.rows("select count(*) from sync_runs") == [(1,)]


def test_a_second_sync_is_not_begun_while_one_runs(here: Town) -> None:
    here.platform.hold("sync.lago")
    before = here.platform.begin_sync()

    with pytest.raises(RuntimeError, match="goes on"):
        here.platform.begin_sync()

    here.platform.go_on()
    here.platform.wait_synced(before + 1)


def test_who_wants_a_sync_waits_for_the_one_that_goes_on(here: Town) -> None:
    here.platform.slow("sync.lago", 0.3)
    here.platform.begin_sync()

    here.platform.sync()

    assert here.rows("select count(*) from sync_runs") == [(2,)]


def test_it_can_sync_by_itself(platform_url: str) -> None:
    with town(platform_url, every_s=0.01) as here:
        run = here.platform.wait_synced(2)

        assert run["status"] == "completed"


def test_it_listens_again_when_the_database_comes_back(here: Town) -> None:
    here.rows(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where query = 'LISTEN sync_trigger' and datname = current_database()"
    )

    deadline = time.monotonic() + 60
    while here.platform.finished() == 0:
        assert time.monotonic() < deadline
        _notify(here)
        time.sleep(0.01)

    assert here.rows("select status from sync_runs limit 1") == [("completed",)]


def test_a_run_that_misses_a_table_fails(database_address: str) -> None:
    with fresh_database(database_address) as address, town(address) as here:
        here.platform.hold("sync.lago")
        before = here.platform.begin_sync()
        here.platform.wait_at("sync.lago")
        here.database.execute("drop table lago_customers")

        here.platform.go_on()
        run = here.platform.wait_synced(before + 1)

        assert (run["status"], run["errors"]) == ("failed", '["UndefinedTable"]')


def test_a_run_whose_database_went_away_comes_to_no_end(here: Town) -> None:
    here.platform.hold("sync.lago")
    before = here.platform.begin_sync()
    here.platform.wait_at("sync.lago")
    here.rows(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
        " and pid <> pg_backend_pid() and query <> 'LISTEN sync_trigger'"
    )

    here.platform.go_on()

    with pytest.raises(RuntimeError, match="OperationalError"):
        here.platform.wait_synced(before + 1)
    assert here.rows("select status from sync_runs") == [("running",)]


def test_it_works_in_a_database_with_holes_and_in_a_schema(database_address: str) -> None:
    with (
        fresh_database(database_address) as address,
        town(address, schema="express", holes=["0031"]) as here,
    ):
        here.database.execute("set search_path = express")
        (id_tag,) = here.imported()

        run = here.platform.sync()

        assert (run["status"], here.limits()) == ("completed", {id_tag: -1})
