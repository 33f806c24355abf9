"""Magic links: each works once, for a while, for one customer.

The token is django-sesame's. Whose it is, when it was made and what it is for are signed in it, with the
last sign-in and the address, so using any link ends all other links of that customer as well. The token of
an invitation also names its mail in the ledger (`<mail>.<token>`): what was revoked there is dead.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import login
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from sesame.tokens import create_token, parse_token

from auditlog.models import Event, record
from customers.models import User, WelcomeMail
from customers.sign_in import throttle
from customers.sign_in.client import client_address

AUDIT_TAG = "sign-in"
BACKEND = "django.contrib.auth.backends.ModelBackend"
TOKEN_MAX = 100
REQUESTED = "requested"  # also the scope of the token
INVITED = "invited"
REFUSALS_NOTED = 30  # of one client in throttle.WINDOW


@dataclass(frozen=True, slots=True)
class Link:
    """A link that works now: whose it is, and how it came about (REQUESTED or INVITED)."""

    user: User
    origin: str


def requested_link(user: User) -> str:
    return _url(create_token(user, REQUESTED))


def invitation_link(user: User, mail_id: int) -> str:
    return _url(f"{mail_id}.{create_token(user, _invitation(mail_id))}")


def requested_ttl() -> timedelta:
    return timedelta(seconds=settings.MAGIC_LINK_TTL_SECONDS)


def _invitation(mail_id: int) -> str:
    return f"{INVITED}:{mail_id}"


def _url(token: str) -> str:
    return f"{settings.CUSTOMER_BASE_URL}{reverse('customers:link', args=[token])}"


def resolve(token: str) -> Link | None:
    """Look at a token without using it up."""
    if len(token) > TOKEN_MAX:
        return None
    mail_id, dot, signed = token.rpartition(".")
    return _invited(mail_id, signed) if dot else _requested(signed)


def use(request: HttpRequest, token: str) -> User | None:
    """Sign the owner of the token in, once; return None if the token is not good (any more).

    Of two uses at the same moment one wins: only it finds the last sign-in as its token had it.
    """
    with transaction.atomic():
        link = resolve(token)
        if link is None or not _claim(link.user):
            _note_refusal(request, token)
            return None
        record(
            AUDIT_TAG,
            f"customer:{link.user.pk}",
            [Event("sign_in.used", f"user:{link.user.pk}", {"link": link.origin})],
        )
        link.user.refresh_from_db()
        login(request, link.user, backend=BACKEND)
    return link.user


def _note_refusal(request: HttpRequest, token: str) -> None:
    """Note it, but not without end: anybody can make up tokens, and the audit log is for ever."""
    client = throttle.bucket("refused-links", client_address(request))
    if throttle.take({client: REFUSALS_NOTED}) is None:
        record(AUDIT_TAG, "anonymous", [Event("sign_in.refused", f"link:{_digest(token)}")])


def _claim(user: User) -> bool:
    unchanged = User.objects.filter(pk=user.pk, last_login=user.last_login, is_active=True)
    return unchanged.update(last_login=timezone.now()) == 1


def _requested(signed: str) -> Link | None:
    user = _owner(signed, REQUESTED, requested_ttl())
    return Link(user, REQUESTED) if user else None


def _invited(mail_id: str, signed: str) -> Link | None:
    if not (mail_id.isascii() and mail_id.isdigit() and len(mail_id) < 19):
        return None
    mail = WelcomeMail.objects.with_a_link().filter(pk=int(mail_id)).first()
    if mail is None:
        return None
    user = _owner(signed, _invitation(mail.pk), mail.link_ttl)
    return Link(user, INVITED) if user else None


def _owner(signed: str, scope: str, ttl: timedelta) -> User | None:
    if not signed.isascii():
        return None
    user: User | None = parse_token(signed, _customer, scope=scope, max_age=ttl)
    return user


def _customer(pk: int) -> User | None:
    """Staff never sign in by link, whatever the token says."""
    return User.objects.filter(pk=pk, is_active=True, role=User.Role.CUSTOMER).first()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()[:8]
