"""Delivery: tried again with pauses, never by two at once, and never in the way of anything."""

from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection
from django.db.models import DurationField, ExpressionWrapper, F
from django.db.models.functions import Now
from django.utils import timezone

from customers import jobs, locks, tasks
from customers.backfill.ledger import life
from customers.backfill.notices import delivering
from customers.backfill.notices.delivering import (
    MOST_ASKED_S,
    PAUSES_S,
    claim_next,
    deliver,
    deliver_due,
    try_again,
)
from customers.models import BackfillRun, Notice, User
from tests.customers.admin.world import audited, member_of_staff
from tests.customers.imported_runs import make_run
from tests.support.processes import environment, kill_group, started, wait_for
from tests.support.receiver import SECRET, Receiver, seconds
from tests.support.smtp_server import Inbox, MailServer

pytestmark = pytest.mark.django_db
Status, State = BackfillRun.Status, Notice.State


def finished(actor: str = "cli:test") -> BackfillRun:
    run = make_run(1, status=Status.RUNNING, actor=actor)
    life.finish(run, Status.SUCCEEDED, actor=actor)
    return run


def told() -> Notice:
    return Notice.objects.get()


def time_passes() -> None:
    Notice.objects.update(next_try_at=Now())


def pause_s() -> float:
    waits = Notice.objects.values_list(_wait(), flat=True).get()
    return float(waits.total_seconds())


def _wait() -> Any:
    return ExpressionWrapper(F("next_try_at") - Now(), output_field=DurationField())


def test_what_is_over_is_told_once_and_signed(receiver: Receiver) -> None:
    run = finished()

    deliver_due()
    deliver_due()

    (document,) = receiver.told()
    assert receiver.are_signed()
    assert (document["event"], document["run_id"], document["attempt"]) == ("run.finished", run.run_id, 1)
    assert document["sent_at"] >= document["time"]
    assert (told().state, told().code) == (State.DELIVERED, "")


def test_a_receiver_that_fails_once_is_told_again_with_the_same_id(receiver: Receiver) -> None:
    receiver.answers = [500, 200]
    finished()

    deliver_due()
    assert (told().state, told().code) == (State.WAITING, "http_500")
    assert 5 < pause_s() <= PAUSES_S[0]
    deliver_due()  # too early
    time_passes()
    deliver_due()

    first, second = receiver.told()
    assert first["id"] == second["id"]
    assert (first["attempt"], second["attempt"]) == (1, 2)
    assert told().state == State.DELIVERED


def test_after_a_day_of_growing_pauses_it_is_given_up(receiver: Receiver) -> None:
    receiver.answers = [503]
    finished()

    pauses = []
    while told().state == State.WAITING:
        time_passes()
        deliver_due()
        pauses.append(round(pause_s()))

    assert pauses[:-1] == list(PAUSES_S)
    assert timedelta(hours=20) < timedelta(seconds=sum(PAUSES_S)) < timedelta(hours=28)
    assert (told().state, told().attempts) == (State.GIVEN_UP, len(PAUSES_S) + 1)


@pytest.mark.parametrize(
    ("asked", "waits_s"),
    [("600", 600), ("2", PAUSES_S[0]), ("99999999", MOST_ASKED_S), ("soon", PAUSES_S[0])],
)
def test_a_receiver_that_says_when_is_asked_then_and_never_sooner_than_others_nor_much_later(
    receiver: Receiver, asked: str, waits_s: float
) -> None:
    receiver.answers, receiver.headers = [429], {"Retry-After": asked}
    finished()

    deliver_due()

    assert waits_s - 5 < pause_s() <= waits_s
    assert (told().state, told().code, told().attempts) == (State.WAITING, "http_429", 1)


def test_what_a_receiver_asks_for_makes_neither_more_tries_nor_much_more_time(receiver: Receiver) -> None:
    receiver.answers, receiver.headers = [503], {"Retry-After": "86400"}
    finished()

    pauses = []
    while told().state == State.WAITING:
        time_passes()
        deliver_due()
        pauses.append(pause_s())

    assert (told().state, told().attempts) == (State.GIVEN_UP, len(PAUSES_S) + 1)
    assert sum(pauses[:-1]) < 28 * 3600


def test_what_else_waits_leaves_a_receiver_alone_that_asked_for_it(receiver: Receiver, inbox: Inbox) -> None:
    receiver.answers, receiver.headers = [503, 200], {"Retry-After": "600"}
    actor = f"staff:{member_of_staff().pk}"
    for _ in range(3):
        finished(actor)

    deliver_due()
    deliver_due()

    assert receiver.asked == 1
    assert inbox.recipients == {"sam@operator.example": 3}
    assert not Notice.objects.due().exists()
    time_passes()
    deliver_due()
    assert receiver.asked == 4


def test_a_receiver_that_is_gone_is_not_asked_again(receiver: Receiver) -> None:
    receiver.answers = [410]
    finished()

    deliver_due()

    assert (told().state, told().code) == (State.GIVEN_UP, "http_410")


def test_a_receiver_that_fails_is_asked_once_at_a_time_whatever_waits(receiver: Receiver) -> None:
    receiver.answers = [500, 500, 200]
    for _ in range(4):
        finished()

    for asked in (1, 2, 4):
        deliver_due()
        assert receiver.asked == asked


def test_a_trouble_of_the_webhook_keeps_no_mail(receiver: Receiver, inbox: Inbox) -> None:
    receiver.answers = [500]
    finished(actor=f"staff:{member_of_staff().pk}")

    deliver_due()

    assert inbox.recipients == {"sam@operator.example": 1}


def test_a_notice_can_be_told_by_one_only(receiver: Receiver) -> None:
    finished()

    first = claim_next(Notice.objects.all())
    second = claim_next(Notice.objects.all())

    assert first is not None
    assert second is None
    deliver(first)
    assert receiver.asked == 1


def test_one_that_dies_over_it_has_it_told_again_and_is_too_late_to_say_otherwise(receiver: Receiver) -> None:
    finished()
    dead = claim_next(Notice.objects.all())  # and nothing more is heard of it
    deliver_due()
    assert receiver.asked == 0

    time_passes()
    receiver.answers = [500, 200]
    deliver_due()
    assert dead is not None
    deliver(dead)

    assert told().state == State.WAITING  # the later try decides, and the same id is told once more
    assert told().attempts == 2


def test_one_over_which_each_worker_dies_is_given_up(receiver: Receiver) -> None:
    finished()
    for _ in PAUSES_S:
        time_passes()
        claim_next(Notice.objects.all())
    Notice.objects.update(attempts=len(PAUSES_S) + 1)

    time_passes()
    deliver_due()

    assert (told().state, told().code, receiver.asked) == (State.GIVEN_UP, "teller_died", 0)


def test_try_again_tells_it_at_once_and_says_who_asked(receiver: Receiver) -> None:
    receiver.answers = [410, 200]
    finished()
    deliver_due()

    assert try_again(told(), "staff:7")
    deliver_due()

    assert told().state == State.DELIVERED
    assert not try_again(told(), "staff:7")
    (entry,) = audited("notice.tried_again")
    assert (entry.actor, entry.data) == ("staff:7", {"event": "run.finished", "channel": "webhook"})


def test_try_again_does_not_meddle_with_a_try_that_is_under_way(receiver: Receiver) -> None:
    finished()
    claim_next(Notice.objects.all())

    assert not try_again(told(), "staff:7")
    assert told().attempts == 1


def test_after_thirty_days_it_is_forgotten(receiver: Receiver) -> None:
    finished()
    Notice.objects.update(created_at=Now() - timedelta(days=29))
    delivering.sweep()
    assert Notice.objects.exists()

    Notice.objects.update(created_at=Now() - timedelta(days=31))
    delivering.sweep()

    assert not Notice.objects.exists()


def test_a_webhook_that_was_taken_away_is_given_up(receiver: Receiver, settings: Any) -> None:
    finished()
    settings.NOTIFY_WEBHOOK_URL = ""

    deliver_due()

    assert (told().state, told().code) == (State.GIVEN_UP, "not_configured")


# --- mail -------------------------------------------------------------------------------------------------


def test_the_starter_gets_a_short_mail(inbox: Inbox) -> None:
    run = finished(actor=f"staff:{member_of_staff().pk}")

    deliver_due()

    (mail,) = inbox.received
    assert mail.message["Subject"] == f"Import finished: {run.run_id}"
    assert mail.message["Message-ID"].startswith(f"<{told().key}.")
    for part in ("plain", "html"):
        assert f"http://localhost:8000/admin/customers/backfillrun/{run.pk}/change/" in mail.part(part)
        assert "1" in mail.part(part)
        assert "created" in mail.part(part)
        assert "Questions?" not in mail.part(part)


def test_a_mail_names_whoever_stopped_it_and_the_webhook_does_not(receiver: Receiver, inbox: Inbox) -> None:
    sam = member_of_staff()
    run = make_run(1, status=Status.RUNNING, actor=f"staff:{sam.pk}")
    life.finish(run, Status.INTERRUPTED, reason=f"stopped by staff:{sam.pk}", actor=f"staff:{sam.pk}")

    deliver_due()

    (mail,) = inbox.received
    assert "stopped by Sam Staff" in mail.part("plain")
    assert "stopped by Sam Staff" in mail.part("html")
    assert receiver.told()[0]["reason"] == f"stopped by staff:{sam.pk}"


def test_a_mail_without_a_page_to_open_has_no_button(inbox: Inbox, settings: Any) -> None:
    settings.CUSTOMER_BASE_URL = ""
    finished(actor=f"staff:{member_of_staff().pk}")

    deliver_due()

    (mail,) = inbox.received
    assert "Open the run" not in mail.part("html") + mail.part("plain")


def test_a_mail_server_that_is_away_is_tried_again(inbox: Inbox, mail_server: MailServer) -> None:
    finished(actor=f"staff:{member_of_staff().pk}")
    inbox.refuse_all = "451 later"
    deliver_due()
    assert told().state == State.WAITING

    inbox.refuse_all = ""
    time_passes()
    deliver_due()

    assert told().state == State.DELIVERED
    assert len(inbox.received) == 1


def test_nobody_is_mailed_who_has_left(inbox: Inbox) -> None:
    finished(actor=f"staff:{member_of_staff().pk}")
    User.objects.update(is_active=False)

    deliver_due()

    assert (told().state, told().code) == (State.GIVEN_UP, "nobody_to_mail")
    assert not inbox.received


# --- with others, and as processes ------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_two_at_once_tell_it_once(receiver: Receiver) -> None:
    for _ in range(6):
        finished()

    def teller() -> None:
        deliver_due()
        connection.close()

    tellers = [Thread(target=teller) for _ in range(4)]
    for one in tellers:
        one.start()
    for one in tellers:
        one.join()
    deliver_due()

    assert receiver.asked == 6
    assert len({one["id"] for one in receiver.told()}) == 6


@pytest.mark.django_db(transaction=True)
def test_of_a_worker_and_a_terminal_that_saw_it_at_once_one_has_it() -> None:
    run = make_run(1)
    claims: list[int] = []

    def claimer(together: Barrier) -> None:
        together.wait()
        if notice := claim_next(Notice.objects.all()):
            claims.append(notice.pk)
        connection.close()

    for _ in range(6):
        run.notices.create(event="run.finished", actor="worker", channel="webhook", payload={})
        together = Barrier(4)
        claimers = [Thread(target=claimer, args=[together]) for _ in range(4)]
        for one in claimers:
            one.start()
        for one in claimers:
            one.join()

    assert len(claims) == len(set(claims)) == 6


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_tell_of_a_dead_run_once(receiver: Receiver) -> None:
    make_run(1, status=Status.RUNNING, at_work_since=timezone.now(), at_work_by="cli:test")

    def sweeper() -> None:
        jobs.sweep()
        connection.close()

    sweepers = [Thread(target=sweeper) for _ in range(4)]
    for one in sweepers:
        one.start()
    for one in sweepers:
        one.join()

    assert list(Notice.objects.values_list("event", flat=True)) == ["run.died"]


@pytest.mark.django_db(transaction=True)
def test_a_hanging_receiver_holds_up_one_worker_only(receiver: Receiver) -> None:
    receiver.answers = ["hang"]
    finished()
    finished()

    def teller() -> None:
        deliver_due()
        connection.close()

    hanging = Thread(target=teller)
    hanging.start()
    wait_for(lambda: receiver.asked == 1)
    wait_for(locks.TELLER.is_held)
    with seconds(1):
        assert tasks.tell() is False
    assert receiver.asked == 1
    receiver.gone.set()
    hanging.join()

    assert sorted(Notice.objects.values_list("code", flat=True)) == ["", "connection"]


@pytest.fixture
def surroundings(database_url: str, receiver: Receiver) -> dict[str, str]:
    return environment(
        DATABASE_URL=database_url, NOTIFY_WEBHOOK_URL=receiver.url, NOTIFY_WEBHOOK_SECRET=SECRET
    )


@pytest.mark.django_db(transaction=True)
def test_a_worker_tells_what_was_committed_before_a_kill_also_when_it_is_killed_over_it(
    surroundings: dict[str, str], receiver: Receiver
) -> None:
    receiver.answers = ["hang", 200]
    finished()  # committed, and its process is gone: only the outbox knows

    with started("qcluster", env=surroundings) as dying:
        wait_for(lambda: receiver.asked == 1)
        kill_group(dying)
    wait_for(lambda: not locks.TELLER.is_held())
    time_passes()
    deliver_due()  # as the next worker does

    assert told().state == State.DELIVERED
    assert [one["attempt"] for one in receiver.told()] == [1, 2]
    assert len({one["id"] for one in receiver.told()}) == 1
    assert receiver.are_signed()
