"""Pause, resume, stop and pace what is under way of a run, or begin it before its hour: from its page."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern

from auditlog.people import actor_names
from customers.admin.access import CONTROL, ON_RUNS, REVERT, RUN, actor, may, missing, needs, staff
from customers.admin.pages import Pages, post_only
from customers.admin.wording import in_console
from customers.backfill import control
from customers.backfill.ledger import schedule
from customers.backfill.ledger.life import WORKING
from customers.backfill.ledger.pace import MOST_PER_S, Pace, pace_of, usual_pace
from customers.backfill.refused import Refused
from customers.jobs import stop_waiting
from customers.models import BackfillRun, RunJob, User
from kernel.pace import MOST_AT_ONCE

Status = BackfillRun.Status
TAKEN_BACK = (Status.REVERTING, Status.REVERTED)
UNDER_WAY = (Status.QUEUED, *WORKING)


def right_to_control(run: BackfillRun) -> str:
    """Return the permission to begin what is under way; whoever has it may stop and pace it, too."""
    return REVERT if _is_revert(run) else RUN


def _is_revert(run: BackfillRun) -> bool:
    """Return whether what is under way is a revert, be it of chosen customers."""
    return run.status in TAKEN_BACK or bool(run.taking_back)


def may_control(user: User, run: BackfillRun) -> bool:
    """Return whether the user may stop, pause and pace it: by a right, or as who started it."""
    return may(user, right_to_control(run), CONTROL) or f"staff:{user.pk}" == _starter(run)


def _starter(run: BackfillRun) -> str:
    if not _is_revert(run):
        return run.actor
    revert = RunJob.objects.filter(run=run, kind=RunJob.Kind.REVERT).first()
    return revert.actor if revert else ""


class PaceForm(forms.Form):
    rate = forms.FloatField(min_value=0, max_value=MOST_PER_S, required=False)
    concurrency = forms.IntegerField(min_value=1, max_value=MOST_AT_ONCE, required=False)


@dataclass(frozen=True, slots=True)
class Controls:
    """What the page says and offers. `who` asked last to stop or to pause; a command is not the worker."""

    run: BackfillRun
    is_at_work: bool
    may: bool
    who: str
    by_worker: bool
    is_repaired: bool = False

    @property
    def is_stopping(self) -> bool:
        return self.run.stop_requested and (self.is_at_work or self.is_repaired)

    @property
    def is_pausing(self) -> bool:
        return self.run.pause_requested and self.is_at_work

    @property
    def paused_at(self) -> datetime | None:
        return self.run.paused_at

    @property
    def can_pause(self) -> bool:
        return self.is_at_work and not (self.is_stopping or self.is_pausing or self.paused_at)

    @property
    def can_stop(self) -> bool:
        at_work = self.is_at_work or self.is_repaired or self.paused_at is not None
        return at_work and not self.is_stopping

    @property
    def pace(self) -> Pace:
        return pace_of(self.run).over(usual_pace(self.run, by_worker=self.by_worker))

    @property
    def is_paced(self) -> bool:
        return pace_of(self.run).is_chosen

    @property
    def begins_at(self) -> str:
        return schedule.told(self.run) if self.run.status == Status.QUEUED else ""


def controls_of(run: BackfillRun, user: User, *, is_at_work: bool, by_worker: bool) -> Controls:
    who = actor_names([run.asked_by])[run.asked_by] if run.asked_by else "somebody"
    may_do = may_control(user, run)
    return Controls(run, is_at_work, may_do, who, by_worker, control.is_repaired(run))


class ControlPages(Pages):
    def get_urls(self) -> list[URLPattern]:
        return [
            self.route("<int:pk>/stop/", self.stop_view, "stop"),
            self.route("<int:pk>/pause/", self.pause_view, "pause"),
            self.route("<int:pk>/resume/", self.resume_view, "resume"),
            self.route("<int:pk>/pace/", self.pace_view, "pace"),
            self.route("<int:pk>/start-now/", self.start_now_view, "start_now"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    @post_only
    @needs(*ON_RUNS)
    def stop_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Stop an import, a revert or a repair, or the wait for the platform after it."""
        run = self._controlled(request, pk)
        is_over = run.status not in (*UNDER_WAY, Status.PAUSED) and not control.is_repaired(run)
        if is_over and stop_waiting(run, actor(request)):
            messages.info(request, "Nobody waits for the platform's sync any more.")
            return self.back(run)
        return self._do(request, run, control.stop)

    @post_only
    @needs(*ON_RUNS)
    def pause_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._do(request, self._controlled(request, pk), control.pause)

    @post_only
    @needs(*ON_RUNS)
    def resume_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._do(request, self._controlled(request, pk), control.resume)

    @post_only
    @needs(*ON_RUNS)
    def start_now_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._do(request, self._controlled(request, pk), control.start_now)

    @post_only
    @needs(*ON_RUNS)
    def pace_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        run, form = self._controlled(request, pk), PaceForm(request.POST)
        if not form.is_valid():
            limits = f"0 to {MOST_PER_S:,} calls per second, 1 to {MOST_AT_ONCE} at once"
            messages.error(request, f"The pace is as it was: it must be {limits}.")
            return self.back(run)
        pace = Pace(form.cleaned_data["rate"], form.cleaned_data["concurrency"])
        return self._do(request, run, control.pace, chosen=pace)

    def _controlled(self, request: HttpRequest, pk: int) -> BackfillRun:
        run = self.run(pk)
        if not may_control(staff(request), run):
            raise PermissionDenied(missing(right_to_control(run), CONTROL))
        return run

    def _do(
        self, request: HttpRequest, run: BackfillRun, what: Callable[..., str], **how: Any
    ) -> HttpResponse:
        """Do it, and say what comes of it, or why it cannot be."""
        try:
            messages.info(request, in_console(what(run, actor=actor(request), **how)))
        except Refused as refused:
            self.say(request, refused)
        return self.back(run)
