"""Revert a run: look first, choose, type the run id, and the worker does it."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, QueryDict
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
from customers.backfill.refused import Refused
from customers.backfill.revert.chosen import choose
from customers.backfill.steps import in_order, label, leavable, nouns
from customers.jobs import NO_WAIT, ONLY, WITHOUT, ask
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
            ask(run, Kind.REVERT, actor(request), **form.options(), **_kept_options(look))
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

    def _look(self, request: HttpRequest, run: BackfillRun, options: dict[str, Any]) -> None:
        """Have the worker look; raise Refused if somebody is unknown, or while it looks at others."""
        if ONLY in options:
            choose(run, options[ONLY])
        look = ask(run, Kind.REVERT_PREVIEW, actor(request), **options)
        if look.options.get(ONLY) != options.get(ONLY):
            raise Refused("The worker looks at other customers of this run.", "Choose again once it has.")

    @post_only
    @needs(REVERT)
    def look_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        run = self.run(pk)
        if shown_status(run) not in NOT_NOW:
            options: dict[str, Any] = _chosen(run, request.POST)
            if WITHOUT in request.POST:
                options[WITHOUT] = request.POST.getlist(WITHOUT)
            try:
                self._look(request, run, options)
            except Refused as refused:
                self.say(request, refused)
                return self.back(run)
        return redirect("admin:customers_backfillrun_revert", run.pk)


def _kept_options(look: RunJob | None) -> dict[str, list[str]]:
    """Return what the look was of and what it left alone: the revert that follows it does the same."""
    kept = look.options if look else {}
    only = {ONLY: kept[ONLY]} if ONLY in kept else {}
    return only | ({WITHOUT: kept[WITHOUT]} if kept.get(WITHOUT) else {})


def _chosen(run: BackfillRun, given: QueryDict) -> dict[str, list[str]]:
    """Return who was ticked, or who was before; none at all stands for the whole run."""
    if "chosen" in given:  # ticks, perhaps none: then those of whom a revert is not through, or nobody
        return {ONLY: list(dict.fromkeys(given.getlist("external_id")))}
    again = given.get("again", "")
    look = run.jobs.filter(kind=Kind.REVERT_PREVIEW, pk=int(again)).first() if again.isdecimal() else None
    return {ONLY: look.options[ONLY]} if look and ONLY in look.options else {}


def _buckets(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a line per kind of thing, those that are removed first in the order of removal."""
    buckets = plan["buckets"]
    names = ("remove", "active", "kept", "gone")
    there = in_order({step for name in names for step in buckets[name]})
    return [
        {"label": label(step), **{name: buckets[name].get(step, 0) for name in names}}
        for step in reversed(there)
    ]
