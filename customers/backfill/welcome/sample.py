"""See the mail before anybody gets it."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from customers.mail.messages import welcome_message


def preview_html() -> str:
    """Render the mail to a made-up customer, with a link that leads nowhere."""
    ttl = timedelta(seconds=settings.MAGIC_LINK_INVITE_TTL_SECONDS)
    message = welcome_message(
        email="alex@example.com",
        display_name="Alex Example",
        link=f"{settings.CUSTOMER_BASE_URL}/sign-in/link/preview/",
        expires_at=timezone.now() + ttl,
        ttl=ttl,
        message_id="<preview@example.com>",
    )
    return str(message.alternatives[0][0])
