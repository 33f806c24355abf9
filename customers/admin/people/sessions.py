"""A customer's charging sessions: parts of the page that are fetched by themselves, as SteVe may be slow."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse

from customers.admin.access import CUSTOMERS, needs
from customers.backfill.billed import billed
from customers.backfill.sessions import recent_sessions
from customers.models import Customer

NAME = "customers_customer_sessions"
BILLED = "customers_customer_billed"


class SessionsMixin:
    """Adds the parts to the page of a customer, and the addresses they are fetched from."""

    admin_site: admin.AdminSite

    def get_urls(self) -> list[URLPattern]:
        guard = self.admin_site.admin_view
        return [
            path("<int:pk>/sessions/", guard(self.sessions_view), name=NAME),
            path("<int:pk>/billed/<int:card>/<int:session>/", guard(self.billed_view), name=BILLED),
            *super().get_urls(),  # type: ignore[misc]
        ]

    @needs(CUSTOMERS)
    def sessions_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        customer = get_object_or_404(Customer, pk=pk)
        sessions = recent_sessions(customer)
        cards = [(card, sessions.last.get(card.pk)) for card in customer.id_tag_mappings.all()]
        context = {"sessions": sessions, "cards": cards, "customer": customer}
        return render(request, "admin/customers/customer/sessions.html", context)

    @needs(CUSTOMERS)
    def billed_view(self, request: HttpRequest, pk: int, card: int, session: int) -> HttpResponse:
        """Say whether Lago has a session, for the line that names it."""
        mapping = get_object_or_404(get_object_or_404(Customer, pk=pk).id_tag_mappings, pk=card)
        context = {"billed": billed(mapping, session, _moment(request.GET.get("begun", "")))}
        return render(request, "admin/customers/customer/billed.html", context)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        customer = kwargs.get("obj") or context.get("original")
        if customer is not None and settings.STEVE_BASE_URL:
            context["sessions_url"] = reverse(f"admin:{NAME}", args=[customer.pk])
        return super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Http404 from None
    if moment.tzinfo is None:
        raise Http404
    return moment
