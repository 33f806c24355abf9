"""Whether mail would go out, and whether somebody works in the background."""

from datetime import timedelta
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult
from django.utils import timezone
from django_q.conf import Conf

from customers.backfill.ledger import life
from customers.backfill.notices.delivering import deliver_due
from customers.backfill.preflight.mail import MAIL
from customers.models import WorkerBeat
from customers.workers import beat
from tests.customers.backfill.preflight.looking import is_ok, is_stop, is_warning, look, states
from tests.customers.imported_runs import make_run
from tests.customers.mail import email_worker
from tests.customers.mail.operators_words import TEXT, Words
from tests.support.receiver import Receiver
from tests.support.redis_server import RedisServer
from tests.support.smtp_server import Inbox, MailServer

pytestmark = pytest.mark.django_db
BACKENDS = "django.core.mail.backends"


def test_a_post_office_in_order_is_well(inbox: Inbox) -> None:
    beat()

    found = look(MAIL)

    assert states(found) == {"variables": "ok", "server": "ok", "told when it is over": "ok", "worker": "ok"}
    assert is_ok(found["variables"], "from example.com")


def test_no_mail_is_sent(inbox: Inbox) -> None:
    look(MAIL)

    assert inbox.connections == 1
    assert inbox.received == []


def test_what_is_not_set_is_named(settings: Any) -> None:
    settings.EMAIL_FROM = ""
    settings.EMAIL_BACKEND = f"{BACKENDS}.dummy.EmailBackend"

    found = look(MAIL)

    assert is_warning(found["variables"], "EMAIL_FROM is not set", "Neither EMAIL_URL nor")
    assert "server" not in found


def test_mail_that_only_a_terminal_shows_is_a_warning(settings: Any) -> None:
    settings.EMAIL_BACKEND = f"{BACKENDS}.console.EmailBackend"

    assert is_warning(look(MAIL)["server"], "goes nowhere", "EMAIL_URL")


def test_a_server_that_is_gone_stops_the_night(inbox: Inbox, settings: Any) -> None:
    settings.EMAIL_PORT = 1

    assert is_stop(look(MAIL)["server"], "smtp_unreachable", "Check host and port")


def test_a_login_that_is_refused_stops_the_night(inbox: Inbox, settings: Any) -> None:
    def refuse(*_: object) -> AuthResult:
        return AuthResult(success=False, handled=False)

    with MailServer(authenticator=refuse, auth_require_tls=False) as server:
        settings.EMAIL_PORT = server.port
        settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "someone", "s3cret"

        found = look(MAIL)["server"]

    assert is_stop(found, "smtp_login_refused_535", "Check user and password")
    assert "s3cret" not in f"{found}"


def test_the_platforms_email_worker_is_knocked_at(settings: Any) -> None:
    settings.EMAIL_BACKEND = "customers.mail.worker.EmailBackend"
    with email_worker.running() as worker:
        settings.CF_EMAIL_WORKER_URL = worker.url
        answering = look(MAIL)["server"]
    gone = look(MAIL)["server"]

    assert is_ok(answering, "the email worker answers")
    assert worker.taken == []
    assert is_stop(gone, "worker_unreachable", "CF_EMAIL_WORKER_URL")


def test_a_worker_that_was_never_there_or_is_gone_is_a_warning(inbox: Inbox) -> None:
    never = look(MAIL)["worker"]
    beat()
    WorkerBeat.objects.update(seen_at=timezone.now() - timedelta(minutes=5))

    assert is_warning(never, "never seen", "manage.py qcluster")
    assert is_warning(look(MAIL)["worker"], "last seen 20", "manage.py qcluster")


def test_a_queue_that_is_not_there_stops_the_night(
    inbox: Inbox, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Conf, "BROKER_CLASS", "customers.patient_redis.PatientRedis")
    settings.Q_BROKER_URL = "redis://:s3cret@127.0.0.1:1/0"

    found = look(MAIL)["queue"]

    assert is_stop(found, "Q_BROKER_URL does not answer")
    assert "s3cret" not in f"{found}"


def test_a_queue_that_answers_is_well(inbox: Inbox, queue: RedisServer) -> None:
    assert is_ok(look(MAIL)["queue"])


def test_who_is_told_when_it_is_over_is_said_and_nobody_is_told_by_that(
    inbox: Inbox, receiver: Receiver
) -> None:
    found = look(MAIL)["told when it is over"]

    assert found.found == "mail to whoever started it in the console and the webhook at 127.0.0.1"
    assert receiver.asked == 0


def test_a_webhook_that_did_not_take_something_is_a_warning(receiver: Receiver) -> None:
    receiver.answers = [404]
    run = make_run(status="running")
    life.finish(run, "succeeded", actor="cli:test")
    deliver_due()

    found = look(MAIL)["told when it is over"]

    assert is_warning(found, f"run.finished of {run.run_id}: it answers 404. Check the path", "Try again")


def test_without_mail_and_webhook_nobody_is_told_and_that_is_said(settings: Any) -> None:
    settings.EMAIL_FROM = ""

    assert look(MAIL)["told when it is over"].found.startswith("nobody")


def test_the_operators_own_words_are_looked_at(inbox: Inbox, words: Words) -> None:
    words["welcome.de.txt"] = TEXT
    right = look(MAIL)["templates"]
    words["welcome.txt"] = "\n{{ nothing }}"

    assert is_ok(right, "welcome.de.txt")
    assert is_stop(look(MAIL)["templates"], "welcome.txt, line 2: there is no variable nothing")
