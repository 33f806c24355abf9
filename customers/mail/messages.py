"""What our mails say. Each is whole as HTML and as text."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _

from customers.languages import language_of
from customers.mail.addresses import NOBODY, Mailbox, read_mailbox
from customers.mail.envelope import Category, CustomerMail
from customers.mail.templates import SUBJECT, render, replacement
from customers.phrases import day, in_words, moment

SUBJECT_MAX = 50  # the platform's email worker refuses longer ones; of one that an operator wrote: fitness.py


def welcome_message(
    email: str,
    display_name: str,
    link: str,
    expires_at: datetime,
    ttl: timedelta,
    message_id: str,
    *,
    locale: str = "",
    new_link_at: str = "",
    blocked_until: date | None = None,
    zone: str = "",
) -> CustomerMail:
    """Invite a customer, in their language.

    `new_link_at` is where they get another link later; blank: at our own pages. `zone` is where they are, as
    far as Lago knows; BACKFILL_TIMEZONE says so in its place.
    """
    with override(language_of(locale)):
        context = {
            "display_name": one_line(display_name),
            "link": link,
            "lifetime": in_words(ttl),
            "expires_at": moment(expires_at, settings.BACKFILL_TIMEZONE or zone),
            "blocked_until": day(blocked_until) if blocked_until else "",
            "new_link_at": new_link_at or _sign_in_page(),
        }
        subject = _subject(_("Your {operator} account is ready"), _("Your charging account is ready"))
        return _message(Category.WELCOME, subject, email, context, message_id)


def sign_in_message(
    email: str,
    display_name: str,
    link: str,
    ttl: timedelta,
    message_id: str,
    *,
    locale: str = "",
    shipped: bool = False,
) -> CustomerMail:
    """Answer who asked for a link; `shipped`: in our own words, whatever the operator's templates say."""
    with override(language_of(locale)):
        context = {
            "display_name": one_line(display_name),
            "link": link,
            "lifetime": in_words(ttl),
            "new_link_at": _sign_in_page(),
        }
        subject = _subject(_("Sign in to {operator}"), _("Sign in"))
        return _message(Category.MAGIC_LINK, subject, email, context, message_id, shipped=shipped)


def notice_message(email: str, words: str, told: Mapping[str, Any], message_id: str) -> CustomerMail:
    """Tell somebody of staff that something is over. `told` is what a webhook is told, which names nobody."""
    counts = [(name.replace("_", " "), number) for name, number in told["counts"].items() if number]
    context = {**told, "words": words, "counts": counts, "link": told.get("url", ""), "contact": ""}
    return _message(Category.NOTICE, f"{words}: {told['run_id']}", email, context, message_id)


def sender() -> Mailbox:
    """Return EMAIL_FROM; raise ValueError if it is none."""
    return read_mailbox(settings.EMAIL_FROM)


def contact() -> Mailbox:
    """Return OPERATOR_CONTACT_EMAIL; nobody where it is not set, or no address (a system check says so)."""
    try:
        return read_mailbox(settings.OPERATOR_CONTACT_EMAIL)
    except ValueError:
        return NOBODY


def one_line(text: str) -> str:
    return " ".join(text.split())


def _message(
    category: Category,
    subject: str,
    email: str,
    context: Mapping[str, object],
    message_id: str,
    *,
    shipped: bool = False,
) -> CustomerMail:
    operator = {"operator": one_line(settings.OPERATOR_NAME)}
    if not shipped:
        subject = replacement(f"{category}{SUBJECT}", operator) or subject
    values = {
        **operator,
        "contact": contact().address,
        "home": settings.CUSTOMER_BASE_URL,
        "subject": subject,
        **context,
    }
    message = CustomerMail(
        category,
        subject=subject,
        body=render(f"{category}.txt", values, shipped=shipped),
        from_email=sender().named(one_line(settings.OPERATOR_NAME)),
        to=[email],
        reply_to=[contact().address] if contact().address else None,
        headers={
            "Message-ID": message_id,
            "Auto-Submitted": "auto-generated",
            "Content-Language": get_language() or "",
        },
    )
    message.attach_alternative(render(f"{category}.html", values, shipped=shipped), "text/html")
    return message


def _subject(wish: str, short: str) -> str:
    subject = wish.format(operator=one_line(settings.OPERATOR_NAME))
    return subject if len(subject) <= SUBJECT_MAX else short


def _sign_in_page() -> str:
    return f"{settings.CUSTOMER_BASE_URL}{reverse('customers:sign_in')}"
