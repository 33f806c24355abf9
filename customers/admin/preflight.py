"""The page that looks at everything a night depends on: there at once, each system by itself."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern

from customers.admin.access import RUN, needs
from customers.admin.pages import TEMPLATES, Pages
from customers.backfill.preflight import Asked, Part, parts


class PreflightPages(Pages):
    def get_urls(self) -> list[URLPattern]:
        return [
            self.route("preflight/", self.preflight_view, "preflight"),
            self.route("preflight/<str:key>/", self.preflight_part_view, "preflight_part"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    @needs(RUN)
    def preflight_view(self, request: HttpRequest) -> HttpResponse:
        """Name the systems; a script asks for each, or a link for all of them at once."""
        look = "look" in request.GET
        shown = [_shown(part) if look else {"part": part} for part in parts(Asked())]
        return self.show(request, "preflight", "Before the night", {"shown": shown, "looked": look})

    @needs(RUN)
    def preflight_part_view(self, request: HttpRequest, key: str) -> HttpResponse:
        """Look at one system, for the page, which does not wait for it."""
        part = next((part for part in parts(Asked()) if part.key == key), None)
        if part is None:
            raise Http404
        return render(request, f"{TEMPLATES}/preflight_part.html", {"one": _shown(part)})


def _shown(part: Part[Any]) -> dict[str, Any]:
    return {"part": part, "findings": list(part.findings(Asked()))}
