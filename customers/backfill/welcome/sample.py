"""See the mail before anybody gets it."""

from datetime import timedelta

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.utils import timezone

from customers.mail.messages import welcome_message


def sample_message() -> EmailMultiAlternatives:
    """Return the mail to a made-up customer, with a link that leads nowhere."""
    ttl = timedelta(seconds=settings.MAGIC_LINK_INVITE_TTL_SECONDS)
    return welcome_message(
        email="alex@example.com",
        display_name="Alex Example",
        link=f"{settings.CUSTOMER_BASE_URL}/sign-in/link/preview/",
        expires_at=timezone.now() + ttl,
        ttl=ttl,
        message_id="<preview@example.com>",
    )


def sample_html() -> str:
    """Return the mail as a browser shows it."""
    return str(sample_message().alternatives[0][0])
