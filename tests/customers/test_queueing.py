"""The queue is a Redis, and it is away: what is said, and that nothing is lost."""

import json
import logging
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django_q.brokers import get_broker
from redis.exceptions import RedisError

from customers import patient_redis, queueing, tasks, workers
from customers.jobs import ask
from customers.models import BackfillRun, RunJob, ThrottleMark, WelcomeCampaign
from customers.queueing import QueueAway
from rehearsal.lago import Sandbox
from tests.customers.admin.world import (
    EVERYTHING,
    client_of,
    confirm,
    customers_csv,
    member_of_staff,
    preview_of,
    run_url,
    said,
    words_of,
)
from tests.customers.imported_runs import make_customer, make_run
from tests.customers.management.test_backfill_welcome import welcome
from tests.support.redis_server import PASSWORD, RedisServer
from tests.support.smtp_server import Inbox, MailServer

pytestmark = pytest.mark.django_db(transaction=True)

AWAY = "does not answer. It goes on by itself when the queue is back."


@pytest.fixture
def client(lago: Sandbox) -> Client:
    return client_of(member_of_staff(*EVERYTHING))


@pytest.fixture
def inbox(settings: Any) -> Iterator[Inbox]:
    with MailServer() as server:
        settings.EMAIL_BACKEND = "customers.mail.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        settings.EMAIL_FROM, settings.CUSTOMER_BASE_URL = "noreply@example.com", "http://localhost:8000"
        yield server.inbox


# --- the console -------------------------------------------------------------------------------------


def test_an_import_that_is_confirmed_is_queued_and_the_page_says_what_it_waits_for(
    client: Client, queue: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    upload = preview_of(client, customers_csv(3))
    queue.kill()

    answer = confirm(client, upload)

    run = BackfillRun.objects.get()
    assert answer.status_code == 302
    assert run.status == "queued"
    assert said(client, answer) == [f"Run {run.run_id} is queued. This page follows it."]
    workers.beat()
    page = words_of(client.get(run_url(run)))
    assert f"The queue ( Q_BROKER_URL ) {AWAY}" in page
    assert "No worker is running" not in page
    logged = [record.getMessage() for record in caplog.records if record.name == "customers.queueing"]
    assert logged == [
        "The queue (Q_BROKER_URL) does not answer: ConnectionError."
        " customers.tasks.import_run waits for the sweep."
    ]


def test_a_page_says_nothing_of_a_queue_that_is_there(client: Client, queue: RedisServer) -> None:
    confirm(client, preview_of(client, customers_csv(3)))

    assert "Q_BROKER_URL" not in words_of(client.get(run_url(BackfillRun.objects.get())))
    assert queue.waiting() == 1


@pytest.mark.parametrize(("path", "page"), [("reconcile", "reconcile"), ("revert_look", "revert")])
def test_a_job_on_a_run_is_queued_and_its_page_says_so(
    client: Client, queue: RedisServer, path: str, page: str
) -> None:
    run = make_run(1)
    queue.kill()

    answer = client.post(run_url(run, path))

    assert answer.status_code == 302
    assert RunJob.objects.get().status == "queued"
    assert AWAY in words_of(client.get(run_url(run, page)))
    assert AWAY in words_of(client.get(run_url(run)))


def test_mails_are_queued_and_their_page_says_so(client: Client, queue: RedisServer, inbox: Inbox) -> None:
    run = make_run(1)
    queue.kill()

    answer = client.post(run_url(run, "welcome"), {"batch_size": "50", "delay_ms": "0"})

    assert answer.status_code == 302
    assert WelcomeCampaign.objects.get().status == "running"
    assert AWAY in words_of(client.get(run_url(run, "welcome")))


def test_the_sweep_queues_again_what_was_asked_for_while_the_queue_was_away(
    client: Client, queue: RedisServer, inbox: Inbox
) -> None:
    upload, run = preview_of(client, customers_csv(3)), make_run(1)
    queue.kill()
    confirm(client, upload)
    ask(run, RunJob.Kind.RECONCILE, "staff:1")
    client.post(run_url(run, "welcome"), {"batch_size": "50", "delay_ms": "0"})

    queue.start()
    woken = tasks.sweep()

    assert woken == queue.waiting() == 3


def test_it_is_known_whether_something_waits_in_the_queue(queue: RedisServer) -> None:
    empty = queueing.is_empty()
    queueing.wake(queueing.SWEEP)
    waits = queueing.is_empty()
    queue.kill()

    assert (empty, waits, queueing.is_empty()) == (True, False, False)


def test_a_worker_that_finds_its_queue_again_sweeps_at_once_and_logs_each_turn_once(
    queue: RedisServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(patient_redis, "PAUSE_S", 0)
    broker = get_broker()
    queue.kill()

    away = [broker.dequeue() for _ in range(3)]
    queue.start()
    broker.dequeue()

    assert away == [None, None, None]
    assert queue.waiting() == 1
    assert [record.getMessage() for record in caplog.records if record.name == "customers.patient_redis"] == [
        "The queue (Q_BROKER_URL) does not answer: ConnectionError",
        "The queue (Q_BROKER_URL) answers again.",
    ]


# --- the command -------------------------------------------------------------------------------------


def test_the_command_queues_the_mails_says_when_they_begin_and_ends_with_1(
    queue: RedisServer, inbox: Inbox, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(2)
    workers.beat()
    queue.kill()

    code = welcome("--run-id", run.run_id)

    told = capsys.readouterr()
    assert code == 1
    assert "The mails are queued, but the queue (Q_BROKER_URL) does not answer." in told.err
    assert "2 queued" in told.out
    assert PASSWORD not in told.err + told.out
    assert WelcomeCampaign.objects.get().status == "running"


def test_the_command_as_json_is_one_document_then_too(
    queue: RedisServer, inbox: Inbox, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(2)
    workers.beat()
    queue.kill()

    code = welcome("--run-id", run.run_id, "--format", "json")

    assert (code, json.loads(capsys.readouterr().out)["counts"]["queued"]) == (1, 2)


def test_mails_that_are_sent_from_here_need_no_queue(queue: RedisServer, inbox: Inbox) -> None:
    run = make_run(2)
    queue.kill()

    code = welcome("--run-id", run.run_id, "--inline", "--delay-ms", "0")

    assert (code, len(inbox.received)) == (0, 2)


# --- customers ---------------------------------------------------------------------------------------


def ask_for_link(email: str) -> tuple[int, str]:
    answer = Client().post("/sign-in/", {"email": email})
    return answer.status_code, words_of(answer)


def test_a_customer_is_told_to_try_again_and_a_stranger_hears_the_same(queue: RedisServer) -> None:
    make_customer("erika@example.com")
    queue.kill()

    known, unknown = ask_for_link("erika@example.com"), ask_for_link("nobody@example.com")

    assert known == unknown
    assert known[0] == 503
    assert "Please try again in a moment." in known[1]


def test_a_try_that_came_to_nothing_is_not_counted_against_the_address(queue: RedisServer) -> None:
    make_customer("erika@example.com")
    queue.kill()
    away = {ask_for_link("erika@example.com")[0] for _ in range(7)}

    queue.start()
    back = ask_for_link("erika@example.com")[0]

    assert (away, back) == ({503}, 302)
    assert ThrottleMark.objects.filter(bucket__startswith="client:").count() == 8
    assert queue.waiting() == 1


# --- who asks whether it is there --------------------------------------------------------------------


def test_ready_means_the_broker_too(client: Client, queue: RedisServer) -> None:
    workers.beat()
    there = client.get("/readyz")
    queue.kill()
    away = client.get("/readyz")

    assert (there.status_code, there.json()["missing"]) == (200, [])
    assert (away.status_code, away.json()["missing"]) == (503, ["broker"])


def test_a_refusal_names_neither_address_nor_password(queue: RedisServer) -> None:
    queue.kill()

    with pytest.raises(QueueAway) as refusal:
        queueing.push("customers.tasks.sweep")

    assert str(refusal.value) == "ConnectionError"
    assert refusal.value.__cause__ is None


def test_a_queue_that_refuses_the_password_is_away(queue: RedisServer, settings: Any) -> None:
    settings.Q_BROKER_URL = queue.url.replace(PASSWORD, "wrong")

    assert not queueing.answers()
    assert not queueing.wake("customers.tasks.sweep")


def test_a_queue_that_hangs_is_away(
    queue: RedisServer, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patient_redis, "TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.Q_BROKER_URL = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"

        assert not queueing.answers()


def test_the_log_of_the_queue_names_what_is_away_in_one_line(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = logging.getLogger("django-q")
    monkeypatch.setattr(log, "propagate", True)

    log.error("Could not create task", exc_info=RedisError("redis://:hunter2@queue"))
    log.error("Could not create task", exc_info=ValueError("a bug"))

    away, bug = caplog.records[-2:]

    assert (away.getMessage(), away.exc_info) == ("Could not create task: RedisError", None)
    assert bug.exc_info is not None


def test_the_database_as_the_queue_is_always_there() -> None:
    assert queueing.answers()
    assert queueing.wake("customers.tasks.sweep")
