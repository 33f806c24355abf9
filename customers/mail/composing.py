"""Write a mail out before anybody is to hand it over: what cannot be written is found here, and in words."""

from collections.abc import Callable
from email.errors import MessageError

from django.core.mail.message import sanitize_address
from django.template import TemplateDoesNotExist, TemplateSyntaxError

from customers.mail.envelope import CustomerMail
from customers.mail.errors import CannotCompose
from customers.mail.messages import sender


def composed(write: Callable[[], CustomerMail]) -> CustomerMail:
    """Return the mail that `write` makes, proven to be one that can be handed over; raise CannotCompose."""
    try:
        sender()
    except ValueError as error:
        raise CannotCompose(f"EMAIL_FROM {error}.") from None
    try:
        message = write()
        for address in (message.from_email, *message.to):
            sanitize_address(address, "utf-8")
        message.message().as_bytes()
    except (TemplateDoesNotExist, TemplateSyntaxError) as error:
        raise CannotCompose(
            f"A template of the mail cannot be used: {type(error).__name__}: {error}"
        ) from error
    except (ValueError, MessageError, LookupError) as error:  # their words may name the recipient
        raise CannotCompose(f"The mail cannot be written: {type(error).__name__}.") from None
    return message
