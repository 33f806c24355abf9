"""The stand-in as an object, and its controls over HTTP."""

import psycopg
import pytest
import requests

from rehearsal.platform import PlatformSandbox
from tests.rehearsal.platform.databases import fresh_database
from tests.rehearsal.platform.town import Town, town

NOWHERE = {
    "lago_url": "http://127.0.0.1:1",
    "lago_key": "k",
    "steve_url": "http://127.0.0.1:1/steve",
    "steve_username": "u",
    "steve_key": "k",
}


def test_it_makes_its_tables_where_there_are_none_and_keeps_those_there_are(database_address: str) -> None:
    with fresh_database(database_address) as address:
        PlatformSandbox(database_url=address, **NOWHERE)
        with psycopg.connect(address) as connection:
            connection.execute("insert into users (id, public_id) values ('u', '22222222')")

        PlatformSandbox(database_url=address, **NOWHERE)

        with psycopg.connect(address) as connection:
            assert connection.execute("select id from users").fetchall() == [("u",)]


def test_it_says_where_it_is(here: Town, platform_url: str) -> None:
    assert here.platform.variables() == {
        "POLARIS_DATABASE_URL": platform_url,
        "POLARIS_CUSTOMER_URL": here.platform.url,
    }
    assert here.platform.webhook_url == f"{here.platform.url}/api/webhook/lago"
    assert requests.get(f"{here.platform.url}/api/health", timeout=60).json() == {"status": "ok"}
    assert requests.get(f"{here.platform.url}/nowhere", timeout=60).status_code == 404


def test_a_version_that_there_is_not_is_refused(platform_url: str) -> None:
    with pytest.raises(ValueError, match=r"2\.0"):
        PlatformSandbox(database_url=platform_url, library="2.0", **NOWHERE)


def test_systems_that_are_away_fail_a_run_and_nothing_else(platform_url: str) -> None:
    with PlatformSandbox(database_url=platform_url, **NOWHERE) as platform:
        run = platform.sync()

        assert (run["status"], run["errors"]) == ("failed", '["SteVe did not answer"]')


def test_its_controls_work_over_http(here: Town) -> None:
    control = here.platform.control_url

    requests.post(f"{control}/hold", json={"at": "sync.end"}, timeout=60)
    began = requests.post(f"{control}/sync", timeout=60).json()
    here.platform.wait_at("sync.end")
    held = requests.get(f"{control}/sync", timeout=60).json()
    requests.post(f"{control}/go-on", timeout=60)
    here.platform.wait_synced(1)
    state = requests.get(f"{control}/state", timeout=60).json()

    assert (began["finished"], held["held"], held["running"]) == (0, ["sync.end"], True)
    assert [run["status"] for run in state["runs"]] == ["completed"]
    assert state["webhooks"] == state["notifications"] == state["logs"] == []


@pytest.mark.parametrize(
    ("name", "body"),
    [("hold", {"at": "nowhere"}), ("slow", {"at": "meta"}), ("library", {"version": "2.0"})],
)
def test_a_senseless_control_is_refused(here: Town, name: str, body: dict[str, str]) -> None:
    answer = requests.post(f"{here.platform.control_url}/{name}", json=body, timeout=60)

    assert answer.status_code == 400


def test_a_stop_lets_go_of_what_is_held(platform_url: str) -> None:
    with town(platform_url) as here:
        here.platform.hold("sync.tags")
        here.platform.begin_sync()
        here.platform.wait_at("sync.tags")
        here.platform.stop()

        assert here.rows("select status from sync_runs") == [("completed",)]


def test_faults_strike_its_pages_as_those_of_any_stand_in(here: Town) -> None:
    here.platform.fault("500,path=/api/health")

    answers = [requests.get(f"{here.platform.url}/api/health", timeout=60).status_code for _ in range(2)]

    assert answers == [500, 200]
    assert here.platform.counts() == {"GET /api/health": 2}


def test_a_purge_deletes_links_that_are_over(here: Town) -> None:
    here.database.execute(
        "insert into verifications (id, identifier, value, expires_at) values ('v', 'i', 'v', now())"
    )

    assert here.platform.purge() == 1


def test_waiting_for_what_does_not_come_ends(here: Town) -> None:
    with pytest.raises(TimeoutError):
        here.platform.wait_synced(1, timeout_s=0)
