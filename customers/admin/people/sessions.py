"""A customer's charging sessions: a part of the page that is fetched by itself, as SteVe may be slow."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse

from customers.admin.access import CUSTOMERS, needs
from customers.backfill.sessions import recent_sessions
from customers.models import Customer

NAME = "customers_customer_sessions"


class SessionsMixin:
    """Adds the part to the page of a customer, and the address it is fetched from."""

    admin_site: admin.AdminSite

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.sessions_view)
        return [path("<int:pk>/sessions/", view, name=NAME), *super().get_urls()]  # type: ignore[misc]

    @needs(CUSTOMERS)
    def sessions_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        customer = get_object_or_404(Customer, pk=pk)
        context = {"sessions": recent_sessions(customer)}
        return render(request, "admin/customers/customer/sessions.html", context)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        customer = kwargs.get("obj") or context.get("original")
        if customer is not None and settings.STEVE_BASE_URL:
            context["sessions_url"] = reverse(f"admin:{NAME}", args=[customer.pk])
        return super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]
