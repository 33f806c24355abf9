"""Whether a worker is alive, and what is picked up when one starts."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ, Schedule

from customers import tasks, workers
from customers.backfill.welcome import pause, start_campaign
from customers.models import ThrottleMark, WelcomeCampaign, WorkerBeat
from tests.customers.imported_runs import make_run
from tests.support.smtp_server import Inbox

pytestmark = pytest.mark.django_db


def start(customers: int = 1, **options: object) -> WelcomeCampaign:
    campaign = start_campaign(make_run(customers), "cli:test", enqueue=False, **options).campaign  # type: ignore[arg-type]
    assert campaign is not None
    return campaign


def queue() -> list[tuple[str, tuple[object, ...]]]:
    return [(queued.task["func"], queued.task["args"]) for queued in OrmQ.objects.order_by("id")]


def test_without_a_beat_no_worker_was_ever_seen() -> None:
    assert WorkerBeat.last() is None
    assert not WorkerBeat.is_fresh()


def test_a_worker_that_beats_is_alive_and_one_that_stopped_is_not() -> None:
    workers.beat()
    workers.beat()
    beating = WorkerBeat.is_fresh()
    WorkerBeat.objects.update(seen_at=timezone.now() - WorkerBeat.LATELY - timedelta(seconds=1))

    assert beating
    assert not WorkerBeat.is_fresh()
    assert WorkerBeat.last() is not None


@pytest.mark.django_db(transaction=True)
def test_workers_that_start_together_make_one_schedule() -> None:
    def ensure(_: int) -> None:
        try:
            workers.ensure_schedule()
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(ensure, range(6)))

    assert Schedule.objects.get().func == "customers.tasks.sweep"


def test_the_sweep_wakes_what_is_running_and_leaves_the_rest_alone() -> None:
    stalled, paused = start(), start()
    pause(paused, "staff:1")

    woken = tasks.sweep()

    assert woken == 1
    assert queue() == [("customers.tasks.send_welcome", (stalled.pk,))]


def test_the_sweep_forgets_old_marks() -> None:
    ThrottleMark.objects.create(bucket="x", at=timezone.now() - timedelta(days=1))

    tasks.sweep()

    assert not ThrottleMark.objects.exists()


def test_a_job_whose_time_is_up_is_followed_by_another(inbox: Inbox) -> None:
    campaign = start(2, batch_size=1, delay_ms=600_000)

    ended = tasks.send_welcome(campaign.pk, slice_s=0.1)

    assert ended == "more"
    assert len(inbox.received) == 1
    assert queue() == [("customers.tasks.send_welcome", (campaign.pk,))]


def test_a_job_that_is_done_is_not_followed(inbox: Inbox) -> None:
    ended = tasks.send_welcome(start().pk)

    assert ended == "done"
    assert queue() == []
