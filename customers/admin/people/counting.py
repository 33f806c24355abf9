"""The overview's part about people: fetched by itself, as counting a hundred thousand takes a moment."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path

from customers.admin.access import CUSTOMERS, needs
from customers.admin.people.figures import by_plan, invited
from customers.backfill.beside import is_beside_platform
from customers.models import User

NAME = "customers_customer_figures"


class CountingMixin:
    """Adds the address that the overview asks."""

    admin_site: admin.AdminSite

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.figures_view)
        return [path("figures/", view, name=NAME), *super().get_urls()]  # type: ignore[misc]

    @needs(CUSTOMERS)
    def figures_view(self, request: HttpRequest) -> HttpResponse:
        return render(request, "admin/customers/overview/people.html", counted())


def counted() -> dict[str, Any]:
    """Return what the part shows."""
    plans, more_plans = by_plan()
    return {
        "plans": plans,
        "more_plans": more_plans,
        "invited": invited(),
        "customers": User.objects.filter(role=User.Role.CUSTOMER).count(),
        "platform_beside": is_beside_platform(),
    }
