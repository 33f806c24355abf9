"""Whether mail can be sent at all, asked before anything is queued."""

from django.conf import settings

from customers.mail.addresses import read_mailbox

DUMMY = "django.core.mail.backends.dummy.EmailBackend"


def what_is_missing(*, to_our_pages: bool = True) -> list[str]:
    """Return a line for each variable that has to be set before mail can go out; none if all is well.

    `to_our_pages`: the links in it lead there.
    """
    lines = []
    if not settings.EMAIL_FROM:
        lines.append("EMAIL_FROM is not set: the address that mail comes from.")
    lines += wrong_addresses()
    if to_our_pages and not settings.CUSTOMER_BASE_URL:
        lines.append("CUSTOMER_BASE_URL is not set: where the links in the mail point.")
    if settings.EMAIL_BACKEND == DUMMY:
        lines.append("Neither EMAIL_URL nor CF_EMAIL_WORKER_URL is set: there is nothing to send mail with.")
    if settings.CF_EMAIL_WORKER_URL and not settings.CF_EMAIL_WORKER_SECRET:
        lines.append("CF_EMAIL_WORKER_SECRET is not set: the email worker takes signed mail only.")
    return lines


def wrong_addresses() -> list[str]:
    """Return a line for each address of the operator that is set and is none."""
    lines = []
    for name in ("EMAIL_FROM", "OPERATOR_CONTACT_EMAIL"):
        try:
            given = getattr(settings, name)
            if given:
                read_mailbox(given)
        except ValueError as error:
            lines.append(f"{name} {error}.")
    return lines
