"""The page of a run says who was told of it, and has what was not told tried again."""

import pytest
from django.test import Client

from customers.backfill.ledger import life
from customers.backfill.notices.delivering import deliver_due
from customers.backfill.notices.problems import remedy_of
from customers.mail.words import BY_ITSELF, known_codes, words_for
from customers.models import BackfillRun, Notice
from tests.customers.admin.world import (
    audited,
    client_of,
    followed,
    member_of_staff,
    run_url,
    said,
    stamp_of,
    words_of,
)
from tests.customers.imported_runs import make_run
from tests.support.receiver import Receiver
from tests.support.smtp_server import Inbox

pytestmark = pytest.mark.django_db
PREFLIGHT = "/admin/customers/backfillrun/preflight/"


@pytest.fixture
def client() -> Client:
    return client_of(member_of_staff("run_backfill"))


def finished(actor: str = "cli:test") -> BackfillRun:
    run = make_run(1, status="running", actor=actor)
    life.finish(run, "succeeded", actor=actor)
    return run


def again_url(run: BackfillRun) -> str:
    return f"/admin/customers/backfillrun/{run.pk}/told/{Notice.objects.get().pk}/again/"


def test_a_run_of_which_nobody_was_told_has_no_such_part(client: Client) -> None:
    assert "Told" not in words_of(client.get(run_url(finished())))


def test_the_page_names_whom_it_told(client: Client, inbox: Inbox, receiver: Receiver) -> None:
    run = finished(actor=f"staff:{member_of_staff(email='a@operator.example').pk}")
    deliver_due()

    words = words_of(client.get(run_url(run)))

    assert "Import finished , by mail to Sam Staff: delivered on " in words
    assert "Import finished , to the webhook: delivered on " in words
    assert "Try again" not in words


def test_the_page_waits_for_the_first_try_and_shows_what_came_of_it(
    client: Client, receiver: Receiver
) -> None:
    run = finished()
    before = followed(client, run)
    assert "to the webhook: waiting for the worker" in words_of(before)
    stamp = stamp_of(before)
    assert stamp

    deliver_due()

    assert "to the webhook: delivered on" in words_of(followed(client, run, seen=stamp))


def test_what_fails_says_why_and_can_be_tried_again(client: Client, receiver: Receiver) -> None:
    receiver.answers = [500, 200]
    run = finished()
    deliver_due()
    words = words_of(client.get(run_url(run)))
    assert "fails since" in words
    assert "it answers 500. Look at the receiver's log. Next try after" in words

    told = said(client, client.post(again_url(run)))
    deliver_due()

    assert told == ["It is tried again by the worker."]
    assert receiver.asked == 2
    assert said(client, client.post(again_url(run))) == ["It has been told, or is being told at this moment."]
    assert len(audited("notice.tried_again")) == 1


def test_a_mail_that_fails_says_why_as_a_campaign_does(client: Client, inbox: Inbox) -> None:
    inbox.refuse_all = "452 4.2.2 mailbox full"
    run = finished(actor=f"staff:{member_of_staff(email='a@operator.example').pk}")

    deliver_due()

    words = words_of(client.get(run_url(run)))
    assert words_for(Notice.objects.get().code).cause in words
    assert "smtp_" not in words


@pytest.mark.parametrize("code", known_codes())
def test_no_bare_code_of_a_mail_is_shown_and_nothing_that_is_not_so(code: str) -> None:
    told = remedy_of(code)

    assert told.startswith(f"{words_for(code).cause}.")
    assert (BY_ITSELF in told, "before you send it again" in told) == (False, False)


def test_who_may_only_see_has_no_button(receiver: Receiver) -> None:
    receiver.answers = [410]
    run = finished()
    deliver_due()

    words = words_of(client_of(member_of_staff("view_backfillrun")).get(run_url(run)))

    assert "given up after 1 try: it answers 410" in words
    assert "Try again" not in words


def test_another_run_s_notice_is_not_found(client: Client, receiver: Receiver) -> None:
    url, other = again_url(finished()), make_run()

    answer = client.post(url.replace(url.split("/")[4], str(other.pk), 1))

    assert answer.status_code == 404


def test_the_webhook_is_told_of_a_test(client: Client, receiver: Receiver) -> None:
    assert "Send a test to the webhook" in words_of(client.get(PREFLIGHT))

    told = said(client, client.post(f"{PREFLIGHT}webhook/test/"))

    assert told == ["The webhook at 127.0.0.1 took the test."]
    assert receiver.events == ["test"]
    assert receiver.are_signed()


def test_a_test_that_fails_says_why(client: Client, receiver: Receiver) -> None:
    receiver.answers = [302]

    (told,) = said(client, client.post(f"{PREFLIGHT}webhook/test/"))

    assert told.startswith("The webhook did not take the test: it redirects (302), which is not followed.")


def test_without_a_webhook_there_is_no_button(client: Client) -> None:
    assert "Send a test" not in words_of(client.get(PREFLIGHT))
