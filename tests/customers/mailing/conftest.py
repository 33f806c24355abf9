"""What the tests of mail share."""

from collections.abc import Iterator

import pytest
from pytest_django.fixtures import Settings

from tests.customers.mailing.smtp_server import Inbox, MailServer


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture
def inbox(mail_server: MailServer, settings: Settings) -> Inbox:
    """Have this process, too, send its mail to the server."""
    settings.EMAIL_BACKEND = "customers.mail.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", mail_server.port
    settings.EMAIL_FROM = "noreply@example.com"
    settings.OPERATOR_NAME = "Acme Charging"
    settings.OPERATOR_CONTACT_EMAIL = "help@example.com"
    settings.CUSTOMER_BASE_URL = "http://localhost:8000"
    return mail_server.inbox
