"""Who was told of a run, who could not be, and trying that again."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern

from auditlog.people import actor_names
from customers.admin.access import RUN, actor, needs
from customers.admin.pages import Pages, post_only
from customers.backfill.notices import delivering
from customers.backfill.notices.events import in_words
from customers.backfill.notices.problems import remedy_of
from customers.models import BackfillRun, Notice

SHOWN = 12


@dataclass(frozen=True, slots=True)
class Line:
    """One notice, as people read it; `who` is a name, looked up for whoever looks."""

    notice: Notice
    words: str
    who: str

    @property
    def is_delivered(self) -> bool:
        return self.notice.state == Notice.State.DELIVERED

    @property
    def is_given_up(self) -> bool:
        return self.notice.state == Notice.State.GIVEN_UP

    @property
    def why(self) -> str:
        return remedy_of(self.notice.code) if self.notice.code else ""


def told_of(run: BackfillRun) -> Sequence[Line]:
    """Return what was told of the run, the newest first."""
    notices = list(run.notices.all()[:SHOWN])
    names = actor_names({f"staff:{notice.user_id}" for notice in notices if notice.user_id})
    return [
        Line(
            notice,
            in_words(notice.event, notice.payload.get("kind", "")),
            names.get(f"staff:{notice.user_id}", ""),
        )
        for notice in notices
    ]


class TellingPages(Pages):
    def get_urls(self) -> list[URLPattern]:
        return [
            self.route("<int:pk>/told/<int:notice>/again/", self.tell_again_view, "tell_again"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    @post_only
    @needs(RUN)
    def tell_again_view(self, request: HttpRequest, pk: int, notice: int) -> HttpResponse:
        run = self.run(pk)
        if delivering.try_again(get_object_or_404(run.notices, pk=notice), actor(request)):
            messages.info(request, "It is tried again by the worker.")
        else:
            messages.info(request, "It has been told, or is being told at this moment.")
        return self.back(run)
