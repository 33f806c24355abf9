"""Workers that are killed, stopped and woken, and a queue that goes away: the end is that of one worker.

Each is shown of an import and of a revert.
"""

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.db import connection
from psycopg.conninfo import conninfo_to_dict

from customers.backfill import control
from customers.backfill.hands.hand import DEATHS
from customers.backfill.ledger import log_parts
from customers.models import BackfillRun, RunShare, SharedRun
from rehearsal.lago import Sandbox
from tests.customers.backfill.hands.crew import LEASE_S, Crew, Import, Revert, Work, crew
from tests.support.network import Network, may_be_made
from tests.support.processes import wait_for
from tests.support.redis_server import RedisServer

pytestmark = pytest.mark.matrix

KILLS, ROWS, WITHIN_S = 20, 500, 900.0
STOPPED_S = 60.0
END_ALL = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""

both = pytest.mark.parametrize("kind", [Import, Revert], ids=["import", "revert"])


@pytest.fixture
def slow_lago() -> Iterator[Sandbox]:
    with Sandbox(latency_ms=50, on_a_quiet_day=True) as sandbox:
        yield sandbox


@pytest.fixture
def three(tmp_path: Path, database_url: str, slow_lago: Sandbox) -> Iterator[Crew]:
    with crew(tmp_path, database_url, slow_lago) as here:
        here.assemble(3)
        yield here


def ended(command: "subprocess.Popen[str]") -> str:
    told = command.communicate(timeout=WITHIN_S)[0]
    assert command.returncode == 0, told
    return told


@both
def test_one_of_three_is_killed_again_and_again(three: Crew, slow_lago: Sandbox, kind: type[Work]) -> None:
    """But not over a share that one death more, with nothing settled between, would end the run for."""
    chance, killed = random.Random(), 0
    work = kind(three, slow_lago, ROWS * 3)
    command = work.begin(rate=40)

    while command.poll() is None and killed < KILLS:
        time.sleep(chance.uniform(0.2, 2.5))
        if 0 < work.settled() < work.number and not RunShare.objects.filter(deaths=DEATHS - 1).exists():
            three.kill(chance.randrange(len(three.workers)))
            killed += 1
        three.recruit(3)
    ended(command)

    assert killed == KILLS
    work.check_end()


@both
def test_two_of_three_are_killed_at_once(three: Crew, slow_lago: Sandbox, kind: type[Work]) -> None:
    work = kind(three, slow_lago, ROWS)
    command = work.begin()

    wait_for(lambda: work.settled() >= 50, within_s=WITHIN_S)
    three.kill(0)
    three.kill(0)
    left = work.settled()
    ended(command)

    assert left < work.number
    work.check_end()


@both
def test_one_is_stopped_until_its_lease_is_over_and_wakes_up(
    three: Crew, slow_lago: Sandbox, kind: type[Work]
) -> None:
    work = kind(three, slow_lago, ROWS * 2)
    command = work.begin(rate=20)

    wait_for(lambda: work.settled() >= 50, within_s=WITHIN_S)
    three.stop(0)
    time.sleep(STOPPED_S)
    three.wake(0)
    left = work.settled()
    ended(command)

    assert left < work.number
    work.check_end()


@both
def test_the_queue_dies_in_the_middle(
    database_url: str, slow_lago: Sandbox, tmp_path: Path, kind: type[Work]
) -> None:
    with (
        RedisServer(tmp_path) as queue,
        crew(tmp_path, database_url, slow_lago, Q_BROKER_URL=queue.url) as here,
    ):
        here.assemble(3)
        work = kind(here, slow_lago, ROWS * 2)
        command = work.begin(rate=40)
        wait_for(lambda: work.settled() >= 50, within_s=WITHIN_S)
        queue.kill()
        time.sleep(5)
        left = work.settled()
        queue.start()
        ended(command)

    assert left < work.number
    work.check_end()


@both
def test_every_session_of_the_database_ends_in_the_middle(
    three: Crew, slow_lago: Sandbox, kind: type[Work]
) -> None:
    """As in a restart of PostgreSQL. The workers go on, whatever becomes of who follows."""
    work = kind(three, slow_lago, ROWS)
    command = work.begin()

    for rows in (50, 150, 250):
        wait_for(lambda rows=rows: work.settled() >= rows, within_s=WITHIN_S)  # type: ignore[misc]
        with connection.cursor() as cursor:
            cursor.execute(END_ALL)
    left = work.settled()
    told = command.communicate(timeout=WITHIN_S)[0]
    wait_for(lambda: not SharedRun.objects.exists(), within_s=WITHIN_S)
    run = BackfillRun.objects.get()
    log_parts.put_into_file(run, three.folder / "terminal", work.part)

    assert left < work.number
    assert "Traceback" not in told
    work.check_end()


def of_all(work: Work, size: int) -> list[Path]:
    """Return the logs that have what all machines did, as that of whoever has closed the run."""
    return [path for path in work.logs if path.stat().st_size == size]


@both
def test_whoever_follows_is_killed_and_the_workers_go_on(
    three: Crew, slow_lago: Sandbox, kind: type[Work]
) -> None:
    work = kind(three, slow_lago, ROWS)
    command = work.begin()

    wait_for(lambda: work.settled() >= 50, within_s=WITHIN_S)
    os.killpg(command.pid, signal.SIGKILL)
    command.communicate()
    over = "reverted" if kind is Revert else "succeeded"
    wait_for(lambda: BackfillRun.objects.get().status == over, within_s=WITHIN_S)
    run = BackfillRun.objects.get()
    size = sum(len(text.encode()) for text in log_parts.text_of(run, work.part))
    wait_for(lambda: of_all(work, size), within_s=30)

    log, *_ = of_all(work, size)
    log.rename(three.folder / "terminal" / log.name)
    work.check_end()


@both
def test_three_keep_one_pace_and_hear_a_stop(three: Crew, slow_lago: Sandbox, kind: type[Work]) -> None:
    work = kind(three, slow_lago, ROWS * 2)
    command = work.begin(rate=20)
    wait_for(lambda: work.settled() > 0, within_s=WITHIN_S)
    seen = [(time.monotonic(), slow_lago.requests()["total"])]

    while time.monotonic() < seen[0][0] + 40:
        time.sleep(0.1)
        seen.append((time.monotonic(), slow_lago.requests()["total"]))
    control.stop(BackfillRun.objects.get(), actor="cli:boss")
    stopped_after = _quiet_after(slow_lago)
    told = command.communicate(timeout=60)[0]

    most = max(later - calls for at, calls in seen for then, later in seen if at <= then <= at + 10.0)
    assert any(later > calls for calls, later in pairwise(calls for _, calls in seen))
    assert most <= 200
    assert stopped_after <= 2.0
    assert command.returncode == 130, told
    assert BackfillRun.objects.get().status == ("reverting" if kind is Revert else "interrupted")


@both
def test_three_hear_a_pause_and_go_on(three: Crew, slow_lago: Sandbox, kind: type[Work]) -> None:
    work = kind(three, slow_lago, ROWS)
    command = work.begin(rate=40)
    wait_for(lambda: work.settled() > 0, within_s=WITHIN_S)
    control.pause(BackfillRun.objects.get(), actor="cli:boss")
    paused_after = _quiet_after(slow_lago)
    wait_for(_is_paused, within_s=10)
    control.resume(BackfillRun.objects.get(), actor="cli:boss")
    ended(command)

    assert paused_after <= 2.0
    over = "reverted" if kind is Revert else "succeeded"
    assert BackfillRun.objects.get().status == over


def _is_paused() -> bool:
    run = BackfillRun.objects.get()
    return run.status == "paused" or run.paused_at is not None


def _quiet_after(lago: Sandbox) -> float:
    """Return after how long no further call came, for a while."""
    began = last = time.monotonic()
    total = lago.requests()["total"]
    while time.monotonic() < last + 3:
        time.sleep(0.02)
        if (now := lago.requests()["total"]) != total:
            total, last = now, time.monotonic()
    return last - began


@both
def test_workers_that_share_no_disk_leave_one_whole_log(
    three: Crew, slow_lago: Sandbox, kind: type[Work]
) -> None:
    work = kind(three, slow_lago, ROWS)
    ended(work.begin())

    work.check_end()
    assert [log.read_text() for log in work.logs] in ([], [work.whole_log.read_text()])


@pytest.mark.skipif(not may_be_made(), reason="it takes root, and a kernel with network namespaces")
@both
def test_one_on_another_machine_is_cut_off_for_longer_than_its_lease(
    database_url: str, slow_lago: Sandbox, tmp_path: Path, kind: type[Work]
) -> None:
    database, lago = conninfo_to_dict(database_url), urlsplit(slow_lago.url)
    socket_file = f"{database['host']}/.s.PGSQL.{database.get('port', 5432)}"
    with Network() as network:
        port = network.passed_on(socket_file)
        door = network.passed_on((str(lago.hostname), int(lago.port or 80)))
        there = f"postgresql://{database['user']}@{network.address}:{port}/{database['dbname']}"
        url = f"http://{network.address}:{door}"
        with crew(tmp_path, there, slow_lago, network.join, LAGO_API_URL=url) as here:
            here.assemble(3)
            work = kind(here, slow_lago, ROWS)
            command = work.begin(rate=20)
            wait_for(lambda: work.settled() >= 30, within_s=WITHIN_S)
            network.cut(1)
            time.sleep(5 * LEASE_S)
            network.mend(1)
            left = work.settled()
            ended(command)

    assert left < work.number
    work.check_end()
    assert [log.read_text() for log in work.logs] in ([], [work.whole_log.read_text()])
