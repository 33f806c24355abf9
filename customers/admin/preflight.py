"""The page that looks at everything a night depends on: there at once, each system by itself."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern

from customers import webhook
from customers.admin.access import RUN, needs
from customers.admin.pages import TEMPLATES, Pages, post_only
from customers.backfill.notices import delivering
from customers.backfill.notices.problems import remedy_of
from customers.backfill.preflight import Asked, Part, parts
from kernel.deadline import Deadline

WITHIN_S = 35.0  # of Lago, SteVe and the platform: mail and queue have limits of their own, proxies give 60 s


class PreflightPages(Pages):
    def get_urls(self) -> list[URLPattern]:
        return [
            self.route("preflight/", self.preflight_view, "preflight"),
            self.route("preflight/webhook/test/", self.preflight_test_view, "preflight_test"),
            self.route("preflight/<str:key>/", self.preflight_part_view, "preflight_part"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    @needs(RUN)
    def preflight_view(self, request: HttpRequest) -> HttpResponse:
        """Name the systems; a script asks for each, or a link for all of them at once."""
        look = "look" in request.GET
        asked = _asked()
        shown = [_shown(part, asked) if look else {"part": part} for part in parts(asked)]
        return self.show(
            request,
            "preflight",
            "Before the night",
            {"shown": shown, "looked": look, "has_webhook": webhook.is_set()},
        )

    @needs(RUN)
    def preflight_part_view(self, request: HttpRequest, key: str) -> HttpResponse:
        """Look at one system, for the page, which does not wait for it."""
        asked = _asked()
        part = next((part for part in parts(asked) if part.key == key), None)
        if part is None:
            raise Http404
        return render(request, f"{TEMPLATES}/preflight_part.html", {"one": _shown(part, asked)})

    @post_only
    @needs(RUN)
    def preflight_test_view(self, request: HttpRequest) -> HttpResponse:
        """Tell the webhook that this is a test, and say what it answered."""
        code = delivering.send_test()
        if code:
            messages.error(request, f"The webhook did not take the test: {remedy_of(code)}")
        else:
            messages.success(request, f"The webhook at {webhook.host()} took the test.")
        return redirect("admin:customers_backfillrun_preflight")


def _asked() -> Asked:
    return Asked(deadline=Deadline(WITHIN_S))


def _shown(part: Part[Any], asked: Asked) -> dict[str, Any]:
    return {"part": part, "findings": list(part.findings(asked))}
