"""`backfill_control`: a run at work, in a process or in the worker, is paused, resumed, stopped and paced."""

import io
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from customers.models import BackfillRun, User
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.customers.backfill.steve.world import run_of
from tests.customers.commands import Answer, command, environment, started
from tests.customers.factories import csv_text, imported, rows
from tests.support.processes import wait_for

HEARD_S = 5.0  # it is about one second; a machine that is busy needs more
ROWS = 60


@pytest.fixture
def slow(settings: Any, tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(latency_ms=20, on_a_quiet_day=True) as sandbox:
        settings.LAGO_API_URL, settings.LAGO_API_KEY = sandbox.url, sandbox.key
        settings.BACKFILL_LAGO_RATE, settings.BACKFILL_LOG_DIR = 0, tmp_path
        settings.STEVE_BASE_URL = settings.BACKFILL_TIMEZONE = ""
        yield sandbox


@pytest.fixture
def variables(slow: Sandbox, database_url: str, tmp_path: Path) -> dict[str, str]:
    return environment(slow, tmp_path / "logs", database_url)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "customers.csv"
    path.write_bytes(csv_text(rows(ROWS)).encode())
    return path


def control(*arguments: str) -> Answer:
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("backfill_control", *arguments, stdout=out, stderr=err)
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    return Answer(code, out.getvalue(), err.getvalue())


def importing(path: Path, rate: str = "8") -> list[str]:
    return ["backfill_customers", "--input", str(path), "--batch-size", "5", "--rate", rate]


def reverting(run: BackfillRun) -> list[str]:
    return ["backfill_revert", "--run-id", run.run_id, "--noinput"]


def begun() -> BackfillRun:
    wait_for(lambda: BackfillRun.objects.filter(rows__outcome="created").exists())
    return BackfillRun.objects.get()


def seconds_until(done: Callable[[], bool]) -> float:
    since = time.monotonic()
    while not done():
        assert time.monotonic() < since + 60
        time.sleep(0.02)
    return time.monotonic() - since


def status(run: BackfillRun) -> str:
    run.refresh_from_db()
    return run.status


def writes(lago: Sandbox) -> int:
    return sum(number for call, number in lago.counts().items() if call.startswith("POST"))


def removed(lago: Sandbox) -> int:
    return sum(number for call, number in lago.counts().items() if call.startswith("DELETE /customers"))


def test_a_run_is_paused_and_resumed_in_its_own_process(
    slow: Sandbox, variables: dict[str, str], path: Path
) -> None:
    with started(variables, *importing(path)) as running:
        run = begun()
        asked = control(run.run_id, "pause")
        took_s = seconds_until(lambda: status(run) == "paused")
        before = writes(slow)
        running.says("Paused by ")
        with started(variables, "backfill_customers", "--input", str(another(path))) as other:
            second = other.answer()  # the lock is free
        after = writes(slow)
        control(run.run_id, "--rate", "0")
        resumed = control(run.run_id, "resume")
        running.says("Resumed: planning anew.")
        answer = running.answer()

    print(f"paused after {took_s:.2f} s")
    assert (asked.code, resumed.code, second.code, answer.code) == (0, 0, 0, 0)
    assert took_s < HEARD_S
    assert after - before == 2  # of the other run
    assert (status(run), User.objects.count()) == ("succeeded", ROWS + 1)
    assert slow.journal() == {"invoices": [], "credit_notes": []}


def another(path: Path) -> Path:
    other = path.with_name("other.csv")
    other.write_bytes(csv_text(rows(ROWS + 1)[ROWS:]).encode())
    return other


@pytest.mark.matrix
def test_another_pace_is_heard_under_load_and_holds(
    slow: Sandbox, variables: dict[str, str], path: Path
) -> None:
    with started(variables, *importing(path)) as running:
        run = begun()
        control(run.run_id, "--rate", "0.1")
        running.says("Pace: at most 0.1 calls to Lago per second.")  # whoever sleeps now does so for minutes
        before, since = writes(slow), time.monotonic()
        paced = control(run.run_id, "--rate", "200", "--concurrency", "2")
        seconds_until(lambda: writes(slow) > before + 12)
        took_s = time.monotonic() - since
        answer = running.answer()

    print(f"paced after {took_s:.2f} s")
    assert (paced.code, answer.code) == (0, 0)
    assert took_s < HEARD_S
    assert "Pace: at most 200 calls to Lago per second, 2 at once." in answer.err
    run.refresh_from_db()
    assert run.pace == {"rate": 200.0, "concurrency": 2}


@pytest.mark.matrix
def test_a_process_that_is_killed_while_it_is_paused_is_followed_by_the_same_command(
    slow: Sandbox, variables: dict[str, str], path: Path
) -> None:
    with started(variables, *importing(path)) as running:
        run = begun()
        control(run.run_id, "pause")
        running.says("Paused by ")
        running.signal(signal.SIGKILL)
        running.process.wait()
    wait_for(lambda: control(run.run_id, "resume").code == 2)
    refused = control(run.run_id, "resume")
    with started(variables, *importing(path, rate="0")) as again:
        answer = again.answer()

    assert "its process is gone" in refused.err
    assert "To go on: python manage.py backfill_customers --input customers.csv" in refused.err
    assert (answer.code, status(run), User.objects.count()) == (0, "succeeded", ROWS)


@pytest.mark.matrix
@pytest.mark.parametrize("how", ["stop", "Ctrl-C"])
def test_a_paused_run_can_be_ended(slow: Sandbox, variables: dict[str, str], path: Path, how: str) -> None:
    with started(variables, *importing(path)) as running:
        run = begun()
        control(run.run_id, "pause")
        running.says("Paused by ")
        if how == "stop":
            control(run.run_id, "stop")
        else:
            running.signal(signal.SIGINT)
        answer = running.answer()

    assert (answer.code, status(run)) == (130, "interrupted")
    assert run.reason.startswith("stopped by cli:" if how == "stop" else "SIGINT")
    assert "To continue it: python manage.py backfill_customers" in answer.err


@pytest.mark.matrix
def test_a_revert_is_paused_and_resumed(slow: Sandbox, variables: dict[str, str], path: Path) -> None:
    with started(variables, *importing(path, rate="0")) as running:
        running.answer()
    run = BackfillRun.objects.get()

    with started(variables | {"BACKFILL_LAGO_RATE": "8"}, *reverting(run)) as running:
        wait_for(lambda: removed(slow) > 0)
        control(run.run_id, "pause")
        took_s = seconds_until(lambda: status(run) == "reverting" and run.paused_at is not None)
        before = removed(slow)
        running.says("Paused by ")
        control(run.run_id, "--rate", "0")
        shown = control(run.run_id, "pause")
        control(run.run_id, "resume")
        answer = running.answer()

    print(f"revert paused after {took_s:.2f} s")
    assert took_s < HEARD_S
    assert "already paused by cli:" in shown.out
    assert before < ROWS
    assert (answer.code, status(run), User.objects.count()) == (0, "reverted", 0)
    assert slow.journal() == {"invoices": [], "credit_notes": []}


@pytest.mark.matrix
def test_a_repair_is_stopped_and_the_same_command_does_the_rest(
    lago: Sandbox, steve: SteveSandbox, database_url: str, tmp_path: Path, transactional_db: None
) -> None:
    run = run_of(imported(rows(ROWS)))
    for pk in list(steve.world.tags):
        steve.world.delete_tag(pk)
    steve.steer("POST", "latency", seconds=0.3)
    variables = environment(lago, tmp_path / "logs", database_url) | {
        "STEVE_BASE_URL": steve.url, "STEVE_API_USERNAME": steve.username, "STEVE_API_KEY": steve.key,
        "BACKFILL_CONCURRENCY": "1", "BACKFILL_BATCH_SIZE": "5",
    }  # fmt: skip
    repairing = ("backfill_repair", "--run-id", run.run_id, "--noinput")

    with started(variables, *repairing) as running:
        wait_for(lambda: steve.state()["id_tags"])
        asked, since = control(run.run_id, "stop"), time.monotonic()
        answer = running.answer()
        took_s = time.monotonic() - since
    steve.steer("POST", "latency", seconds=0)
    with started(variables, *repairing) as running:
        again = running.answer()

    print(f"repair at a terminal over {took_s:.2f} s after the stop")
    assert "The repair of run" in asked.out
    assert (answer.code, again.code) == (130, 0)
    assert "interrupted (stopped by cli:" in answer.out
    assert len(steve.state()["id_tags"]) == ROWS


@pytest.mark.django_db
@pytest.mark.parametrize("action", ["pause", "resume", "stop"])
@pytest.mark.parametrize("now", ["succeeded", "interrupted", "reverted"])
def test_what_is_not_under_way_is_refused_with_its_reason(action: str, now: str) -> None:
    run = BackfillRun.objects.create(run_id="20270101-000000-aaaa", input_sha256="a" * 64, status=now)

    answer = control(run.run_id, action)

    assert answer.code == 2
    assert f"is {now}: " in answer.err


@pytest.mark.django_db
@pytest.mark.parametrize("action", ["pause", "resume", "stop"])
def test_one_that_waits_after_its_first_customers_is_continued_or_reverted(action: str) -> None:
    run = BackfillRun.objects.create(run_id="20270101-000000-aaaa", input_sha256="a" * 64, status="canary")

    answer = control(run.run_id, action)

    assert answer.code == 2
    assert "waits already: its first customers are in" in answer.err
    assert "Continue it with the rest, or revert it." in answer.err
    assert status(run) == "canary"


def test_a_run_that_was_paused_over_the_first_bills_nobody_for_the_month_before_and_says_when_it_can(
    slow: Sandbox, variables: dict[str, str], path: Path
) -> None:
    slow.set_clock("2026-11-30T21:00:00Z")
    with started(variables, *importing(path)) as running:
        run = begun()
        control(run.run_id, "pause")
        wait_for(lambda: status(run) == "paused")
        done = run.rows.filter(outcome="created").count()
        slow.set_clock("2026-12-01T08:00:00Z")
        before = writes(slow)
        control(run.run_id, "resume")
        answer = running.answer()

    assert answer.code == 1
    assert "invoiced_today" in answer.out + answer.err
    assert (writes(slow), run.rows.filter(outcome="created").count()) == (before, done)
    assert 0 < done < ROWS
    assert len(slow.journal()["invoices"]) == done  # of those who were in before midnight, as they were told
    assert status(run) == "failed"
    assert "invoiced_today" in run.reason

    slow.set_clock("2026-12-02T08:00:00Z")
    rest = command(path, "--skip-existing")

    assert (rest.code, status(run)) == (0, "succeeded")
    assert len(slow.journal()["invoices"]) == done


@pytest.mark.matrix
def test_a_run_that_is_resumed_while_lago_is_away_does_not_wait_for_ever(
    slow: Sandbox, variables: dict[str, str], path: Path
) -> None:
    with started(variables, *importing(path)) as running:
        run = begun()
        control(run.run_id, "pause")
        wait_for(lambda: status(run) == "paused")
        slow.fault("500,method=GET,times=forever")
        control(run.run_id, "resume")
        answer = running.answer()

    assert answer.code == 2
    assert (status(run), "Lago" in run.reason) == ("interrupted", True)
