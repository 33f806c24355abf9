"""The contract of the platform's email worker, against a server that checks it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.core.mail import EmailMessage, get_connection
from pytest_django.fixtures import Settings

from customers.backfill.ledger import life
from customers.backfill.notices.delivering import deliver_due
from customers.backfill.notices.events import ALL, Told, job_refused
from customers.backfill.notices.problems import remedy_of
from customers.backfill.welcome import Ended, send_campaign, start_campaign, status
from customers.mail.envelope import CustomerMail
from customers.mail.errors import DeliveryError, Kind
from customers.mail.messages import notice_message, sign_in_message, welcome_message
from customers.models import Notice
from tests.customers.admin.world import member_of_staff
from tests.customers.imported_runs import make_run
from tests.customers.mail.email_worker import SECRET, EmailWorker, running


@pytest.fixture
def email_worker(settings: Settings) -> Iterator[EmailWorker]:
    settings.EMAIL_BACKEND = "customers.mail.worker.EmailBackend"
    settings.CF_EMAIL_WORKER_SECRET = SECRET
    settings.EMAIL_FROM = "Acme <noreply@acme.example>"
    settings.OPERATOR_CONTACT_EMAIL = "help@acme.example"
    settings.CUSTOMER_BASE_URL = "https://my.acme.example"
    with running() as worker:
        settings.CF_EMAIL_WORKER_URL = worker.url
        yield worker


def mail(email: str = "erika@example.com") -> CustomerMail:
    ttl = timedelta(hours=24)
    return welcome_message(email, "Érika", "https://my.acme.example/x", datetime.now(UTC) + ttl, ttl, "<1@x>")


def send(*mails: EmailMessage) -> int:
    return get_connection().send_messages(mails)


def test_a_mail_is_taken_whole(email_worker: EmailWorker) -> None:
    sent = send(mail())

    assert sent == 1
    document = email_worker.taken[0]
    assert document["to"] == "erika@example.com"
    assert document["from"] == "Acme <noreply@acme.example>"
    assert document["replyTo"] == "help@acme.example"
    assert document["category"] == "welcome"
    assert document["headers"]["Message-ID"] == "<1@x>"
    assert "Érika" in document["html"]
    assert "Érika" in document["text"]
    assert len(document["nonce"]) == 22


def test_a_sign_in_mail_has_its_own_category(email_worker: EmailWorker) -> None:
    send(
        sign_in_message("erika@example.com", "", "https://my.acme.example/x", timedelta(minutes=15), "<1@x>")
    )

    assert email_worker.taken[0]["category"] == "magic-link"


def test_each_try_has_a_fresh_nonce_and_time(email_worker: EmailWorker) -> None:
    same = mail()

    send(same)
    send(same)

    first, second = email_worker.taken
    assert first["nonce"] != second["nonce"]
    assert first["ts"] < second["ts"]


def test_a_wrong_secret_breaks_all_alike(email_worker: EmailWorker, settings: Settings) -> None:
    settings.CF_EMAIL_WORKER_SECRET = "another"

    with pytest.raises(DeliveryError) as caught:
        send(mail())

    assert (caught.value.kind, caught.value.code) == (Kind.BROKEN, "worker_refused_401")
    assert email_worker.refused == ["signature"]


def test_a_clock_that_is_wrong_is_refused(email_worker: EmailWorker) -> None:
    email_worker.clock_ahead_ms = 6 * 60 * 1000

    with pytest.raises(DeliveryError) as caught:
        send(mail())

    assert caught.value.kind is Kind.BROKEN
    assert email_worker.refused == ["time"]


@pytest.mark.parametrize(
    ("answer", "kind", "alike"),
    [
        (400, Kind.REFUSED, False),
        (401, Kind.BROKEN, True),
        (403, Kind.BROKEN, True),
        (302, Kind.BROKEN, True),
        (503, Kind.AWAY, False),
        (429, Kind.DEFERRED, False),
        (500, Kind.UNKNOWN, True),
        (502, Kind.UNKNOWN, True),
    ],
)
def test_each_answer_says_what_may_be_done_next(
    answer: int, kind: Kind, alike: bool, email_worker: EmailWorker
) -> None:
    email_worker.answer = answer

    with pytest.raises(DeliveryError) as caught:
        send(mail())

    assert (caught.value.kind, caught.value.all_alike) == (kind, alike)
    assert "erika" not in str(caught.value)


def test_an_answer_that_is_lost_is_unknown_and_not_tried_again(email_worker: EmailWorker) -> None:
    email_worker.hang_up = True

    with pytest.raises(DeliveryError) as caught:
        send(mail())

    assert (caught.value.kind, caught.value.code) == (Kind.UNKNOWN, "worker_no_answer")


def test_a_worker_that_is_not_there_has_surely_not_taken_it(
    email_worker: EmailWorker, settings: Settings
) -> None:
    settings.CF_EMAIL_WORKER_URL = "http://127.0.0.1:1"

    with pytest.raises(DeliveryError) as caught:
        send(mail())

    assert (caught.value.kind, caught.value.code) == (Kind.BROKEN, "worker_unreachable")


def test_mail_without_a_category_is_a_mistake_of_ours(email_worker: EmailWorker) -> None:
    with pytest.raises(TypeError, match="category"):
        send(EmailMessage("Hello", "you", to=["erika@example.com"]))


# --- A campaign over it ------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_campaign_goes_out_over_the_worker(email_worker: EmailWorker) -> None:
    campaign = start_campaign(make_run(3), "cli:test", enqueue=False).campaign
    assert campaign is not None

    ended = send_campaign(campaign.pk)

    assert ended is Ended.DONE
    assert len(email_worker.taken) == 3


@pytest.mark.django_db
def test_a_recipient_over_the_limit_waits_and_holds_nobody_up(email_worker: EmailWorker) -> None:
    run = make_run(2)
    campaign = start_campaign(run, "cli:test", enqueue=False).campaign
    assert campaign is not None
    limited = campaign.mails.select_related("user").first()
    assert limited is not None
    assert limited.user is not None
    for _ in range(5):
        send(mail(limited.user.email))

    ended = send_campaign(campaign.pk)

    limited.refresh_from_db()
    assert ended is Ended.WAITING
    assert (limited.state, limited.code, limited.deferrals) == ("queued", "worker_rate_limited", 1)
    assert limited.not_before is not None
    assert limited.not_before > datetime.now(UTC) + timedelta(minutes=9)
    assert status(campaign).counts["sent"] == 1


@pytest.mark.parametrize("one", [*ALL, job_refused("test session")], ids=lambda one: one.name)
def test_a_notice_to_staff_goes_as_a_kind_that_the_worker_knows(email_worker: EmailWorker, one: Told) -> None:
    told = {"run_id": "20261122-170501-7f3a", "organization": "Acme", "reason": "", "counts": {"created": 3}}

    send(notice_message("sam@operator.example", one.words, told, "<2@x>"))

    document = email_worker.taken[0]
    assert (document["category"], document["to"]) == ("welcome", "sam@operator.example")
    assert "3 created" in document["text"]


@pytest.mark.django_db
def test_notices_leave_somebody_s_password_and_links_alone_and_wait_as_long_as_the_worker_counts(
    email_worker: EmailWorker,
) -> None:
    sam = member_of_staff()
    for _ in range(6):
        run = make_run(1, status="running", actor=f"staff:{sam.pk}")
        life.finish(run, "succeeded", actor=run.actor)

    deliver_due()

    (late,) = Notice.objects.waiting()
    assert {document["category"] for document in email_worker.taken} == {"welcome"}
    assert (len(email_worker.taken), late.code) == (5, "worker_rate_limited")
    assert late.next_try_at > datetime.now(UTC) + timedelta(minutes=9)
    assert "too many mails to one recipient." in remedy_of(late.code)
