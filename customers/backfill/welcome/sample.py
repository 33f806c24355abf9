"""See the mail before anybody gets it."""

from datetime import timedelta

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.utils import timezone

from customers.backfill.beside import is_beside_platform
from customers.mail.messages import welcome_message
from polaris import links

NOBODY = "preview"


def sample_message() -> EmailMultiAlternatives:
    """Return the mail to a made-up customer, with a link that leads nowhere."""
    ttl = timedelta(seconds=settings.MAGIC_LINK_INVITE_TTL_SECONDS)
    return welcome_message(
        email="alex@example.com",
        display_name="Alex Example",
        link=_link(),
        expires_at=timezone.now() + ttl,
        ttl=ttl,
        message_id="<preview@example.com>",
        new_link_at=settings.POLARIS_CUSTOMER_URL if is_beside_platform() else "",
    )


def _link() -> str:
    if is_beside_platform():
        return links.address(settings.POLARIS_CUSTOMER_URL, NOBODY)
    return f"{settings.CUSTOMER_BASE_URL}/sign-in/link/{NOBODY}/"


def sample_html() -> str:
    """Return the mail as a browser shows it."""
    return str(sample_message().alternatives[0][0])
