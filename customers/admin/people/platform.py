"""What the platform has of a customer or a card: a part of the page that is fetched by itself, read live."""

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from customers.admin.access import CUSTOMERS, ID_TAGS, needs
from customers.backfill.beside import is_beside_platform
from customers.backfill.on_platform import OnPlatform, card_on_platform, customer_on_platform
from customers.models import Customer, IdTagMapping

TEMPLATE = "admin/customers/on_platform.html"


class _OnPlatform:
    """Adds the part to a page, where a platform is connected, and the address it is fetched from."""

    admin_site: admin.AdminSite
    on_platform_name: ClassVar[str]
    on_platform_view: Any

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.on_platform_view)
        return [path("<int:pk>/platform/", view, name=self.on_platform_name), *super().get_urls()]  # type: ignore[misc]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        shown = kwargs.get("obj") or context.get("original")
        if shown is not None and is_beside_platform():
            context["platform_url"] = reverse(f"admin:{self.on_platform_name}", args=[shown.pk])
        return super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]


class CustomerOnPlatform(_OnPlatform):
    on_platform_name = "customers_customer_platform"

    @needs(CUSTOMERS)
    def on_platform_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        seen = customer_on_platform(get_object_or_404(Customer, pk=pk), timezone.now())
        return _shown(request, seen, with_user=True)


class CardOnPlatform(_OnPlatform):
    on_platform_name = "customers_idtagmapping_platform"

    @needs(*ID_TAGS)
    def on_platform_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        card = get_object_or_404(IdTagMapping.objects.select_related("user"), pk=pk)
        return _shown(request, card_on_platform(card, timezone.now()), with_user=False)


def _shown(request: HttpRequest, seen: OnPlatform, *, with_user: bool) -> HttpResponse:
    return render(request, TEMPLATE, {"seen": seen, "with_user": with_user})
