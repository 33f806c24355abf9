"""SMTP that can tell a mail which was surely not accepted from one that perhaps was."""

import smtplib
from collections.abc import Sequence
from typing import Any

from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend as DjangoBackend

from customers.mail.errors import DeliveryError, Kind

NOT_AUTHENTICATED = {454, 530, 534, 535, 538}
SERVICE_CLOSING = 421


class _Traced:
    """Remembers whether the server was given a mail whose fate it has not told."""

    handed_over = False

    def data(self, msg: Any) -> Any:
        self.handed_over = True
        try:
            reply = super().data(msg)  # type: ignore[misc]
        except smtplib.SMTPResponseException:
            self.handed_over = False  # it was asked first, and said no
            raise
        self.handed_over = False
        return reply


class _Plain(_Traced, smtplib.SMTP):
    pass


class _Encrypted(_Traced, smtplib.SMTP_SSL):
    pass


class EmailBackend(DjangoBackend):
    """Django's, raising DeliveryError; a connection that the server dropped while idle is reopened once."""

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return _Encrypted if self.use_ssl else _Plain

    def open(self) -> bool | None:
        try:
            return super().open()
        except (smtplib.SMTPException, OSError) as error:
            self.close()
            raise _refused_at_the_door(error) from None

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
        code = _reply_code(error)
        if code is None or code == SERVICE_CLOSING:
            return self._drop(code)
        if code in NOT_AUTHENTICATED:
            return DeliveryError(Kind.BROKEN, f"smtp_login_refused_{code}")
        if isinstance(error, smtplib.SMTPSenderRefused):
            return DeliveryError(Kind.BROKEN, f"smtp_sender_refused_{code}")
        what = "recipient" if isinstance(error, smtplib.SMTPRecipientsRefused) else "message"
        if code < 500:
            return DeliveryError(Kind.DEFERRED, f"smtp_{what}_deferred_{code}")
        return DeliveryError(Kind.REFUSED, f"smtp_{what}_refused_{code}", all_alike=what == "message")

    def _drop(self, code: int | None) -> DeliveryError:
        handed_over = code is None and getattr(self.connection, "handed_over", False)
        self.close()
        if handed_over:
            return _Dropped(Kind.UNKNOWN, "smtp_lost_during_data", all_alike=True)
        return _Dropped(Kind.BROKEN, "smtp_connection_lost")


class _Dropped(DeliveryError):
    """The connection is gone."""


def _refused_at_the_door(error: Exception) -> DeliveryError:
    code = _reply_code(error)
    if isinstance(error, smtplib.SMTPAuthenticationError) or code in NOT_AUTHENTICATED:
        return DeliveryError(Kind.BROKEN, f"smtp_login_refused_{code}")
    return DeliveryError(Kind.BROKEN, "smtp_unreachable" if code is None else f"smtp_not_welcome_{code}")


def _reply_code(error: Exception) -> int | None:
    """Return what the server answered; None where the connection broke instead."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return next(int(code) for code, _ in error.recipients.values())
    if isinstance(error, smtplib.SMTPResponseException):
        return error.smtp_code if error.smtp_code > 0 else None
    return None
