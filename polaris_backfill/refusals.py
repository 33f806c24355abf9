"""Pages instead of what Django and django-axes would say by themselves, for customers and for staff."""

import sys
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override
from django.views.decorators.cache import never_cache

from customers.database import Trouble, trouble_of
from customers.languages import language_of_visitor, named
from customers.mail.messages import contact
from customers.phrases import in_words
from customers.views import stale_form

ADMIN = "/admin/"
Words = str | Promise
TRY_AGAIN = _("Nothing of this page was done. Try again a little later.")


@never_cache
def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Say what to do (Django's CSRF_FAILURE_VIEW). Why it failed is for the log alone."""
    if not request.path.startswith(ADMIN):
        return stale_form(request)
    if request.path == reverse("admin:login") and admin.site.has_permission(request):
        return redirect("admin:index")  # a second click, after the first was answered
    blocked = settings.CSRF_COOKIE_NAME not in request.COOKIES
    return _admin_page(request, "stale_form", 403, again=_where_it_was(request), blocked=blocked)


@never_cache
def locked_out(
    request: HttpRequest, response: HttpResponse, credentials: object, *args: object
) -> HttpResponse:
    """Say how long (django-axes' AXES_LOCKOUT_CALLABLE); the same whether there is such an account or not."""
    return _admin_page(request, "locked_out", 429, wait=in_words(settings.AXES_COOLOFF_TIME))


def bad_request(request: HttpRequest, exception: object = None) -> HttpResponse:
    """Say that the request made no sense (Django's handler400). Not even its host may be trusted."""
    return outside(
        request, _("This address cannot be read"), _("Nothing was done. Go back, and try again."), 400
    )


def not_found(request: HttpRequest, exception: object = None) -> HttpResponse:
    lead = _(
        "There is no such page. What it was about may have been removed, or the address is not complete."
    )
    return _refused(request, _("Page not found"), lead, 404)


def forbidden(request: HttpRequest, exception: object = None) -> HttpResponse:
    """Name the right that is missing, where the page knows it (Django's handler403)."""
    why = str(exception or "") or "It needs a right that you do not have."
    return _refused(request, "This is not open to you", f"{why} A superuser can give it to you.", 403)


def broken(request: HttpRequest) -> HttpResponse:
    """Say that the database is away, and to staff what it has (Django's handler500), or a bug."""
    error = sys.exc_info()[1]
    trouble = trouble_of(error) if isinstance(error, DatabaseError) else None
    if trouble is None:
        return outside(
            request, _("Something went wrong here"), _("It was written down. Try again later."), 500
        )
    connection.close()
    lead = format_lazy("{} {}", _shown(request, trouble), TRY_AGAIN)
    return outside(request, _("The database cannot be used"), lead, 503)


def _shown(request: HttpRequest, trouble: Trouble) -> Words:
    """Tell staff what there is; who asks is known only if that could still be read."""
    if not getattr(vars(request).get("_cached_user"), "is_staff", False):
        return _("It does not do what is asked of it; the log of this service says why.")
    return str(trouble)


def too_large(request: HttpRequest) -> HttpResponse:
    most = settings.MAX_UPLOAD_BYTES // 2**20
    lead = format_lazy(_("A file may have {most} MB here, and nothing of yours was kept."), most=most)
    if request.path.startswith(ADMIN):
        lead = format_lazy("{} The command backfill_customers takes larger ones.", lead)
    return outside(request, _("The file is too large"), lead, 413)


def outside(request: HttpRequest, title: Words, lead: Words, status: int) -> HttpResponse:
    """Render a page that needs to know neither who asks nor by which host."""
    is_admin = request.path.startswith(ADMIN)
    with override(settings.LANGUAGE_CODE if is_admin else language_of_visitor(request)):
        return named(_outside(title, lead, status, is_admin=is_admin))


def _outside(title: Words, lead: Words, status: int, *, is_admin: bool) -> HttpResponse:
    context = {
        "operator": settings.OPERATOR_NAME,
        "contact": "" if is_admin else contact().address,
        "title": title,
        "lead": lead,
        "way": reverse("admin:index" if is_admin else "customers:account"),
        "way_label": "Overview" if is_admin else _("Your account"),
    }
    return HttpResponse(render_to_string("customers/refused.html", context), status=status)


def _refused(request: HttpRequest, title: Words, lead: Words, status: int) -> HttpResponse:
    if request.path.startswith(ADMIN) and admin.site.has_permission(request):
        return _admin_page(request, "refused", status, title=title, lead=lead)
    return outside(request, title, lead, status)


def _admin_page(request: HttpRequest, name: str, status: int, **context: Any) -> HttpResponse:
    everywhere = admin.site.each_context(request)
    return render(request, f"admin/{name}.html", {**everywhere, **context}, status=status)


def _where_it_was(request: HttpRequest) -> str:
    """Return the page that the form is on: pages of the admin tell each other where one comes from."""
    page = request.headers.get("Referer", "")
    ours = url_has_allowed_host_and_scheme(page, {request.get_host()}, require_https=request.is_secure())
    return page if ours else reverse("admin:index")
