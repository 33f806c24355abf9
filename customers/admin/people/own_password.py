"""Somebody changes their own password: Django's page, and an audit entry, which that page does not make."""

from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from auditlog.models import Event, record
from customers.admin.access import actor
from customers.models import User


@transaction.atomic
def password_change(request: HttpRequest) -> HttpResponse:
    before = _password(request)
    response: HttpResponse = admin.site.admin_view(admin.site.password_change, cacheable=True)(request)
    if _password(request) != before:
        event = Event("user.changed", f"user:{request.user.pk}", {"fields": ["password"]})
        record("admin", actor(request), [event])
    return response


def _password(request: HttpRequest) -> str:
    return request.user.password if isinstance(request.user, User) else ""
