"""Pause, resume, stop, pace and an hour, from the pages, with the worker's own functions doing the work."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from time_machine import TimeMachineFixture

from customers import jobs
from customers.backfill.engine.stop import Stop
from customers.jobs.slices import Slice
from customers.models import BackfillRun, BackfillUpload, RunJob, User
from rehearsal.lago import Sandbox
from tests.customers.admin.world import (
    BACKEND,
    CONFIRM,
    audited,
    confirmation,
    customers_csv,
    followed,
    preview_of,
    preview_page,
    queued,
    run_url,
    said,
    words_of,
)

pytestmark = pytest.mark.django_db
BERLIN = "Europe/Berlin"


class Press(Slice):
    """A slice in which somebody presses a button after the first batch."""

    def __init__(self, stop: Stop, client: Client, run: BackfillRun, *buttons: str) -> None:
        super().__init__(stop)
        self._client, self._run, self._buttons = client, run, list(buttons)

    def advance(self, number: int) -> None:
        while self._buttons:
            self._client.post(run_url(self._run, self._buttons.pop(0)))


def status(run: BackfillRun) -> str:
    run.refresh_from_db()
    return run.status


@pytest.fixture
def small_batches(settings: Any) -> None:
    settings.BACKFILL_BATCH_SIZE, settings.BACKFILL_CONCURRENCY = 2, 1


# --- an import ---------------------------------------------------------------------------------------


def test_an_import_that_was_paused_over_the_first_is_stopped_by_what_lago_would_bill(
    client: Client, lago: Sandbox, small_batches: None
) -> None:
    lago.set_clock("2026-11-30T21:00:00Z")
    run = queued(client, customers_csv(20))
    jobs.import_run(run.pk, slice_of=lambda stop: Press(stop, client, run, "pause"))
    done = run.rows.filter(outcome="created").count()
    lago.set_clock("2026-12-01T08:00:00Z")

    client.post(run_url(run, "resume"))
    jobs.import_run(run.pk)

    assert 0 < done < 20
    assert status(run) == "failed"
    assert "invoiced_today" in run.reason
    assert run.rows.filter(outcome="created").count() == done
    assert len(lago.journal()["invoices"]) == done


def test_an_import_is_paused_in_the_worker_and_resumed(client: Client, small_batches: None) -> None:
    run = queued(client, customers_csv(20))

    ended = jobs.import_run(run.pk, slice_of=lambda stop: Press(stop, client, run, "pause"))
    paused, words = status(run), words_of(followed(client, run))
    again = jobs.import_run(run.pk)  # the sweep leaves it alone
    left = run.rows.filter(outcome="").count()
    client.post(run_url(run, "resume"))
    waiting = status(run)
    jobs.import_run(run.pk)

    assert (ended, again, paused, waiting) == ("done", "nothing", "paused", "queued")
    assert "Paused by Sam Staff, " in words
    assert "Resumed, it plans anew first." in words
    assert 0 < left < 20
    assert (status(run), User.objects.filter(role="customer").count()) == ("succeeded", 20)
    for event in ("run.pause_requested", "run.paused", "run.resumed"):
        assert [one.actor[:6] for one in audited(event)] == ["staff:"]


def test_a_pause_that_is_taken_back_at_once_costs_nothing(client: Client, small_batches: None) -> None:
    run = queued(client, customers_csv(20))

    ended = jobs.import_run(run.pk, slice_of=lambda stop: Press(stop, client, run, "pause", "resume"))

    assert (ended, status(run)) == ("done", "succeeded")


def test_what_waits_in_the_queue_is_paused_at_once(client: Client) -> None:
    run = queued(client, customers_csv(1))

    first = said(client, client.post(run_url(run, "pause")))
    second = said(client, client.post(run_url(run, "pause")))

    assert (status(run), jobs.import_run(run.pk)) == ("paused", "nothing")
    assert first[-1] == f"The run {run.run_id} is paused by Sam Staff."
    assert second[-1] == f"The run {run.run_id} is already paused by Sam Staff."
    assert len(audited("run.paused")) == 1


def test_a_pause_outlives_the_worker_that_should_have_heard_it(client: Client) -> None:
    run = queued(client, customers_csv(2))
    BackfillRun.objects.update(status="running", pause_requested=True, asked_by="cli:root")

    ended = jobs.import_run(run.pk)

    assert (ended, status(run), run.reason) == ("nothing", "paused", "paused by cli:root")


def test_money_is_looked_at_again_when_it_is_resumed(
    client: Client, lago: Sandbox, small_batches: None
) -> None:
    """A plan costs something else by then: what was confirmed is so no more."""
    run = queued(client, customers_csv(20))
    jobs.import_run(run.pk, slice_of=lambda stop: Press(stop, client, run, "pause"))
    before = User.objects.count()
    lago.put_plans("standard:99900")

    client.post(run_url(run, "resume"))
    ended = jobs.import_run(run.pk)

    assert (ended, status(run), User.objects.count()) == ("refused", "interrupted", before)
    assert "costs something else now than the preview said" in run.reason


def test_a_paused_run_is_stopped_at_once(client: Client) -> None:
    run = queued(client, customers_csv(1))

    for button in ("pause", "stop"):
        client.post(run_url(run, button))

    assert (status(run), run.paused_at) == ("interrupted", None)


def test_a_paused_run_can_be_reverted(client: Client, lago: Sandbox, small_batches: None) -> None:
    run = queued(client, customers_csv(20))
    jobs.import_run(run.pk, slice_of=lambda stop: Press(stop, client, run, "pause"))

    jobs.run_job(jobs.ask(run, RunJob.Kind.REVERT, "staff:1").pk)

    assert (status(run), run.paused_at) == ("reverted", None)
    assert lago.state()["customers"] == []


def test_a_pace_holds_for_the_slices_that_follow(client: Client) -> None:
    run = queued(client, customers_csv(2))

    *_, told = said(client, client.post(run_url(run, "pace"), {"rate": "500", "concurrency": "3"}))
    *_, refused = said(client, client.post(run_url(run, "pace"), {"rate": "5", "concurrency": "900"}))
    words = words_of(followed(client, run))
    jobs.import_run(run.pk)

    assert (
        told == f"The run {run.run_id}: at most 500 calls to Lago per second, 3 at once, for the rest of it."
    )
    assert "1 to 64 at once" in refused
    assert "Pace: at most 500 calls to Lago per second, 3 at once, as chosen while it worked" in words
    assert (status(run), run.pace) == ("succeeded", {"rate": 500.0, "concurrency": 3})
    assert [one.data for one in audited("run.paced")] == [run.pace]


# --- a revert ----------------------------------------------------------------------------------------


def test_a_revert_is_paused_in_the_worker_and_resumed(
    client: Client, lago: Sandbox, small_batches: None
) -> None:
    run = queued(client, customers_csv(20))
    jobs.import_run(run.pk)
    job = jobs.ask(run, RunJob.Kind.REVERT, "staff:1")

    ended = jobs.run_job(job.pk, slice_of=lambda stop: Press(stop, client, run, "pause"))
    left, words = len(lago.state()["customers"]), words_of(followed(client, run))
    again = jobs.run_job(job.pk)
    same = len(lago.state()["customers"])
    client.post(run_url(run, "resume"))
    done = jobs.run_job(job.pk)

    assert (ended, again, done) == ("queued", "queued", "done")
    assert "revert paused Paused by Sam Staff, " in words
    assert 0 < left == same < 20
    assert (status(run), lago.state()["customers"]) == ("reverted", [])


def test_a_paused_revert_is_stopped_for_good(client: Client, small_batches: None) -> None:
    run = queued(client, customers_csv(20))
    jobs.import_run(run.pk)
    job = jobs.ask(run, RunJob.Kind.REVERT, "staff:1")
    jobs.run_job(job.pk, slice_of=lambda stop: Press(stop, client, run, "pause"))

    client.post(run_url(run, "stop"))

    job.refresh_from_db()
    assert (job.status, jobs.run_job(job.pk)) == ("stopped", "nothing")
    assert words_of(followed(client, run)).count("revert interrupted")


# --- an hour -----------------------------------------------------------------------------------------


def scheduled(client: Client, hour: str, zone: str = BERLIN) -> Any:
    client.force_login(User.objects.get(role="staff"), backend=BACKEND)  # since the clock was moved
    upload = preview_of(client, customers_csv(2))
    fields = confirmation(preview_page(client, upload)) | {"starts_on": hour, "starts_zone": zone}
    return client.post(CONFIRM, fields)


def test_an_import_begins_at_its_hour_in_the_night_in_which_the_clock_changes(
    client: Client, time_machine: TimeMachineFixture
) -> None:
    time_machine.move_to(datetime(2027, 3, 27, 21, tzinfo=UTC), tick=False)
    scheduled(client, "2027-03-28T03:15")
    run, hour = BackfillRun.objects.get(), datetime(2027, 3, 28, 1, 15, tzinfo=UTC)

    words = words_of(followed(client, run))
    time_machine.move_to(hour - timedelta(minutes=1), tick=False)
    early, too_early = jobs.sweep(), jobs.import_run(run.pk)
    time_machine.move_to(hour + timedelta(minutes=1), tick=False)
    woken, ended = jobs.sweep(), jobs.import_run(run.pk)

    assert run.starts_at == hour
    assert "Begins at 2027-03-28 03:15 Europe/Berlin (2027-03-28 01:15 UTC)." in words
    assert (early, too_early) == (0, "nothing")
    assert (woken, ended, status(run), run.starts_at) == (1, "done", "succeeded", None)


@pytest.mark.parametrize(
    ("hour", "why"),
    [
        ("2027-03-28T02:30", "There is no 2027-03-28 02:30 in Europe/Berlin"),
        ("2027-03-27T21:00", "is over"),
        ("tomorrow", "Say when it is to begin as in 2027-03-28 22:00."),
    ],
)
def test_an_hour_that_cannot_be_leads_back_to_the_preview(
    client: Client, time_machine: TimeMachineFixture, hour: str, why: str
) -> None:
    time_machine.move_to(datetime(2027, 3, 27, 21, tzinfo=UTC), tick=False)

    answer = scheduled(client, hour)

    assert str(BackfillUpload.objects.get().pk) in answer["Location"]
    assert why in said(client, answer)[0]
    assert not BackfillRun.objects.exists()


def test_a_worker_that_was_away_at_the_hour_begins_later_but_not_days_later(
    client: Client, time_machine: TimeMachineFixture
) -> None:
    time_machine.move_to(datetime(2027, 3, 27, 21, tzinfo=UTC), tick=False)
    scheduled(client, "2027-03-28T22:00")
    run = BackfillRun.objects.get()

    time_machine.move_to(datetime(2027, 3, 29, 8, 1, tzinfo=UTC), tick=False)
    jobs.sweep()
    ended = jobs.import_run(run.pk)

    assert (ended, status(run)) == ("nothing", "interrupted")
    assert "for 12 hours nobody was there to do it" in run.reason


def test_an_import_that_waits_for_its_hour_is_begun_now_or_stopped(
    client: Client, time_machine: TimeMachineFixture
) -> None:
    time_machine.move_to(datetime(2027, 3, 27, 21, tzinfo=UTC), tick=False)
    scheduled(client, "2027-03-28T22:00")
    run = BackfillRun.objects.get()
    scheduled_now = "Start now" in words_of(followed(client, run))

    client.post(run_url(run, "start_now"))
    ended = jobs.import_run(run.pk)

    assert scheduled_now
    assert (ended, status(run)) == ("done", "succeeded")
    assert len(audited("run.scheduled_now")) == 1
