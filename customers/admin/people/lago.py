"""What Lago has of a customer: a part of the page that is fetched by itself, as Lago may be slow."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse

from customers.admin.access import CUSTOMERS, needs
from customers.admin.people.summary import lago_page_of
from customers.backfill.at_lago import customer_at_lago
from customers.models import Customer

NAME = "customers_customer_lago"


class LagoMixin:
    """Adds the part to the page of a customer, and the address it is fetched from."""

    admin_site: admin.AdminSite

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.lago_view)
        return [path("<int:pk>/lago/", view, name=NAME), *super().get_urls()]  # type: ignore[misc]

    @needs(CUSTOMERS)
    def lago_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        customer = get_object_or_404(Customer, pk=pk)
        seen, at_lago = customer_at_lago(customer), lago_page_of(customer)
        context = {"seen": seen, "at_lago": at_lago, "external_id": customer.external_id}
        return render(request, "admin/customers/customer/lago.html", context)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        customer = kwargs.get("obj") or context.get("original")
        if customer is not None and customer.external_id and settings.LAGO_API_KEY:
            context["lago_url"] = reverse(f"admin:{NAME}", args=[customer.pk])
        return super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]
