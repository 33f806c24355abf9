"""A mail to oneself, and the mail as customers see it, before anybody is invited."""

import pytest
from django.test import Client

from customers.models import BackfillRun, WelcomeCampaign, WelcomeMail
from tests.customers.admin.world import EVERYTHING, client_of, member_of_staff, run_url, words_of
from tests.customers.imported_runs import make_run
from tests.customers.mail.operators_words import HTML, TEXT, Words
from tests.support.smtp_server import Inbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(inbox: Inbox) -> BackfillRun:
    return make_run(3)


@pytest.fixture
def client(run: BackfillRun) -> Client:
    return client_of(member_of_staff(*EVERYTHING, email="ada@acme.example"))


def test_the_button_sends_one_to_whoever_presses_it(client: Client, run: BackfillRun, inbox: Inbox) -> None:
    words = words_of(client.post(run_url(run, "welcome_try"), {"address": "x@acme.example"}, follow=True))

    assert "took one for you" in words
    assert inbox.recipients == {"ada@acme.example": 1}
    assert not WelcomeMail.objects.exists()


def test_each_language_can_be_seen_and_tried(client: Client, run: BackfillRun, inbox: Inbox) -> None:
    words = words_of(client.get(run_url(run, "welcome"), {"language": "fr"}))
    mail = client.get(run_url(run, "welcome_mail"), {"language": "fr"}).content.decode()
    tried = client.post(run_url(run, "welcome_try"), {"language": "fr"})

    assert "Bienvenue, Alex Example" in words
    assert "What it says" in words  # the console is English all the same
    assert '<html lang="fr">' in mail
    assert tried.headers["Location"].endswith("?language=fr#mail")
    assert [one.message["Content-Language"] for one in inbox.received] == ["fr"]


def test_a_language_that_we_do_not_have_is_the_operators(client: Client, run: BackfillRun) -> None:
    for language in ("xx", "../de", ""):
        assert (
            '<html lang="en">'
            in client.get(run_url(run, "welcome_mail"), {"language": language}).content.decode()
        )


def test_a_refusal_is_said_in_words(client: Client, run: BackfillRun, inbox: Inbox) -> None:
    inbox.refuse_all = "553 5.7.1 not yours"

    words = words_of(client.post(run_url(run, "welcome_try"), follow=True))

    assert "No mail was sent to you. smtp_sender_refused_553" in words


def test_the_mail_is_shown_with_nothing_that_runs_or_loads(client: Client, run: BackfillRun) -> None:
    response = client.get(run_url(run, "welcome_mail"))

    assert "Welcome, Alex Example" in response.content.decode()
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert "sandbox" in response.headers["Content-Security-Policy"]


def test_a_sender_that_is_none_is_said_before_anybody_tries(
    client: Client, run: BackfillRun, settings: pytest.FixtureRequest
) -> None:
    settings.EMAIL_FROM = "Ladestrom, Nord <post@acme.example>"  # type: ignore[attr-defined]

    words = words_of(client.get(run_url(run, "welcome")))

    assert "EMAIL_FROM has a name with a special character" in words
    assert "Send one to me" not in words


# --- In an operator's own words ------------------------------------------------------------------------


def test_their_own_words_are_shown_as_customers_get_them(
    client: Client, run: BackfillRun, words: Words
) -> None:
    words["welcome.html"], words["welcome.txt"], words["welcome-subject.txt"] = HTML, TEXT, "Moin"

    page, mail = words_of(client.get(run_url(run, "welcome"))), client.get(run_url(run, "welcome_mail"))

    assert "Moin Alex Example" in page
    assert "Send 3 mails" in page
    assert mail.content.decode().startswith("<h1>Moin Alex Example</h1>")


def test_what_is_wrong_with_them_stands_before_the_button_and_nothing_begins(
    client: Client, run: BackfillRun, words: Words
) -> None:
    words["welcome.it.txt"] = "Ciao\n{{ nome }}"
    said = "MAIL_TEMPLATES_DIR, welcome.it.txt, line 2: there is no variable nome. Take one of:"

    page = words_of(client.get(run_url(run, "welcome")))
    client.post(run_url(run, "welcome"), {"batch_size": "50", "delay_ms": "0"})

    assert said in page
    assert "Send 3 mails" not in page
    assert not WelcomeCampaign.objects.exists()


def test_a_mail_that_cannot_be_shown_says_why(client: Client, run: BackfillRun, words: Words) -> None:
    words["welcome.html"] = "{{ nothing }}"

    page, mail = words_of(client.get(run_url(run, "welcome"))), client.get(run_url(run, "welcome_mail"))
    tried = words_of(client.post(run_url(run, "welcome_try"), follow=True))

    assert "there is no variable nothing" in page
    assert mail.status_code == 404
    assert "No mail was sent to you. MAIL_TEMPLATES_DIR, welcome.html, line 1" in tried
