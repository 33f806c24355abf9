"""See the mail before anybody gets it."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from customers.backfill.beside import is_beside_platform
from customers.mail.envelope import CustomerMail
from customers.mail.messages import welcome_message
from polaris import links

NOBODY = "preview"
EMAIL, NAME = "alex@example.com", "Alex Example"


def sample_message(
    email: str = EMAIL, display_name: str = NAME, *, locale: str = "", zone: str = ""
) -> CustomerMail:
    """Return the mail with a link that leads nowhere, to a made-up customer unless one is named."""
    ttl = timedelta(seconds=settings.MAGIC_LINK_INVITE_TTL_SECONDS)
    return welcome_message(
        email=email,
        display_name=display_name,
        link=_link(),
        expires_at=timezone.now() + ttl,
        ttl=ttl,
        message_id="<preview@example.com>",
        locale=locale,
        new_link_at=settings.POLARIS_CUSTOMER_URL if is_beside_platform() else "",
        zone=zone,
    )


def _link() -> str:
    if is_beside_platform():
        return links.address(settings.POLARIS_CUSTOMER_URL, NOBODY)
    return f"{settings.CUSTOMER_BASE_URL}/sign-in/link/{NOBODY}/"


def html_of(mail: CustomerMail) -> str:
    """Return the mail as a browser shows it."""
    return str(mail.alternatives[0][0])
