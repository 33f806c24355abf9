"""Workers that are killed, stopped and woken, and a queue that goes away: the end is that of one worker."""

import random
import subprocess
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from customers.backfill import control
from customers.models import BackfillRun
from rehearsal.lago import Sandbox
from tests.customers.backfill.hands.crew import LEASE_S, Crew, check_end, crew, settled
from tests.support.processes import wait_for
from tests.support.redis_server import RedisServer

pytestmark = pytest.mark.matrix

KILLS, ROWS, WITHIN_S = 30, 500, 900.0


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


def terminal_log(folder: Path) -> Path:
    (log,) = (folder / "terminal").glob("run-*.log")
    return log


def test_one_of_three_is_killed_again_and_again(three: Crew, slow_lago: Sandbox, tmp_path: Path) -> None:
    chance, killed = random.Random(), 0
    command = three.import_(ROWS * 3, "--rate", "40")

    while command.poll() is None and killed < KILLS:
        time.sleep(chance.uniform(0.2, 2.5))
        if 0 < settled() < ROWS * 3:
            three.kill(chance.randrange(len(three.workers)))
            killed += 1
        three.recruit(3)
    ended(command)

    assert killed == KILLS
    check_end(slow_lago, ROWS * 3, terminal_log(tmp_path))


def test_two_of_three_are_killed_at_once(three: Crew, slow_lago: Sandbox, tmp_path: Path) -> None:
    command = three.import_(ROWS)

    wait_for(lambda: settled() >= 50, within_s=WITHIN_S)
    three.kill(0)
    three.kill(0)
    left = settled()
    ended(command)

    assert left < ROWS
    check_end(slow_lago, ROWS, terminal_log(tmp_path))


def test_one_is_stopped_until_its_lease_is_over_and_wakes_up(
    three: Crew, slow_lago: Sandbox, tmp_path: Path
) -> None:
    command = three.import_(ROWS * 2, "--rate", "40")

    wait_for(lambda: settled() >= 50, within_s=WITHIN_S)
    for place in range(2):
        three.stop(place)
        time.sleep(3 * LEASE_S)
        three.wake(place)
    left = settled()
    ended(command)

    assert left < ROWS * 2
    check_end(slow_lago, ROWS * 2, terminal_log(tmp_path))


def test_the_queue_dies_in_the_middle(database_url: str, slow_lago: Sandbox, tmp_path: Path) -> None:
    with (
        RedisServer(tmp_path) as queue,
        crew(tmp_path, database_url, slow_lago, Q_BROKER_URL=queue.url) as here,
    ):
        here.assemble(3)
        command = here.import_(ROWS * 2, "--rate", "40")
        wait_for(lambda: settled() >= 50, within_s=WITHIN_S)
        queue.kill()
        time.sleep(5)
        left = settled()
        queue.start()
        ended(command)

    assert left < ROWS * 2
    check_end(slow_lago, ROWS * 2, terminal_log(tmp_path))


def test_three_keep_one_pace_and_hear_a_pause_and_a_stop(
    three: Crew, slow_lago: Sandbox, tmp_path: Path
) -> None:
    command = three.import_(ROWS * 2, "--rate", "20")
    seen = [(time.monotonic(), slow_lago.requests()["total"])]

    while time.monotonic() < seen[0][0] + 60:
        time.sleep(0.1)
        seen.append((time.monotonic(), slow_lago.requests()["total"]))
    run = BackfillRun.objects.get()
    control.pause(run, actor="cli:boss")
    paused_after = _quiet_after(slow_lago)
    wait_for(lambda: BackfillRun.objects.get().status == "paused", within_s=10)
    control.resume(run, actor="cli:boss")
    wait_for(lambda: BackfillRun.objects.get().status == "running", within_s=30)
    time.sleep(5)
    control.stop(run, actor="cli:boss")
    stopped_after = _quiet_after(slow_lago)
    told = command.communicate(timeout=60)[0]

    most = max(later - calls for at, calls in seen for then, later in seen if at <= then <= at + 10.0)
    begun = [calls for _, calls in seen]
    assert any(later > calls for calls, later in pairwise(begun))
    assert most <= 200
    assert paused_after <= 2.0
    assert stopped_after <= 2.0
    assert command.returncode == 130, told
    assert BackfillRun.objects.get().status == "interrupted"


def _quiet_after(lago: Sandbox) -> float:
    """Return after how long no further call came, for a while."""
    began = last = time.monotonic()
    total = lago.requests()["total"]
    while time.monotonic() < last + 3:
        time.sleep(0.02)
        if (now := lago.requests()["total"]) != total:
            total, last = now, time.monotonic()
    return last - began


def test_workers_that_share_no_disk_leave_one_whole_log(
    three: Crew, slow_lago: Sandbox, tmp_path: Path
) -> None:
    ended(three.import_(ROWS))

    whole = terminal_log(tmp_path)
    check_end(slow_lago, ROWS, whole)
    assert [log.read_text() for log in three.logs] in ([], [whole.read_text()])
