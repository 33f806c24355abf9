"""Magic links: each works once, for a while, for one customer.

The token is django-sesame's. Whose it is, when it was made and what it is for are signed in it, with the
last sign-in and the address, so using any link ends all other links of that customer as well. The token of
an invitation also names its mail in the ledger (`<mail>.<token>`): what was revoked there is dead.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import login
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from sesame.tokens import create_token, parse_token

from customers.models import FormerSpelling, User, WelcomeMail
from customers.sign_in import repeats, throttle
from customers.sign_in.client import client_address
from customers.sign_in.noting import ANYBODY, note
from kernel import as_login

BACKEND = "django.contrib.auth.backends.ModelBackend"
TOKEN_MAX = 100
PLAUSIBLE = re.compile(rf"[A-Za-z0-9_.-]{{1,{TOKEN_MAX}}}")
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


def _invitation(mail_id: int | str) -> str:
    return f"{INVITED}:{mail_id}"


def _url(token: str) -> str:
    return f"{settings.CUSTOMER_BASE_URL}{reverse('customers:link', args=[token])}"


def resolve(token: str) -> Link | None:
    """Look at a token without using it up."""
    if len(token) > TOKEN_MAX:
        return None
    mail_id, dot, signed = token.rpartition(".")
    return _invited(mail_id, signed) if dot else _requested(signed)


def addressee(token: str) -> User | None:
    """Return whose link it was: one that is too old, or was revoked. Made up or used, it tells nothing."""
    mail_id, dot, signed = token.rpartition(".")
    if len(token) > TOKEN_MAX:
        return None
    return _owner(signed, _invitation(mail_id) if dot else REQUESTED, timedelta.max)


def is_plausible(token: str) -> bool:
    """Return whether it could be a token, from its letters: then it can stand in an address."""
    return PLAUSIBLE.fullmatch(token) is not None


def use(request: HttpRequest, token: str) -> User | None:
    """Sign the owner of the token in, once; return None if the token is not good (any more).

    Of two uses at the same moment one wins: only it finds the last sign-in as its token had it. The other one
    waits for it here, and is a repeat if it comes from the same browser: a double click. Browsers follow the
    later answer and may drop the first one with its cookies, so a repeat gets a session of its own.
    """
    with transaction.atomic():
        link = resolve(token)
        if link is not None and _claim(link.user):
            repeats.expect(request, token)
            return _sign_in(request, link.user, "sign_in.used", {"link": link.origin})
        user = owner(request, token)
        if user is not None:
            return user
        if repeats.is_expected(request, token):
            return _sign_in_again(request, token)
        _note_refusal(request, token)
        return None


def owner(request: HttpRequest, token: str) -> User | None:
    """Return who is signed in, if the token, good or not, says that it is theirs.

    What a token says can be made up. It leads people to their own account only, where they can go anyway.
    """
    user = request.user
    if isinstance(user, User) and user.role == User.Role.CUSTOMER and _named(token) == user.pk:
        return user
    return None


def _sign_in(request: HttpRequest, user: User, action: str, data: Mapping[str, str]) -> User:
    note(f"customer:{user.pk}", action, f"user:{user.pk}", data)
    user.refresh_from_db()
    login(request, user, backend=BACKEND)
    return user


def _sign_in_again(request: HttpRequest, token: str) -> User | None:
    """The very token was good a moment ago, so whom it names is true."""
    pk = _named(token)
    user = _customer(pk) if pk is not None else None
    return _sign_in(request, user, "sign_in.repeated", {}) if user else None


def _note_refusal(request: HttpRequest, token: str) -> None:
    """Note it, but not without end: anybody can make up tokens, and the audit log is for ever."""
    client = throttle.bucket("refused-links", client_address(request) or ANYBODY)
    if throttle.take({client: REFUSALS_NOTED}) is None:
        note(ANYBODY, "sign_in.refused", f"link:{_digest(token)}")


def _named(token: str) -> int | None:
    """Read whom a token names, without a look at its signature and age."""
    if not is_plausible(token):
        return None
    signed = token.rpartition(".")[2]
    named: list[int] = []
    parse_token(signed, named.append, max_age=timedelta.max)  # it asks for the user before it verifies
    return named[0] if named else None


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
    if user is None and (before := parse_token(signed, _as_spelt_before, scope=scope, max_age=ttl)):
        user = _customer(before.pk)
    return user


def _customer(pk: int) -> User | None:
    """Staff never sign in by link, whatever the token says."""
    return User.objects.filter(pk=pk, is_active=True, role=User.Role.CUSTOMER).first()


def _as_spelt_before(pk: int) -> User | None:
    """Return the customer with the address that older links are signed over, unless it was changed since."""
    former = FormerSpelling.objects.filter(user=pk).first()
    user = _customer(pk) if former else None
    if former is None or user is None or as_login(former.email) != as_login(user.email):
        return None
    user.email = former.email
    return user


def forget_former_spellings() -> int:
    """Forget those whose links are all too old to be read."""
    return FormerSpelling.objects.filter(at__lt=timezone.now() - settings.SESAME_MAX_AGE).delete()[0]


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()[:8]
