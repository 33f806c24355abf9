"""A worker is killed in the middle of a charging session: the next one ends it, and charges nothing again."""

from typing import Any

from customers import jobs, locks
from customers.models import RunJob
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.customers.backfill.steve.world import CHARGE_BOX
from tests.customers.backfill.verify.line import Line
from tests.customers.backfill.verify.world import run_over
from tests.customers.factories import rows
from tests.support.processes import environment, kill_group, started, wait_for

DO_IT = (
    "from customers import jobs; from customers.models import RunJob; jobs.run_job(RunJob.objects.get().pk)"
)


def test_a_session_outlives_no_worker(
    database_url: str, lago: Sandbox, steve: SteveSandbox, settings: Any
) -> None:
    run = run_over(rows(1), steve)
    chosen = {"mapping": run.rows.get().mapping_id, "charge_box": CHARGE_BOX, "timeout_s": 60}
    job = jobs.ask(run, RunJob.Kind.CHARGE, "staff:1", **chosen)
    line = Line(steve.ocpp_url, silent_at={"StopTransaction"})

    with line.laid() as address:
        env = environment(
            DATABASE_URL=database_url, LAGO_API_URL=lago.url, LAGO_API_KEY=lago.key, BACKFILL_LAGO_RATE="0",
            BACKFILL_LOG_DIR=str(settings.BACKFILL_LOG_DIR),
            **{**steve.variables(), "STEVE_OCPP_URL": address},
        )  # fmt: skip
        with started("shell", "-c", DO_IT, env=env) as worker:
            wait_for(lambda: "StopTransaction" in line.heard)
            kill_group(worker)
    wait_for(lambda: not locks.JOB.is_held(job.pk))  # PostgreSQL takes a moment to notice
    assert steve.world.sessions[1].is_running

    assert jobs.run_job(job.pk) == "stopped"
    assert [session.is_running for session in steve.world.sessions.values()] == [False]
