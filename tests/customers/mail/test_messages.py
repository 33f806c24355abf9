"""What the mails say."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.mail import get_connection
from pytest_django.fixtures import Settings

from customers.mail.envelope import CustomerMail
from customers.mail.messages import sign_in_message, welcome_message
from customers.phrases import in_words
from tests.support.smtp_server import Inbox

LINK = "https://my.acme.example/sign-in/link/12.abc/"
EXPIRES = datetime(2026, 11, 23, 17, 5, tzinfo=UTC)


@pytest.fixture(autouse=True)
def operator(settings: Settings) -> None:
    settings.OPERATOR_NAME = "Acme Charging"
    settings.OPERATOR_CONTACT_EMAIL = "Acme Help <help@acme.example>"
    settings.EMAIL_FROM = "noreply@acme.example"
    settings.CUSTOMER_BASE_URL = "https://my.acme.example"
    settings.BACKFILL_TIMEZONE = "Europe/Berlin"


def welcome(display_name: str = "Erika Mustermann") -> CustomerMail:
    return welcome_message(
        "erika@example.com", display_name, LINK, EXPIRES, timedelta(hours=24), "<1@acme.example>"
    )


def sign_in() -> CustomerMail:
    return sign_in_message("erika@example.com", "Erika", LINK, timedelta(minutes=15), "<1@acme.example>")


def html_of(mail: CustomerMail) -> str:
    return str(mail.alternatives[0][0])


def test_both_parts_of_the_invitation_are_whole() -> None:
    mail = welcome()

    for part in (str(mail.body), html_of(mail)):
        for needed in (
            "Erika Mustermann", "Acme Charging", LINK, "24 hours", "23 November 2026, 18:05 CET",
            "https://my.acme.example/sign-in/", "help@acme.example",
        ):  # fmt: skip
            assert needed in part


@pytest.mark.parametrize(
    ("ours", "lagos", "shown"),
    [
        ("Europe/Berlin", "Asia/Tokyo", "23 November 2026, 18:05 CET"),
        ("", "Asia/Tokyo", "24 November 2026, 02:05 JST"),
        ("", "Europe/Istanbul", "23 November 2026, 20:05 (Europe/Istanbul)"),
        ("", "", "23 November 2026, 17:05 UTC, universal time"),
        ("", "Atlantis/Capital", "23 November 2026, 17:05 UTC, universal time"),
    ],
)
def test_until_when_a_link_works_is_said_where_customers_are(
    settings: Any, ours: str, lagos: str, shown: str
) -> None:
    settings.BACKFILL_TIMEZONE = ours

    mail = welcome_message("e@example.com", "Erika", LINK, EXPIRES, timedelta(1), "<1@x>", zone=lagos)

    for part in (str(mail.body), html_of(mail)):
        assert shown in part


def test_both_parts_of_the_sign_in_mail_are_whole() -> None:
    mail = sign_in()

    for part in (str(mail.body), html_of(mail)):
        for needed in ("Acme Charging", LINK, "15 minutes", "help@acme.example", "not you"):
            assert needed in part


@pytest.mark.parametrize("mail", [welcome, sign_in])
def test_the_limits_of_the_email_worker_are_kept(mail, settings: Settings) -> None:  # type: ignore[no-untyped-def]
    html = html_of(mail())
    preheader = re.search(r"overflow:hidden;\">(.*?)</div>", html)

    assert 1 <= len(mail().subject) <= 50
    assert preheader is not None
    assert 40 <= len(preheader.group(1)) <= 110
    assert not re.search(r"<(script|iframe|object|style)", html)
    assert all(
        url.startswith(("https://my.acme.example", "mailto:")) for url in re.findall(r'href="([^"]*)"', html)
    )


def test_an_operator_with_a_long_name_still_gets_a_subject(settings: Settings) -> None:
    settings.OPERATOR_NAME = "Stadtwerke " + "Musterstadt " * 5

    assert welcome().subject == "Your charging account is ready"


def test_markup_in_a_name_is_text_in_both_parts() -> None:
    mail = welcome("<b>O'Neil</b> & Söhne")

    assert "<b>O'Neil</b> & Söhne" in str(mail.body)
    assert "&lt;b&gt;O&#x27;Neil&lt;/b&gt; &amp; Söhne" in html_of(mail)


@pytest.mark.parametrize("name", ["Erika\r\nBcc: victim@example.com", "Erika\n\nVisit http://evil.example"])
def test_a_name_cannot_add_headers_or_lines(name: str, inbox: Inbox) -> None:
    get_connection().send_messages([welcome(name)])

    mail = inbox.received[0]
    assert "Bcc" not in mail.message
    assert mail.part("plain").splitlines()[0].startswith("Welcome, Erika ")


def test_a_name_like_an_operators_cannot_break_the_sender(settings: Settings, inbox: Inbox) -> None:
    settings.OPERATOR_NAME = 'Acme "Fast, Green" Charging\nBcc: x@example.com'
    settings.EMAIL_FROM = "noreply@acme.example"

    get_connection().send_messages([welcome()])

    message = inbox.received[0].message
    assert message["From"].addresses[0].addr_spec == "noreply@acme.example"
    assert "Bcc" not in message


def test_the_sender_has_a_name_and_answers_go_to_the_contact(settings: Settings) -> None:
    assert welcome().from_email == "Acme Charging <noreply@acme.example>"
    assert welcome().reply_to == ["help@acme.example"]

    settings.EMAIL_FROM = "Acme Post <post@acme.example>"
    settings.OPERATOR_CONTACT_EMAIL = ""

    assert welcome().from_email == "Acme Post <post@acme.example>"
    assert welcome().reply_to == []
    assert "Questions?" not in str(welcome().body)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(60, "1 minute"), (900, "15 minutes"), (3600, "1 hour"), (5400, "90 minutes"), (86_400, "24 hours"),
     (172_800, "2 days"), (604_800, "7 days")],
)  # fmt: skip
def test_a_lifetime_is_said_as_people_do(seconds: int, words: str) -> None:
    assert in_words(timedelta(seconds=seconds)) == words
