"""What our mails say. Each is whole as HTML and as text."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.urls import reverse
from django.utils import dateformat

from customers.mail.addresses import NOBODY, Mailbox, read_mailbox
from customers.mail.envelope import Category, CustomerMail
from customers.mail.templates import SUBJECT, render, replacement

SUBJECT_MAX = 50  # the platform's email worker refuses longer ones; of one that an operator wrote: fitness.py


def welcome_message(
    email: str,
    display_name: str,
    link: str,
    expires_at: datetime,
    ttl: timedelta,
    message_id: str,
    *,
    new_link_at: str = "",
    blocked_until: date | None = None,
) -> CustomerMail:
    """Invite a customer. `new_link_at` is where they get another link later; blank: at our own pages."""
    context = {
        "display_name": one_line(display_name),
        "link": link,
        "lifetime": in_words(ttl),
        "expires_at": dateformat.format(expires_at.astimezone(_timezone()), "j F Y, H:i T"),
        "blocked_until": dateformat.format(blocked_until, "j F Y") if blocked_until else "",
        "new_link_at": new_link_at or _sign_in_page(),
    }
    subject = _subject("Your {operator} account is ready", "Your charging account is ready")
    return _message(Category.WELCOME, subject, email, context, message_id)


def sign_in_message(
    email: str, display_name: str, link: str, ttl: timedelta, message_id: str, *, shipped: bool = False
) -> CustomerMail:
    """Answer who asked for a link; `shipped`: in our own words, whatever the operator's templates say."""
    context = {
        "display_name": one_line(display_name),
        "link": link,
        "lifetime": in_words(ttl),
        "new_link_at": _sign_in_page(),
    }
    subject = _subject("Sign in to {operator}", "Sign in")
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


def in_words(ttl: timedelta) -> str:
    """Say a duration as people do: in whole hours or days where it is whole, else in minutes."""
    minutes = max(1, round(ttl.total_seconds() / 60))
    for size, name in ((1440, "day"), (60, "hour")):
        if minutes % size == 0 and minutes >= 2 * size:
            return f"{minutes // size} {name}s"
    if minutes == 1440:
        return "24 hours"
    return {1: "1 minute", 60: "1 hour"}.get(minutes, f"{minutes} minutes")


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
        headers={"Message-ID": message_id, "Auto-Submitted": "auto-generated"},
    )
    message.attach_alternative(render(f"{category}.html", values, shipped=shipped), "text/html")
    return message


def _sign_in_page() -> str:
    return f"{settings.CUSTOMER_BASE_URL}{reverse('customers:sign_in')}"


def _subject(wish: str, short: str) -> str:
    subject = wish.format(operator=one_line(settings.OPERATOR_NAME))
    return subject if len(subject) <= SUBJECT_MAX else short


def _timezone() -> tzinfo:
    return ZoneInfo(settings.BACKFILL_TIMEZONE) if settings.BACKFILL_TIMEZONE else UTC
