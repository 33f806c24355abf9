"""Who may do what in the admin, and under which name it is written down."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from customers.models import User

SEE = "customers.view_backfillrun"
RUN = "customers.run_backfill"
REVERT = "customers.revert_backfill"
WELCOME = "customers.send_welcome"
APPROVE = "customers.approve_backfill"
CONTROL = "customers.control_backfill"
CUSTOMERS = "customers.view_customer"
ON_CUSTOMERS = (CUSTOMERS, "customers.change_customer")
ID_TAGS = ("customers.view_idtagmapping", "customers.change_idtagmapping")
EDIT_MAPPINGS = "customers.edit_mappings"
AUDIT = "auditlog.view_auditentry"

WORDS = {
    SEE: "see runs",
    RUN: "import",
    REVERT: "revert",
    WELCOME: "send welcome mails",
    APPROVE: "approve imports",
    CONTROL: "pause, stop and pace runs",
    CUSTOMERS: "see customers",
    ID_TAGS[0]: "see idTags",
    ID_TAGS[1]: "change idTags",
    AUDIT: "see the audit log",
}

# Who may do something with runs must see them.
ON_RUNS = (SEE, RUN, REVERT, WELCOME, APPROVE, CONTROL)

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


def may(user: "User | AnonymousUser", *permissions: str) -> bool:
    """Return whether the user has any of the permissions."""
    return any(user.has_perm(permission) for permission in permissions)


def missing(*permissions: str) -> str:
    """Say which right a page needs, any of these."""
    words = [WORDS[permission] for permission in permissions if permission in WORDS]
    return f"It needs the right to {' or to '.join(words)}."


def needs(*permissions: str) -> Callable[[View], View]:
    """Refuse a view of a ModelAdmin to whoever has none of the permissions."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(self: Any, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not may(request.user, *permissions):
                raise PermissionDenied(missing(*permissions))
            return view(self, request, *args, **kwargs)

        return cast(View, guarded)

    return decorate


def staff(request: HttpRequest) -> User:
    """Return the person who asks; only pages behind the admin's login call this."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def actor(request: HttpRequest) -> str:
    return f"staff:{staff(request).pk}"
