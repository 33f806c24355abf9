"""Fixtures of the tests of customers."""

import os
import pty
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django_q.conf import Conf
from playwright.sync_api import Browser
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.customers import factories
from tests.customers.backfill.steve.world import CHARGE_BOX
from tests.customers.factories import row
from tests.customers.mail.operators_words import Words, words_in
from tests.polaris.sign_in_site import Site, platform_database, sign_in_site
from tests.rehearsal.lago.calls import Caller
from tests.rehearsal.platform.databases import emptied
from tests.support.browser import chromium
from tests.support.receiver import SECRET, Receiver, receiving
from tests.support.redis_server import RedisServer
from tests.support.sessions import Begin, others
from tests.support.smtp_server import Inbox, MailServer


@pytest.fixture
def lago(settings: Any, tmp_path: Path) -> Iterator[Sandbox]:
    """A Lago of the test's own, which the settings point to, and a folder for run logs."""
    with Sandbox(on_a_quiet_day=True) as sandbox:
        settings.LAGO_API_URL = sandbox.url
        settings.LAGO_API_KEY = sandbox.key
        settings.BACKFILL_LAGO_RATE = 0
        settings.BACKFILL_TIMEZONE = ""
        settings.BACKFILL_LOG_DIR = tmp_path / "logs"
        settings.BACKFILL_LOG_DIR.mkdir()
        settings.STEVE_BASE_URL = ""
        yield sandbox


@pytest.fixture
def queue(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisServer]:
    """A Redis as the queue; django-q2 reads the settings once, when it is imported."""
    with RedisServer(tmp_path) as server:
        settings.Q_BROKER_URL = server.url
        monkeypatch.setattr(Conf, "BROKER_CLASS", "customers.patient_redis.PatientRedis")
        yield server


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


@pytest.fixture
def words(tmp_path: Path, settings: Any) -> Words:
    """A folder for an operator's own templates of mails, which the settings name; nothing is in it."""
    return words_in(tmp_path / "mail", settings)


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    """The operator's receiver of webhooks, which the settings point to."""
    with receiving() as receiver:
        settings.NOTIFY_WEBHOOK_URL, settings.NOTIFY_WEBHOOK_SECRET = receiver.url, SECRET
        yield receiver


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Where a person types: what is written to it arrives on standard input, which is a terminal."""
    person, ours = pty.openpty()
    with os.fdopen(ours) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        yield person
    os.close(person)


@pytest.fixture
def in_another_session(transactional_db: None) -> Iterator[Begin]:
    """Begin something in a session of its own, and wait until it is held up there."""
    with others() as begin:
        yield begin


@pytest.fixture
def steve(settings: Any, lago: Sandbox) -> Iterator[SteveSandbox]:
    """A SteVe of the test's own, with the platform's part behind it, which sends usage into that Lago."""
    with SteveSandbox(charge_boxes=[CHARGE_BOX], lago_url=lago.url, lago_key=lago.key) as sandbox:
        settings.STEVE_BASE_URL = sandbox.url
        settings.STEVE_API_USERNAME = sandbox.username
        settings.STEVE_API_KEY = sandbox.key
        settings.STEVE_OCPP_URL = sandbox.ocpp_url
        yield sandbox


@pytest.fixture
def by_hand(lago: Sandbox) -> Iterator[Caller]:
    """Somebody who changes things in Lago."""
    caller = Caller(lago)
    yield caller
    caller.close()


@pytest.fixture
def imported(db: None, lago: Sandbox) -> Sandbox:
    """Five customers: C-3 has two cards, C-4 starts later, C-5 was in Lago before the run."""
    factories.lago_customer(lago, 5)
    factories.lago_subscription(lago, 5, external_id="theirs-5")
    rows = [*factories.rows(3), row(4, start_date="2030-01-01"), row(5), row(3, id_tag="SECOND3")]
    report = factories.imported(rows, skip_existing=True)
    assert report.status == "succeeded"
    return lago


@pytest.fixture(scope="module")
def sign_in_database(database_address: str) -> Iterator[str]:
    with platform_database(database_address) as address:
        yield address


@pytest.fixture
def site(sign_in_database: str, settings: Any) -> Iterator[Site]:
    """A platform's sign-in, with nobody in it, and its database: connected."""
    emptied(sign_in_database)
    with sign_in_site(sign_in_database) as running:
        settings.POLARIS_DATABASE_URL = sign_in_database
        settings.POLARIS_CUSTOMER_URL = running.url
        yield running
        running.read_our_rows()


@pytest.fixture(scope="module")
def started_browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def browser(started_browser: Browser, live_server: LiveServer) -> Iterator[Browser]:
    """A browser without a page, which is started once for a file; its pages are closed after the test."""
    yield started_browser
    for context in started_browser.contexts:
        context.close()
