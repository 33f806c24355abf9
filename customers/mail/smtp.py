"""SMTP that can tell a mail which was surely not accepted from one that perhaps was, and why it was not."""

import re
import smtplib
import ssl
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend as DjangoBackend

from customers.mail.errors import DeliveryError, Kind
from kernel.patience import waiting_for

LOGIN_REFUSED = {534, 535}
LOGIN_DEMANDED = 530
ENCRYPTION_DEMANDED = 538
SERVICE_CLOSING = 421
# Of a mailbox that is full the reply speaks of a quota too, but to RCPT, and with x.2.2.
QUOTA = re.compile(
    r"\b[45]\.4\.5\b|quota|limit exceeded|rate limit|too many (?:mails|messages)", re.IGNORECASE
)

# What OpenSSL says, by version, where somebody answers in clear text.
NO_TLS = {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"}


class _NoGreeting(smtplib.SMTPServerDisconnected):
    """The server took the connection and said nothing: perhaps it waits for TLS."""


class _Traced:
    """Remembers where the talk is, and whether the server was given a mail whose fate it has not told."""

    stage = "greeting"
    patience_s: float | None = None
    handed_over = False

    def connect(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        try:
            return super().connect(*args, **kwargs)  # type: ignore[misc, no-any-return]
        except smtplib.SMTPServerDisconnected:
            raise _NoGreeting from None

    def starttls(self, *args: Any, **kwargs: Any) -> Any:
        self.stage = "starttls"
        return super().starttls(*args, **kwargs)  # type: ignore[misc]

    def login(self, *args: Any, **kwargs: Any) -> Any:
        self.stage = "login"
        return super().login(*args, **kwargs)  # type: ignore[misc]

    def data(self, msg: Any) -> Any:
        """Hand the mail over. A filter behind the server may think for minutes (RFC 5321, 4.5.3.2.6)."""
        self.handed_over = True
        self._wait_for(self.patience_s or settings.EMAIL_DATA_TIMEOUT_S)
        try:
            reply = super().data(msg)  # type: ignore[misc]
        except smtplib.SMTPResponseException:
            self.handed_over = False  # it was asked first, and said no
            raise
        finally:
            self._wait_for(settings.EMAIL_TIMEOUT)
        self.handed_over = reply[0] < 0  # it answered, but nothing that says what
        return reply

    def _wait_for(self, seconds: float) -> None:
        if self.sock is not None:  # type: ignore[attr-defined]
            self.sock.settimeout(seconds)  # type: ignore[attr-defined]


class _Plain(_Traced, smtplib.SMTP):
    pass


class _Encrypted(_Traced, smtplib.SMTP_SSL):
    pass


class EmailBackend(DjangoBackend):
    """Django's, raising DeliveryError; a connection that the server dropped while idle is reopened once."""

    patience_s: float | None = None  # with the answer to a whole mail, where EMAIL_DATA_TIMEOUT_S is too long
    _talk: _Plain | _Encrypted | None = None  # the last one, to be asked how far it came

    def connection_class(self, *args: Any, **kwargs: Any) -> smtplib.SMTP:  # type: ignore[override]
        self._talk = None
        self._talk = _Encrypted(*args, **kwargs) if self.use_ssl else _Plain(*args, **kwargs)
        self._talk.patience_s = self.patience_s
        return self._talk

    def open(self) -> bool | None:
        try:
            with waiting_for(f"the mail server at {self.host}:{self.port}"):
                return super().open()
        except (smtplib.SMTPException, OSError) as error:
            stage = self._talk.stage if self._talk else _Traced.stage
            self.close()
            raise _refused_at_the_door(error, stage) from None

    def close(self) -> None:
        try:
            super().close()
        except (smtplib.SMTPException, OSError):
            self.connection = None  # it is of no use any more either way

    def prove(self) -> None:
        """Greet the server and sign in, and send nothing; raise DeliveryError."""
        self.open()
        try:
            if self.connection is not None:
                self.connection.ehlo_or_helo_if_needed()
                self.connection.noop()
        except (smtplib.SMTPException, OSError) as error:
            raise self._judge(error) from None
        finally:
            self.close()

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Send the messages, normally one; raise DeliveryError at the first that is not accepted."""
        reused = self.connection is not None
        try:
            return self._send_once(email_messages)
        except _Dropped as dropped:
            if not reused or dropped.kind is Kind.UNKNOWN:
                raise
        self.open()
        return self._send_once(email_messages)

    def _send_once(self, email_messages: Sequence[EmailMessage]) -> int:
        try:
            return super().send_messages(email_messages) or 0
        except (smtplib.SMTPException, OSError) as error:
            raise self._judge(error) from None  # smtplib's messages name the recipient

    def _judge(self, error: Exception) -> DeliveryError:
        code, text = _reply(error)
        if code is None or code == SERVICE_CLOSING:
            return self._drop(code)
        if code in {LOGIN_DEMANDED, ENCRYPTION_DEMANDED}:
            return _demanded(code, text, is_encrypted=self.use_tls or self.use_ssl)
        if code in LOGIN_REFUSED:
            return _login_refused(code)
        to_one = isinstance(error, smtplib.SMTPRecipientsRefused)
        if not to_one and QUOTA.search(text):
            return DeliveryError(Kind.AWAY, f"smtp_quota_{code}")
        if isinstance(error, smtplib.SMTPSenderRefused):
            if code < 500:
                return DeliveryError(Kind.AWAY, f"smtp_sender_deferred_{code}")
            return DeliveryError(Kind.BROKEN, f"smtp_sender_refused_{code}")
        if code < 500:
            return DeliveryError(
                Kind.DEFERRED,
                f"smtp_recipient_deferred_{code}" if to_one else f"smtp_message_deferred_{code}",
            )
        return DeliveryError(
            Kind.REFUSED, f"smtp_recipient_refused_{code}" if to_one else f"smtp_message_refused_{code}"
        )

    def _drop(self, code: int | None) -> DeliveryError:
        handed_over = code is None and self._talk is not None and self._talk.handed_over
        self.close()
        if handed_over:
            return _Dropped(Kind.UNKNOWN, "smtp_lost_during_data", all_alike=True)
        if code == SERVICE_CLOSING:
            return _Dropped(Kind.AWAY, f"smtp_closing_{code}")
        return _Dropped(Kind.BROKEN, "smtp_connection_lost")


class _Dropped(DeliveryError):
    """The connection is gone."""


def _refused_at_the_door(error: Exception, stage: str) -> DeliveryError:
    """Say why there is no conversation: the server is to be heard later, or something has to be corrected."""
    code, text = _reply(error)
    if code is None:
        return _no_conversation(error, stage)
    if QUOTA.search(text):
        return DeliveryError(Kind.AWAY, f"smtp_quota_{code}")
    if code in {LOGIN_DEMANDED, ENCRYPTION_DEMANDED}:
        return DeliveryError(Kind.BROKEN, "smtp_starttls_demanded")
    kind, for_now = (Kind.AWAY, True) if code < 500 else (Kind.BROKEN, False)
    if stage == "starttls":
        return DeliveryError(
            kind, f"smtp_starttls_deferred_{code}" if for_now else f"smtp_starttls_refused_{code}"
        )
    if stage == "login" or code in LOGIN_REFUSED:
        return DeliveryError(kind, f"smtp_login_deferred_{code}") if for_now else _login_refused(code)
    return DeliveryError(kind, f"smtp_not_welcome_{code}")


def _login_refused(code: int) -> DeliveryError:
    return DeliveryError(Kind.BROKEN, f"smtp_login_refused_{code}", locks_out=True)


def _no_conversation(error: Exception, stage: str) -> DeliveryError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return DeliveryError(Kind.BROKEN, "smtp_certificate")
    if isinstance(error, ssl.SSLError):
        without = error.reason in NO_TLS
        return DeliveryError(Kind.BROKEN, "smtp_port_without_tls" if without else "smtp_tls_failed")
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return DeliveryError(
            Kind.BROKEN, "smtp_auth_missing" if stage == "login" else "smtp_starttls_missing"
        )
    if isinstance(error, _NoGreeting):
        return DeliveryError(Kind.BROKEN, "smtp_no_greeting")
    if type(error) is smtplib.SMTPException:  # it has AUTH, and none of the ways that we know
        return DeliveryError(Kind.BROKEN, "smtp_auth_missing")
    return DeliveryError(Kind.BROKEN, "smtp_unreachable")


def _demanded(code: int, text: str, *, is_encrypted: bool) -> DeliveryError:
    """Say what a server wants first: "530 Must issue a STARTTLS command first", or "530 Log in"."""
    if not is_encrypted and (code == ENCRYPTION_DEMANDED or "tls" in text.lower()):
        return DeliveryError(Kind.BROKEN, "smtp_starttls_demanded")
    return DeliveryError(Kind.BROKEN, f"smtp_login_demanded_{code}")


def _reply(error: Exception) -> tuple[int | None, str]:
    """Return what the server answered, its text to be shown nowhere; None where it broke off."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, text = next(iter(error.recipients.values()))
        return (int(code), _text(text)) if code > 0 else (None, "")
    if isinstance(error, smtplib.SMTPResponseException) and error.smtp_code > 0:
        return error.smtp_code, _text(error.smtp_error)
    return None, ""


def _text(reply: bytes | str) -> str:
    return reply.decode(errors="replace") if isinstance(reply, bytes) else reply
