"""What our mails say. Each is whole as HTML and as text."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import dateformat

from customers.mail.addresses import NOBODY, Mailbox, read_mailbox
from customers.mail.envelope import Category, CustomerMail

SUBJECT_MAX = 50  # the platform's email worker refuses longer ones


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
    zone: str = "",
) -> CustomerMail:
    """Invite a customer. `new_link_at` is where they get another link later; blank: at our own pages.

    `zone` is where they are, as far as Lago knows; BACKFILL_TIMEZONE says so in its place.
    """
    context = {
        "display_name": one_line(display_name),
        "link": link,
        "lifetime": in_words(ttl),
        "expires_at": _moment(expires_at, settings.BACKFILL_TIMEZONE or zone),
        "blocked_until": dateformat.format(blocked_until, "j F Y") if blocked_until else "",
        "new_link_at": new_link_at or f"{settings.CUSTOMER_BASE_URL}{reverse('customers:sign_in')}",
    }
    subject = _subject("Your {operator} account is ready", "Your charging account is ready")
    return _message(Category.WELCOME, subject, email, context, message_id)


def sign_in_message(
    email: str, display_name: str, link: str, ttl: timedelta, message_id: str
) -> CustomerMail:
    context = {"display_name": one_line(display_name), "link": link, "lifetime": in_words(ttl)}
    return _message(
        Category.MAGIC_LINK, _subject("Sign in to {operator}", "Sign in"), email, context, message_id
    )


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
    category: Category, subject: str, email: str, context: Mapping[str, object], message_id: str
) -> CustomerMail:
    everywhere = {
        "operator": one_line(settings.OPERATOR_NAME),
        "contact": contact().address,
        "home": settings.CUSTOMER_BASE_URL,
        "subject": subject,
    }
    message = CustomerMail(
        category,
        subject=subject,
        body=render_to_string(f"mail/{category}.txt", {**everywhere, **context}),
        from_email=sender().named(one_line(settings.OPERATOR_NAME)),
        to=[email],
        reply_to=[contact().address] if contact().address else None,
        headers={"Message-ID": message_id, "Auto-Submitted": "auto-generated"},
    )
    message.attach_alternative(
        render_to_string(f"mail/{category}.html", {**everywhere, **context}), "text/html"
    )
    return message


def _subject(wish: str, short: str) -> str:
    subject = wish.format(operator=one_line(settings.OPERATOR_NAME))
    return subject if len(subject) <= SUBJECT_MAX else short


def _moment(moment: datetime, zone: str) -> str:
    """Say when, with the name of the zone as people there know it; of some there is only a number."""
    there = moment.astimezone(ZoneInfo(zone) if zone in available_timezones() else UTC)
    name = there.strftime("%Z")
    if name == "UTC":
        name = "UTC (universal time)"
    elif not name.isalpha():
        name = f"({zone})"
    return f"{dateformat.format(there, 'j F Y, H:i')} {name}"
