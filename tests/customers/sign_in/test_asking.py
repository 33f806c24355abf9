"""Asking for a link: the same for everybody, and not too often."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ
from pytest_django.fixtures import Settings

from auditlog.models import AuditEntry
from customers.models import ThrottleMark, User
from customers.sign_in import throttle
from customers.sign_in.asking import PER_ADDRESS, PER_CLIENT, ask, send_link
from tests.customers.imported_runs import make_customer
from tests.customers.mail.operators_words import Words
from tests.support.smtp_server import Inbox

pytestmark = pytest.mark.django_db
CLIENT = "192.0.2.7"


def jobs() -> list[object]:
    return [queued.task["args"] for queued in OrmQ.objects.all()]


def test_a_customer_is_handed_to_the_worker_whatever_the_case(django_capture_on_commit_callbacks) -> None:  # type: ignore[no-untyped-def]
    user = make_customer("Erika@Example.com")

    with django_capture_on_commit_callbacks(execute=True):
        taken = ask("eRIKA@example.COM", CLIENT)

    assert taken
    assert jobs() == [(user.pk,)]


@pytest.mark.parametrize("kind", ["unknown", "staff", "inactive"])
def test_whoever_gets_no_mail_costs_the_same_work(  # type: ignore[no-untyped-def]
    kind: str, django_capture_on_commit_callbacks, django_assert_num_queries
) -> None:
    if kind == "staff":
        User.objects.create_superuser("erika@example.com", "a long password")
    if kind == "inactive":
        make_customer(is_active=False)

    with django_assert_num_queries(12), django_capture_on_commit_callbacks(execute=True):
        taken = ask("erika@example.com", CLIENT)

    assert taken
    assert jobs() == [(None,)]


def test_a_customer_costs_exactly_that_work_too(  # type: ignore[no-untyped-def]
    django_capture_on_commit_callbacks, django_assert_num_queries
) -> None:
    make_customer("erika@example.com")

    with django_assert_num_queries(12), django_capture_on_commit_callbacks(execute=True):
        ask("erika@example.com", CLIENT)


def test_staff_who_come_to_the_wrong_door_are_audited() -> None:
    User.objects.create_superuser("staff@example.com", "a long password")

    ask("staff@example.com", CLIENT)

    entry = AuditEntry.objects.get()
    assert entry.action == "sign_in.attempted_by_staff"
    assert "staff@example.com" not in str(AuditEntry.objects.values())


def test_requests_of_one_address_can_be_told_apart_from_others_without_knowing_it() -> None:
    ask("erika@example.com", CLIENT)
    ask(" ERIKA@example.com", CLIENT)
    ask("max@example.com", CLIENT)

    subjects = list(AuditEntry.objects.order_by("id").values_list("subject", flat=True))
    assert subjects[0] == subjects[1] != subjects[2]


def test_an_address_is_asked_for_a_few_times_only_wherever_from() -> None:
    taken = [ask("erika@example.com", f"192.0.2.{number}") for number in range(PER_ADDRESS + 2)]

    assert taken == [True] * PER_ADDRESS + [False, False]
    assert ask("max@example.com", CLIENT)
    assert AuditEntry.objects.filter(action="sign_in.throttled").count() == 1


def test_a_client_cannot_go_through_many_addresses() -> None:
    taken = [ask(f"somebody-{number}@example.com", CLIENT) for number in range(PER_CLIENT + 1)]

    assert taken == [True] * PER_CLIENT + [False]
    assert ask("somebody@example.com", "192.0.2.8")


def test_after_the_window_one_may_ask_again_and_the_marks_are_forgotten() -> None:
    for _ in range(PER_ADDRESS):
        ask("erika@example.com", CLIENT)
    ThrottleMark.objects.update(at=timezone.now() - throttle.WINDOW - timedelta(seconds=1))

    assert ask("erika@example.com", CLIENT)


def test_marks_are_forgotten_once_no_limit_looks_at_them(settings: Settings) -> None:
    ask("erika@example.com", CLIENT)
    ThrottleMark.objects.update(at=timezone.now() - settings.AXES_COOLOFF_TIME - timedelta(seconds=1))
    ask("max@example.com", CLIENT)

    assert throttle.forget_old_marks() == 2
    assert ThrottleMark.objects.count() == 2


def test_clients_that_cannot_be_told_apart_share_no_limit() -> None:
    taken = [ask(f"somebody-{number}@example.com", None) for number in range(PER_CLIENT + 1)]

    assert all(taken)


@pytest.mark.django_db(transaction=True)
def test_many_at_once_do_not_get_past_the_limit() -> None:
    gate, taken = threading.Barrier(8), []

    def take() -> None:
        try:
            gate.wait()
            taken.append(throttle.take({"address:x": 3}) is None)
        finally:
            connection.close()

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(taken) == 3


# --- What the worker does with it ------------------------------------------------------------------


def test_the_worker_sends_a_link_that_works(inbox: Inbox) -> None:
    user = make_customer()

    happened = send_link(user.pk)

    assert happened == "sent"
    mail = inbox.received[0]
    assert mail.to == user.email
    assert mail.link.startswith("http://localhost:8000/sign-in/link/")
    assert AuditEntry.objects.get().action == "sign_in.sent"


def test_the_worker_sends_nothing_for_nobody(inbox: Inbox) -> None:
    staff = User.objects.create_superuser("staff@example.com", "a long password")
    inactive = make_customer(is_active=False)

    assert [send_link(pk) for pk in (None, staff.pk, inactive.pk, 987654)] == ["nobody"] * 4
    assert not inbox.received


def test_a_mail_that_is_not_taken_is_audited_by_its_code(inbox: Inbox) -> None:
    user = make_customer()
    inbox.refuse_recipients[user.email] = f"550 no such user {user.email}"

    happened = send_link(user.pk)

    entry = AuditEntry.objects.get()
    assert happened == "smtp_recipient_refused_550"
    assert (entry.action, entry.data) == ("sign_in.not_sent", {"code": "smtp_recipient_refused_550"})


def test_words_of_an_operator_that_cannot_be_used_keep_nobody_from_signing_in(
    inbox: Inbox, words: Words, caplog: pytest.LogCaptureFixture
) -> None:
    words["magic-link.txt"] = "{{ nothing }}"
    user = make_customer()

    happened = send_link(user.pk)

    assert happened == "sent"
    assert "Here is your link" in inbox.received[0].part("plain")
    assert "magic-link.txt, line 1: there is no variable nothing" in caplog.text
    assert user.email not in caplog.text
