"""What all pages about a run share."""

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST

from customers.admin.following import PAGE, PART, Following, is_followed
from customers.admin.wording import in_console
from customers.backfill.refused import Refused
from customers.models import BackfillRun

TEMPLATES = "admin/customers/backfillrun"

post_only = method_decorator(require_POST)


class Pages:
    """A part of the admin of runs; mixed in before ModelAdmin, whose attributes these are."""

    admin_site: Any
    opts: Any

    def route(self, route: str, view: Callable[..., HttpResponseBase], name: str) -> URLPattern:
        """Put a view behind the admin's login, under a name such as `admin:customers_backfillrun_stop`."""
        guarded: Callable[..., HttpResponseBase] = self.admin_site.admin_view(view)
        return path(route, guarded, name=f"customers_backfillrun_{name}")

    def show(
        self, request: HttpRequest, template: str, title: str, context: Mapping[str, Any]
    ) -> TemplateResponse:
        everywhere = {**self.admin_site.each_context(request), "opts": self.opts, "title": title}
        everywhere["object"] = context.get("run")  # the end of the breadcrumbs
        return TemplateResponse(request, f"{TEMPLATES}/{template}.html", {**everywhere, **context})

    def follow(
        self,
        request: HttpRequest,
        template: str,
        title: str,
        context: Mapping[str, Any],
        following: Following,
    ) -> HttpResponse:
        """Show a page that asks for itself again while something is under way, or the part that it wants."""
        if is_followed(request):
            part = {**context, "follow": following, "frame": PART}
            return render(request, f"{TEMPLATES}/{template}.html", part)
        return self.show(request, template, title, {**context, "follow": following, "frame": PAGE})

    @staticmethod
    def run(pk: int | str) -> BackfillRun:
        return get_object_or_404(BackfillRun, pk=pk)

    @staticmethod
    def back(run: BackfillRun) -> HttpResponse:
        return redirect("admin:customers_backfillrun_change", run.pk)

    @staticmethod
    def say(request: HttpRequest, refused: Refused) -> None:
        messages.error(request, in_console(f"{refused} {refused.hint}".strip()))
