"""Each way in which a mail server can fail us, told apart: over real connections."""

import ssl
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.mail import get_connection
from pytest_django.fixtures import Settings

from customers.backfill.welcome.sample import sample_message
from customers.mail.errors import DeliveryError, Kind
from customers.mail.words import known_codes, words_for
from tests.support.smtp_scripted import Script, ScriptedServer

DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture(scope="module")
def self_signed(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-keyout", "key.pem", "-out", "cert.pem"], cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


@pytest.fixture
def failing(settings: Settings) -> Callable[..., DeliveryError]:
    """Send a mail to a server with this script, and return how it failed."""
    settings.EMAIL_BACKEND = "customers.mail.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_TIMEOUT = "127.0.0.1", 1
    settings.EMAIL_FROM, settings.CUSTOMER_BASE_URL = "post@acme.example", "https://my.acme.example"

    def fail(script: Script, *, login: bool = False, **email: object) -> DeliveryError:
        settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = ("polaris", "secret") if login else ("", "")
        for name, value in email.items():
            setattr(settings, name, value)
        with ScriptedServer(script) as server:
            settings.EMAIL_PORT = server.port
            with pytest.raises(DeliveryError) as caught:
                get_connection().send_messages([sample_message()])
        return caught.value

    return fail


@pytest.mark.parametrize(
    ("replies", "login", "kind", "code"),
    [
        ({"": "421 4.3.2 too busy"}, False, Kind.AWAY, "smtp_not_welcome_421"),
        ({"": "450 4.3.2 later"}, False, Kind.AWAY, "smtp_not_welcome_450"),
        ({"": "554 5.7.1 not you"}, False, Kind.BROKEN, "smtp_not_welcome_554"),
        ({"AUTH": "454 4.7.0 later"}, True, Kind.AWAY, "smtp_login_deferred_454"),
        ({"AUTH": "535 5.7.8 wrong"}, True, Kind.BROKEN, "smtp_login_refused_535"),
        ({"AUTH": "550 5.4.5 Daily sending quota exceeded"}, True, Kind.AWAY, "smtp_quota_550"),
        ({"MAIL": "451 4.3.0 later"}, False, Kind.AWAY, "smtp_sender_deferred_451"),
        ({"MAIL": "553 5.7.1 not yours"}, False, Kind.BROKEN, "smtp_sender_refused_553"),
        ({"MAIL": "530 Must issue a STARTTLS command first"}, False, Kind.BROKEN, "smtp_starttls_demanded"),
        ({"MAIL": "530 5.7.0 Authentication required"}, False, Kind.BROKEN, "smtp_login_demanded_530"),
        ({"RCPT": "550 5.1.1 nobody"}, False, Kind.REFUSED, "smtp_recipient_refused_550"),
        ({"RCPT": "452 4.2.2 over quota"}, False, Kind.DEFERRED, "smtp_recipient_deferred_452"),
        ({"RCPT": "421 4.7.0 enough"}, False, Kind.AWAY, "smtp_closing_421"),
        ({".": "554 5.6.0 spam"}, False, Kind.REFUSED, "smtp_message_refused_554"),
        ({".": "451 4.3.0 later"}, False, Kind.DEFERRED, "smtp_message_deferred_451"),
        ({".": "550 5.4.5 Daily sending quota exceeded"}, False, Kind.AWAY, "smtp_quota_550"),
        ({"RCPT": "what?"}, False, Kind.BROKEN, "smtp_connection_lost"),
        ({".": "2what?"}, False, Kind.UNKNOWN, "smtp_lost_during_data"),
    ],
)  # fmt: skip
def test_each_answer_has_its_cause(
    replies: dict[str, str], login: bool, kind: Kind, code: str, failing: Callable[..., DeliveryError]
) -> None:
    error = failing(Script(replies), login=login)

    assert (error.kind, error.code) == (kind, code)


def test_a_server_without_logins_is_told_from_a_wrong_password(failing: Callable[..., DeliveryError]) -> None:
    assert failing(Script(offers=()), login=True).code == "smtp_auth_missing"


def test_logins_of_a_kind_that_nobody_knows_count_as_none(failing: Callable[..., DeliveryError]) -> None:
    assert failing(Script(offers=("AUTH GSSAPI",)), login=True).code == "smtp_auth_missing"


def test_encryption_that_is_not_offered_is_missed(failing: Callable[..., DeliveryError]) -> None:
    assert failing(Script(offers=()), EMAIL_USE_TLS=True).code == "smtp_starttls_missing"


def test_encryption_that_is_put_off_is_no_refusal(failing: Callable[..., DeliveryError]) -> None:
    error = failing(Script({"STARTTLS": "454 4.7.0 later"}, offers=("STARTTLS",)), EMAIL_USE_TLS=True)

    assert (error.kind, error.code) == (Kind.AWAY, "smtp_starttls_deferred_454")


def test_a_certificate_that_nobody_vouches_for_is_named(
    failing: Callable[..., DeliveryError], self_signed: ssl.SSLContext
) -> None:
    by_starttls = failing(Script(offers=("STARTTLS",), starttls=self_signed), EMAIL_USE_TLS=True)
    from_the_start = failing(Script(tls=self_signed), EMAIL_USE_TLS=False, EMAIL_USE_SSL=True)

    assert (by_starttls.code, from_the_start.code) == ("smtp_certificate", "smtp_certificate")


def test_a_port_of_the_wrong_kind_is_named(
    failing: Callable[..., DeliveryError], self_signed: ssl.SSLContext
) -> None:
    clear_text_to_tls = failing(Script(tls=self_signed))
    tls_to_clear_text = failing(Script(), EMAIL_USE_SSL=True)

    assert clear_text_to_tls.code == "smtp_no_greeting"
    assert tls_to_clear_text.code == "smtp_port_without_tls"


def test_nothing_at_the_port_is_unreachable(
    settings: Settings, failing: Callable[..., DeliveryError]
) -> None:
    settings.EMAIL_PORT = 1

    with pytest.raises(DeliveryError, match="smtp_unreachable"):
        get_connection().send_messages([sample_message()])


def test_the_answer_to_a_whole_mail_may_take_its_time(
    settings: Settings, failing: Callable[..., DeliveryError]
) -> None:
    with ScriptedServer(Script(data_takes_s=2)) as server:
        settings.EMAIL_PORT = server.port
        sent = get_connection().send_messages([sample_message()])

    assert sent == 1  # although every other answer has to come within EMAIL_TIMEOUT, here a second


def test_an_answer_that_never_comes_leaves_it_unknown(
    settings: Settings, failing: Callable[..., DeliveryError]
) -> None:
    settings.EMAIL_DATA_TIMEOUT_S = 1
    began = time.monotonic()

    error = failing(Script(data_takes_s=5))

    assert (error.kind, error.code) == (Kind.UNKNOWN, "smtp_lost_during_data")
    assert time.monotonic() - began < 4


def test_every_code_has_words_and_stands_in_the_handbook() -> None:
    handbook = (DOCS / "problems.md").read_text("utf-8")

    assert words_for("smtp_quota_452").cause
    assert [code for code in known_codes() if f"`{code}" not in handbook] == []
