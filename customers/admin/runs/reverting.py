"""Revert a run: look first, choose, type the run id, and the worker does it."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern
from unfold.widgets import UnfoldAdminRadioSelectWidget, UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from customers.admin.access import REVERT, actor, needs
from customers.admin.following import following_job
from customers.admin.pages import Pages, post_only
from customers.backfill.beside import is_beside_platform
from customers.backfill.ledger.kept import kept_of
from customers.backfill.ledger.looks import Since, since
from customers.backfill.ledger.standing import shown_status
from customers.backfill.steps import in_order, label, leavable, nouns
from customers.jobs import NO_WAIT, WITHOUT, ask
from customers.models import BackfillRun, RunJob

Kind, Status, RunStatus = RunJob.Kind, RunJob.Status, BackfillRun.Status
CHOICES = {
    "keep_active": "Keep them; remove all others",
    "discard_activity": "Remove them too, with all they added since",
}
NOT_NOW = (RunStatus.QUEUED, RunStatus.RUNNING)


class RevertForm(forms.Form):
    """Asks for the run id to be typed, and for a choice where customers were active."""

    choice = forms.ChoiceField(
        choices=list(CHOICES.items()), widget=UnfoldAdminRadioSelectWidget, label="Customers who were active"
    )
    run_id = forms.CharField(
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}), label="Type the run id to confirm"
    )

    no_wait = forms.BooleanField(
        required=False, widget=UnfoldBooleanWidget, label="Do not wait for the platform",
        help_text="Its sync is woken all the same. Nobody looks what SteVe has then.",
    )  # fmt: skip
    look = forms.IntegerField(required=False, widget=forms.HiddenInput())

    def __init__(
        self, *args: Any, run: BackfillRun, look: RunJob | None, active: bool, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.run, self.seen = run, look
        self.initial["look"] = look.pk if look else None
        if not active:
            del self.fields["choice"]
        if not is_beside_platform():
            del self.fields["no_wait"]

    def clean_run_id(self) -> str:
        typed: str = self.cleaned_data["run_id"].strip()
        if typed != self.run.run_id:
            raise forms.ValidationError("This is not the id of the run.")
        return typed

    def clean_look(self) -> None:
        """Refuse to go by another look than the one that was read."""
        given = self.cleaned_data["look"]
        if given is not None and (self.seen is None or given != self.seen.pk):
            raise forms.ValidationError(
                "Somebody has looked again since. Read what it says now, and confirm."
            )

    def options(self) -> dict[str, bool]:
        choice, no_wait = self.cleaned_data.get("choice"), self.cleaned_data.get("no_wait")
        return ({choice: True} if choice else {}) | ({NO_WAIT: True} if no_wait else {})


class RevertPages(Pages):
    def get_urls(self) -> list[URLPattern]:
        return [
            self.route("<int:pk>/revert/", self.revert_view, "revert"),
            self.route("<int:pk>/revert/look/", self.look_view, "revert_look"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    @needs(REVERT)
    def revert_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        run = self.run(pk)
        look = run.jobs.filter(kind=Kind.REVERT_PREVIEW).first()
        if look and run.status == RunStatus.REVERTED and since(run, look) is Since.REVERTED:
            look = None  # it is to be looked at anew
        plan = look.result if look and look.status == Status.DONE else None
        under_way = run.jobs.unfinished().filter(kind=Kind.REVERT).exists()
        is_open = plan is not None and not under_way and shown_status(run) not in NOT_NOW
        form = RevertForm(
            request.POST if request.method == "POST" else None,
            run=run, look=look, active=bool(plan and plan["active_total"]),
        )  # fmt: skip
        if request.method == "POST" and is_open and form.is_valid():
            ask(run, Kind.REVERT, actor(request), **form.options(), **_left_out(look))
            return self.back(run)
        if request.method == "POST" and under_way:  # a second click
            return self.back(run)
        context = {
            "run": run,
            "status": shown_status(run),
            "is_over": run.status == RunStatus.REVERTED and not kept_of(run).can_go,
            "look": look,
            "plan": plan,
            "buckets": _buckets(plan) if plan else [],
            "form": form,
            "is_open": is_open,
            "not_now": shown_status(run) in NOT_NOW,
            "can_be_left": [(key, name, nouns(key)) for key, name in leavable().items() if key in run.world],
        }
        return self.follow(request, "revert", f"Revert run {run.run_id}", context, following_job(look))

    @post_only
    @needs(REVERT)
    def look_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        run = self.run(pk)
        if shown_status(run) not in NOT_NOW:
            left_out = {WITHOUT: request.POST.getlist(WITHOUT)} if WITHOUT in request.POST else {}
            ask(run, Kind.REVERT_PREVIEW, actor(request), **left_out)
        return redirect("admin:customers_backfillrun_revert", run.pk)


def _left_out(look: RunJob | None) -> dict[str, list[str]]:
    """Return what the look left alone: the revert that follows it leaves the same alone."""
    return {WITHOUT: look.options[WITHOUT]} if look and look.options.get(WITHOUT) else {}


def _buckets(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a line per kind of thing, those that are removed first in the order of removal."""
    buckets = plan["buckets"]
    names = ("remove", "active", "kept", "gone")
    there = in_order({step for name in names for step in buckets[name]})
    return [
        {"label": label(step), **{name: buckets[name].get(step, 0) for name in names}}
        for step in reversed(there)
    ]
