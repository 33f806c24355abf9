"""A campaign over customers of several languages, against a real mail server and the platform's worker."""

from collections.abc import Iterator

import pytest
from django.conf import settings as configured
from django.utils.translation import get_language
from pytest_django.fixtures import Settings

from customers.backfill.welcome import Ended, send_campaign, start_campaign
from customers.models import BackfillRun, User, WelcomeCampaign
from customers.sign_in.asking import send_link
from tests.customers.imported_runs import customers_of, make_run
from tests.customers.mail.email_worker import SECRET, EmailWorker, running
from tests.customers.mail.operators_words import Words
from tests.support.smtp_server import Inbox, Received

pytestmark = pytest.mark.django_db

LOCALES = ("en", "de", "fr", "nl", "es", "it", "", "pl", "de-AT")
SUBJECTS = {
    "en": "Your Acme Charging account is ready",
    "de": "Ihr Konto bei Acme Charging ist bereit",
    "fr": "Votre compte Acme Charging est prêt",
    "nl": "Uw account bij Acme Charging staat klaar",
    "es": "Su cuenta en Acme Charging está lista",
    "it": "Il Suo account Acme Charging è pronto",
}
EXPECTED = [*SUBJECTS, "nl", "nl", "de"]  # MAIL_LANGUAGE is nl


@pytest.fixture
def run(settings: Settings) -> BackfillRun:
    settings.MAIL_LANGUAGE = "nl"
    run = make_run(len(LOCALES))
    for user, locale in zip(customers_of(run), LOCALES, strict=True):
        User.objects.filter(pk=user.pk).update(locale=locale)
    return run


@pytest.fixture
def email_worker(settings: Settings) -> Iterator[EmailWorker]:
    settings.EMAIL_BACKEND = "customers.mail.worker.EmailBackend"
    settings.CF_EMAIL_WORKER_SECRET = SECRET
    settings.EMAIL_FROM = "Acme <noreply@acme.example>"
    settings.OPERATOR_NAME = "Acme Charging"
    with running() as worker:
        settings.CF_EMAIL_WORKER_URL = worker.url
        yield worker


def queued(run: BackfillRun) -> WelcomeCampaign:
    campaign = start_campaign(run, "cli:test", delay_ms=1, enqueue=False).campaign
    assert campaign is not None
    return campaign


def by_address(mails: list[Received], run: BackfillRun) -> list[Received]:
    found = {mail.to: mail for mail in mails}
    return [found[user.email] for user in customers_of(run)]


def test_each_customer_gets_the_mail_in_their_language(run: BackfillRun, inbox: Inbox) -> None:
    assert send_campaign(queued(run).pk) is Ended.DONE

    mails = by_address(inbox.received, run)
    assert [mail.message["Content-Language"] for mail in mails] == EXPECTED
    assert [mail.message["Subject"] for mail in mails] == [SUBJECTS[language] for language in EXPECTED]
    for mail, language in zip(mails, EXPECTED, strict=True):
        assert f'<html lang="{language}">' in mail.part("html")
        assert mail.link in mail.part("html")
        assert mail.content.partition(b"\r\n\r\n")[0].isascii()  # headers are encoded
    assert get_language() == configured.LANGUAGE_CODE


def test_the_platforms_worker_takes_each_language(run: BackfillRun, email_worker: EmailWorker) -> None:
    assert send_campaign(queued(run).pk) is Ended.DONE

    taken = {one["to"]: one for one in email_worker.taken}
    told = [taken[user.email] for user in customers_of(run)]
    assert [one["subject"] for one in told] == [SUBJECTS[language] for language in EXPECTED]
    assert [one["headers"]["Content-Language"] for one in told] == EXPECTED


def test_the_language_is_the_one_of_the_moment(run: BackfillRun, inbox: Inbox) -> None:
    campaign = queued(run)
    User.objects.update(locale="it")  # on the customer's page, after the mails were queued

    send_campaign(campaign.pk)

    assert {mail.message["Content-Language"] for mail in inbox.received} == {"it"}


def test_a_mail_that_cannot_be_written_leaves_no_language_behind(
    run: BackfillRun, inbox: Inbox, settings: Settings
) -> None:
    campaign = queued(run)
    settings.EMAIL_FROM = "Ladestrom, Nord <post@acme.example>"

    assert send_campaign(campaign.pk) is Ended.PAUSED
    assert get_language() == configured.LANGUAGE_CODE


def test_a_link_that_a_customer_asks_for_comes_in_their_language(run: BackfillRun, inbox: Inbox) -> None:
    german = customers_of(run)[1]

    assert send_link(german.pk) == "sent"

    (mail,) = inbox.received
    assert mail.message["Subject"] == "Anmelden bei Acme Charging"
    assert "15 Minuten" in mail.part("plain")


def test_the_operators_own_words_are_of_their_language_only(
    run: BackfillRun, inbox: Inbox, words: Words
) -> None:
    words["welcome.de.txt"] = "Moin {{ display_name }}\n{{ link }}\n"

    send_campaign(queued(run).pk)

    mails = by_address(inbox.received, run)
    own = [mail.part("plain").startswith("Moin") for mail in mails]
    assert own == [language == "de" for language in EXPECTED]
