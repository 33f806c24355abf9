"""Mails in the language of each customer: whole, within limits, and with days as people there write them."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from django.conf import settings as configured
from django.utils.translation import get_language, override
from pytest_django.fixtures import Settings

from customers.mail.envelope import CustomerMail
from customers.mail.messages import notice_message, sign_in_message, welcome_message
from customers.phrases import day, in_words
from tests.support import catalogues

LINK = "https://my.acme.example/sign-in/link/12.abc/"
SIGN_IN = "https://my.acme.example/sign-in/"
EXPIRES = datetime(2026, 12, 1, 17, 5, tzinfo=UTC)

languages = pytest.mark.parametrize("language", configured.MAIL_LANGUAGES)


@pytest.fixture(autouse=True)
def operator(settings: Settings) -> None:
    settings.OPERATOR_NAME = "Acme Charging"
    settings.OPERATOR_CONTACT_EMAIL = "help@acme.example"
    settings.EMAIL_FROM = "noreply@acme.example"
    settings.CUSTOMER_BASE_URL = "https://my.acme.example"
    settings.BACKFILL_TIMEZONE = "Europe/Berlin"


def welcome(locale: str, blocked_until: date | None = None) -> CustomerMail:
    ttl = timedelta(hours=24)
    return welcome_message(
        "erika@example.com", "Erika & Co", LINK, EXPIRES, ttl, "<1@acme.example>",
        locale=locale, blocked_until=blocked_until,
    )  # fmt: skip


def sign_in(locale: str) -> CustomerMail:
    ttl = timedelta(minutes=15)
    return sign_in_message("erika@example.com", "Erika & Co", LINK, ttl, "<1@acme.example>", locale=locale)


def html_of(mail: CustomerMail) -> str:
    return str(mail.alternatives[0][0])


# --- What a mail is --------------------------------------------------------------------------------------


@languages
@pytest.mark.parametrize("write", [welcome, sign_in])
def test_a_mail_is_whole_in_each_language(write, language):  # type: ignore[no-untyped-def]
    mail = write(language)

    assert mail.message()["Content-Language"] == language
    assert f'<html lang="{language}">' in html_of(mail)
    assert "Erika & Co" in str(mail.body)
    assert "Erika &amp; Co" in html_of(mail)
    for part in (str(mail.body), html_of(mail)):
        assert all(needed in part for needed in (LINK, SIGN_IN, "Acme Charging", "help@acme.example"))


@languages
@pytest.mark.parametrize("write", [welcome, sign_in])
def test_the_limits_of_the_email_worker_are_kept_in_each_language(write, language, settings: Settings):  # type: ignore[no-untyped-def]
    html = html_of(write(language))
    (preheader,) = re.findall(r"overflow:hidden;\">(.*?)</div>", html)
    usual = write(language).subject
    settings.OPERATOR_NAME = "Stadtwerke " + "Musterstadt " * 5

    assert "Acme Charging" in usual
    assert 40 <= len(preheader) <= 110
    assert max(len(usual), len(write(language).subject)) <= 50
    assert all(
        url.startswith(("https://my.acme.example", "mailto:")) for url in re.findall(r'href="([^"]*)"', html)
    )


@pytest.mark.parametrize("language", configured.MAIL_LANGUAGES[1:])
@pytest.mark.parametrize("blocked_until", [None, date(2027, 3, 1)])
def test_nothing_of_the_original_is_left_in_a_translation(language, blocked_until):
    words = str(welcome(language, blocked_until).body) + str(sign_in(language).body)

    english = (re.sub(r"%\(.*?\)s", "", message.text) for message in catalogues.said())
    assert [text for text in english if len(text) > 12 and text in words] == []


# --- Days, hours and numbers -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "moment", "later"),
    [
        ("en", "1 December 2026, 18:05 CET (24 hours)", "15 May 2027"),
        ("de", "1. Dezember 2026, 18:05 Uhr CET (24 Stunden)", "15. Mai 2027"),
        ("fr", "1er décembre 2026 à 18:05 CET (24 heures)", "15 mai 2027"),
        ("nl", "1 december 2026 om 18:05 uur CET (24 uur)", "15 mei 2027"),
        ("es", "1 de diciembre de 2026 a las 18:05 CET (24 horas)", "15 de mayo de 2027"),
        ("it", "1º dicembre 2026 alle 18:05 CET (24 ore)", "15 maggio 2027"),
    ],
)
def test_days_are_written_as_people_there_write_them(language, moment, later):
    mail = welcome(language, date(2027, 5, 15))

    for part in (str(mail.body), html_of(mail)):
        assert moment in part
        assert later in part


@pytest.mark.parametrize(
    ("language", "minute", "hour", "days"),
    [
        ("en", "1 minute", "1 hour", "2 days"),
        ("de", "1 Minute", "1 Stunde", "2 Tage"),
        ("fr", "1 minute", "1 heure", "2 jours"),
        ("nl", "1 minuut", "1 uur", "2 dagen"),
        ("es", "1 minuto", "1 hora", "2 días"),
        ("it", "1 minuto", "1 ora", "2 giorni"),
    ],
)
def test_one_and_many_are_told_apart(language, minute, hour, days):
    with override(language):
        told = [in_words(timedelta(**of)) for of in ({"minutes": 1}, {"hours": 1}, {"days": 2})]

    assert told == [minute, hour, days]


def test_no_month_is_written_large_where_months_are_small():
    for language in ("fr", "nl", "es", "it"):
        with override(language):
            written = [day(date(2026, month, 2)) for month in range(1, 13)]

        assert written == [text.lower() for text in written]


# --- Whose language --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("locale", "language"),
    [("de", "de"), ("de-AT", "de"), ("FR_be", "fr"), ("", "nl"), ("pl", "nl"), ("pt-BR", "nl")],
)
def test_who_has_no_language_of_ours_gets_the_operators(locale, language, settings: Settings):
    settings.MAIL_LANGUAGE = "nl"

    assert welcome(locale).message()["Content-Language"] == language


def test_mail_to_staff_stays_english_and_nobody_is_left_in_another_language():
    welcome("de")
    told = {"run_id": "20261122-190512-8c1e", "organization": "Acme", "counts": {"created": 3}}
    mail = notice_message("ada@acme.example", "Import done", told, "<1@acme.example>")

    assert get_language() == "en"
    assert mail.message()["Content-Language"] == "en"
    assert "You get this mail because you started" in str(mail.body)
