"""A repair in the console: look, read, confirm just that, and the worker does it."""

from typing import Any

import pytest
from django.test import Client

from auditlog.models import Event, record
from customers.backfill.ledger import life
from customers.jobs import run_job
from customers.jobs.slices import Slice
from customers.models import BackfillRun, BackfillStep, IdTagMapping, RunJob, User
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.customers.admin.world import (
    audited,
    client_of,
    member_of_staff,
    other_session_works,
    run_url,
    said,
    text_of,
    words_of,
)
from tests.customers.backfill.repair.world import cards
from tests.customers.backfill.steve.world import divergences, manage, run_of, tags
from tests.customers.factories import imported, rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(lago: Sandbox, steve: SteveSandbox) -> BackfillRun:
    return run_of(imported(rows(3)))


@pytest.fixture
def client(run: BackfillRun) -> Client:
    return client_of(member_of_staff("run_backfill"))


def switch_off(*numbers: int) -> None:
    IdTagMapping.objects.filter(id_tag__in=[f"TAG{n:04}" for n in numbers]).update(is_active=False)


def work() -> str:
    return run_job(RunJob.objects.latest("pk").pk)


def look(client: Client, run: BackfillRun) -> dict[str, Any]:
    """Have it looked at, and give what a confirmation of it sends."""
    client.post(run_url(run, "repair_look"))
    work()
    seen = run.jobs.filter(kind="repair_preview").latest("pk")
    ticks = sorted({one["group"] for one in seen.result.get("do", ())})
    return {"look": seen.pk, "digest": seen.result.get("digest", ""), "do": ticks}


def test_what_was_read_is_repaired(client: Client, run: BackfillRun, steve: SteveSandbox) -> None:
    switch_off(1)
    steve.world.delete_tag(tags(steve)["TAG0002"]["ocppTagPk"])
    confirmed = look(client, run)
    page = words_of(client.get(run_url(run, "repair")))
    nothing_yet = not cards()["TAG0001"][1]

    answer = client.post(run_url(run, "repair"), confirmed)
    work()

    assert "2 things in 2 rows can be repaired." in page
    assert ("put to use again" in page, "make again" in page, "TAG0001" in page) == (True, True, False)
    assert nothing_yet
    assert answer["Location"] == run_url(run)
    assert divergences(run) == []
    assert "Repair: done · 2 rows repaired" in words_of(client.get(run_url(run)))
    assert [entry.subject for entry in audited("repair.asked")] == [f"run:{run.run_id}"]
    assert {entry.actor[:6] for entry in audited("row.repaired")} == {"staff:"}


def test_the_rest_says_what_it_means_and_names_no_option(
    client: Client, run: BackfillRun, by_hand: Any
) -> None:
    by_hand.delete("/subscriptions/backfill-C-1?on_termination_invoice=skip&on_termination_credit_note=skip")
    switch_off(1)
    look(client, run)

    page = words_of(client.get(run_url(run, "repair")))

    assert "There is nothing that could be repaired safely. 2 divergences need somebody to decide." in page
    assert "What is charged is billed to nobody." in page
    assert "--" not in page.partition("What somebody has to decide")[2]


def test_who_switched_a_card_is_told_by_name(client: Client, run: BackfillRun) -> None:
    switch_off(1)
    ann = User.objects.create_user("ann@operator.example", role=User.Role.STAFF, display_name="Ann Admin")
    record("admin", f"staff:{ann.pk}", [Event("idtagmapping.changed", "customer:C-1", {})])
    look(client, run)

    page = words_of(client.get(run_url(run, "repair")))
    _, out, _ = manage("backfill_repair", "--run-id", run.run_id, "--dry-run")

    assert "switched in the console by Ann Admin on " in page
    assert "switched in the console by Ann Admin on " in out
    assert "staff:" not in page + out


@pytest.mark.parametrize("forged", [{"look": 0}, {"digest": "another"}, {"look": "", "digest": ""}])
def test_another_look_than_the_one_that_is_shown_is_refused(
    client: Client, run: BackfillRun, forged: dict[str, Any]
) -> None:
    switch_off(1)
    confirmed = look(client, run)

    answer = client.post(run_url(run, "repair"), confirmed | forged)

    assert answer.status_code == 200
    assert "Read what it says now, and confirm." in words_of(answer) or "required" in text_of(answer)
    assert not run.jobs.filter(kind="repair").exists()


def test_a_look_that_a_colleague_has_taken_again_is_refused(client: Client, run: BackfillRun) -> None:
    switch_off(1)
    mine = look(client, run)
    switch_off(2)
    look(client, run)

    client.post(run_url(run, "repair"), mine)

    assert not run.jobs.filter(kind="repair").exists()


def test_what_has_come_to_be_since_is_not_repaired_unseen(client: Client, run: BackfillRun) -> None:
    switch_off(1)
    confirmed = look(client, run)
    client.post(run_url(run, "repair"), confirmed)
    switch_off(2)

    assert work() == "refused"

    assert "has changed since it was shown" in RunJob.objects.latest("pk").reason
    assert not cards()["TAG0001"][1]


def test_what_somebody_has_put_right_meanwhile_hinders_nothing(client: Client, run: BackfillRun) -> None:
    switch_off(1, 2)
    confirmed = look(client, run)
    client.post(run_url(run, "repair"), confirmed)
    IdTagMapping.objects.filter(id_tag="TAG0002").update(is_active=True)

    assert work() == "done"
    assert divergences(run) == []


def test_two_clicks_are_one_repair(client: Client, run: BackfillRun) -> None:
    switch_off(1)
    confirmed = look(client, run)

    for _ in range(2):
        client.post(run_url(run, "repair"), confirmed)

    assert run.jobs.filter(kind="repair").count() == 1


def test_it_waits_while_another_import_is_at_work(
    client: Client, run: BackfillRun, transactional_db: None
) -> None:
    switch_off(1)
    confirmed = look(client, run)
    client.post(run_url(run, "repair"), confirmed)

    with other_session_works():
        assert work() == "queued"
    assert work() == "done"


class SliceOfOne(Slice):
    """Is over after one row, and not after some seconds."""

    def start(self, what: str, total: int) -> None: ...

    def advance(self, number: int) -> None:
        self._over()


def test_slices_together_make_one_repair(client: Client, run: BackfillRun, settings: Any) -> None:
    settings.BACKFILL_BATCH_SIZE = settings.BACKFILL_CONCURRENCY = 1
    switch_off(1, 2, 3)
    confirmed = look(client, run)
    client.post(run_url(run, "repair"), confirmed)
    job = RunJob.objects.latest("pk")

    slices = 1
    while run_job(job.pk, slice_of=SliceOfOne) == "queued":
        slices += 1

    job.refresh_from_db()
    assert slices > 1
    assert (job.status, job.result["counts"]) == ("done", {"repaired": 3})
    assert divergences(run) == []


# --- left out ----------------------------------------------------------------------------------------


def test_what_is_not_ticked_stays_as_it_is_and_is_written_down(client: Client, run: BackfillRun) -> None:
    switch_off(1, 2, 3)
    given = look(client, run)

    client.post(run_url(run, "repair"), given | {"do": [2, 4]})
    ended = work()
    page = words_of(client.get(run_url(run)))

    assert ended == "done"
    assert [is_active for _, is_active, *_ in cards().values()] == [True, False, True]
    assert "2 rows repaired · 1 row left out" in page
    (entry,) = audited("row.left_out")
    assert (entry.subject, entry.data["line"], entry.actor[:6]) == ("customer:C-2", 3, "staff:")
    assert audited("repair.asked")[0].data["leave_out"] == [3]


def test_all_is_ticked_at_first_and_nothing_ticked_is_refused(client: Client, run: BackfillRun) -> None:
    switch_off(1, 2)
    given = look(client, run)
    before = text_of(client.get(run_url(run, "repair")))

    answer = client.post(run_url(run, "repair"), given | {"do": []})

    assert before.count(" checked>") == 2
    assert "Nothing is ticked, so there is nothing to be repaired." in words_of(answer)
    assert " checked>" not in text_of(answer)
    assert not run.jobs.filter(kind="repair").exists()


def test_slices_leave_it_out_and_write_it_down_once(client: Client, lago: Sandbox, settings: Any) -> None:
    settings.BACKFILL_BATCH_SIZE = settings.BACKFILL_CONCURRENCY = 1
    run = run_of(imported(rows(20)[3:]))
    switch_off(*range(4, 21))
    given = look(client, run)
    client.post(run_url(run, "repair"), given | {"do": given["do"][1:]})
    job = RunJob.objects.latest("pk")

    slices = 1
    while run_job(job.pk, slice_of=SliceOfOne) == "queued":
        slices += 1

    assert slices > 2
    assert sum(not is_active for _, is_active, *_ in cards().values()) == 1
    assert (len(audited("repair.begun")), len(audited("row.left_out"))) == (1, 1)


def test_what_is_left_to_decide_leads_to_lago(
    client: Client, run: BackfillRun, by_hand: Any, settings: Any
) -> None:
    settings.LAGO_DASHBOARD_URL = "https://lago.example/acme"
    by_hand.delete("/subscriptions/backfill-C-1?on_termination_invoice=skip&on_termination_credit_note=skip")
    by_hand.delete("/customers/C-2")
    look(client, run)

    page = text_of(client.get(run_url(run, "repair")))

    refs = dict(BackfillStep.objects.filter(row__external_id="C-1").values_list("name", "ref"))
    customer, subscription = refs["lago_customer"], refs["lago_subscription"]
    assert (
        f'href="https://lago.example/acme/customer/{customer}/subscription/{subscription}/overview"' in page
    )
    assert page.count("Open Lago") == 1  # what is gone there has no page


# --- stopped -----------------------------------------------------------------------------------------


class Stopping(Slice):
    """A slice in which somebody presses Stop after the first batch."""

    client: Client
    run: BackfillRun

    def advance(self, number: int) -> None:
        self.client.post(run_url(self.run, "stop"))


def confirmed(client: Client, run: BackfillRun, *numbers: int) -> RunJob:
    switch_off(*numbers)
    client.post(run_url(run, "repair"), look(client, run))
    return run.jobs.get(kind="repair", status="queued")


def test_a_repair_at_work_is_stopped_and_the_next_one_does_the_rest(
    client: Client, lago: Sandbox, settings: Any
) -> None:
    settings.BACKFILL_BATCH_SIZE = settings.BACKFILL_CONCURRENCY = 1
    run = run_of(imported(rows(20)[3:]))
    job = confirmed(client, run, *range(4, 21))

    ended = run_job(job.pk, slice_of=type("Pressed", (Stopping,), {"client": client, "run": run}))
    left = sum(not is_active for _, is_active, *_ in cards().values())
    page = words_of(client.get(run_url(run)))
    confirmed(client, run)
    again = work()

    assert (ended, again) == ("stopped", "done")
    assert 0 < left < 17
    assert "Repair: stopped (stopped by Sam Staff)" in page
    assert [entry.subject for entry in audited("repair.stop_requested")] == [f"run:{run.run_id}"]
    assert divergences(run) == []
    run.refresh_from_db()
    assert (run.status, len(audited("run.stop_requested"))) == ("succeeded", 0)


def test_a_repair_that_waits_is_stopped_at_once(client: Client, run: BackfillRun) -> None:
    job = confirmed(client, run, 1)
    page = words_of(client.get(run_url(run, "repair")))

    told = said(client, client.post(run_url(run, "stop")))

    assert "Stop" in page
    assert "The repair of run" in told[0]
    assert (run_job(job.pk), RunJob.objects.get(pk=job.pk).status) == ("nothing", "stopped")
    assert not cards()["TAG0001"][1]


def test_a_stop_before_the_worker_begins_to_write_is_heard(client: Client, run: BackfillRun) -> None:
    job = confirmed(client, run, 1)
    RunJob.objects.filter(pk=job.pk).update(status="running")  # planning, or its worker has died
    client.post(run_url(run, "stop"))
    again = said(client, client.post(run_url(run, "stop")))
    page = words_of(client.get(run_url(run)))

    assert run_job(job.pk) == "stopped"
    assert not cards()["TAG0001"][1]
    assert audited("repair.begun") == []
    assert "was asked to stop already" in again[-1]
    assert "Stopping the repair, asked by Sam Staff" in page


def test_a_repair_is_not_paused_and_leaves_a_paused_run_as_it_was(client: Client, run: BackfillRun) -> None:
    BackfillRun.objects.update(status="paused", paused_at=run.started_at, asked_by="staff:1")
    job = confirmed(client, run, 1)
    RunJob.objects.filter(pk=job.pk).update(status="running")
    client.post(run_url(run, "stop"))

    assert run_job(job.pk) == "stopped"
    run.refresh_from_db()
    assert (run.status, run.paused_at) == ("paused", run.started_at)
    assert life.resume(run, actor="staff:1")
    run.refresh_from_db()
    assert not run.stop_requested  # of the repair, and not of what goes on


def test_a_pause_of_a_repair_says_what_can_be_done(client: Client, run: BackfillRun) -> None:
    confirmed(client, run, 1)

    told = said(client, client.post(run_url(run, "pause")))

    assert "is being repaired, and a repair is not paused. Stop it" in told[0]


@pytest.mark.parametrize("status", ["queued", "running", "reverting", "reverted", "abandoned"])
def test_a_run_that_is_not_whole_or_taken_back_is_not_looked_at(
    client: Client, run: BackfillRun, status: str
) -> None:
    BackfillRun.objects.filter(pk=run.pk).update(status=status)

    client.post(run_url(run, "repair_look"))

    assert not run.jobs.exists()
    assert "This run cannot be repaired" in words_of(client.get(run_url(run, "repair")))
    code, _, err = manage("backfill_repair", "--run-id", run.run_id, "--noinput")
    assert (code, "cannot be repaired" in err) == (2, True)


def test_a_reconciliation_that_found_something_leads_there(client: Client, run: BackfillRun) -> None:
    switch_off(1)
    client.post(run_url(run, "reconcile"))
    work()

    assert run_url(run, "repair") in text_of(client.get(run_url(run, "reconcile")))
