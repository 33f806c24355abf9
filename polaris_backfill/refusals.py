"""Pages instead of what Django and django-axes would say by themselves, for customers and for staff."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache

from customers.mail.messages import in_words
from customers.views import stale_form
from polaris_backfill.security import ADMIN


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


def _admin_page(request: HttpRequest, name: str, status: int, **context: Any) -> HttpResponse:
    everywhere = admin.site.each_context(request)
    return render(request, f"admin/{name}.html", {**everywhere, **context}, status=status)


def _where_it_was(request: HttpRequest) -> str:
    """Return the page that the form is on: pages of the admin tell each other where one comes from."""
    page = request.headers.get("Referer", "")
    ours = url_has_allowed_host_and_scheme(page, {request.get_host()}, require_https=request.is_secure())
    return page if ours else reverse("admin:index")
