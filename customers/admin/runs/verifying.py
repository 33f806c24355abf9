"""Verify a run, charge with one of its cards after a confirmation, and show what came of it."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from auditlog.people import actor_names
from customers.admin.access import ON_RUNS, RUN, actor, may, needs
from customers.admin.following import following_job
from customers.admin.pages import Pages, post_only
from customers.backfill.ledger.looks import since
from customers.backfill.refused import Refused
from customers.backfill.verify import LONGEST_TIMEOUT_S, find_card, what_it_writes, why_no_session
from customers.jobs import ask, stop_verifying
from customers.jobs.looked import SESSION
from customers.jobs.verifying import AFTER, CARD, CHARGE_BOX, KINDS, STOP, TIMEOUT_S
from customers.models import BackfillRun, IdTagMapping, RunJob

Kind, Status = RunJob.Kind, RunJob.Status
GONE = (BackfillRun.Status.REVERTING, BackfillRun.Status.REVERTED)
ASKED_ALREADY = "That test session was asked for already: see what came of it."
WAIT_S = 300


class ChargeForm(forms.Form):
    """Asks with which card, and where. Nothing is charged before a page has said what that does."""

    id_tag = forms.CharField(
        max_length=255, widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}), label="idTag",
        help_text="A card of this run, of a customer who agreed to the test; in exactly its spelling.",
    )  # fmt: skip
    charge_box = forms.CharField(
        max_length=255, widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}), label="Charge box",
        help_text="One that is in SteVe for tests only, by its id there.",
    )  # fmt: skip
    timeout_s = forms.IntegerField(
        min_value=1, max_value=LONGEST_TIMEOUT_S, initial=WAIT_S, widget=UnfoldAdminIntegerFieldWidget,
        label="Wait for the usage event (s)", help_text="The platform sends it when it next syncs.",
    )  # fmt: skip

    def __init__(self, *args: Any, run: BackfillRun, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.run = run
        self.card: IdTagMapping | None = None

    def clean_id_tag(self) -> str:
        typed: str = self.cleaned_data["id_tag"]
        try:
            self.card = find_card(self.run, typed)
        except Refused as refused:
            raise forms.ValidationError(f"{refused} {refused.hint}".strip()) from refused
        return typed


class ConfirmForm(forms.Form):
    """What was confirmed: the card by its number, and the last test session that was known then."""

    card = forms.IntegerField()
    charge_box = forms.CharField(max_length=255)
    timeout_s = forms.IntegerField(min_value=1, max_value=LONGEST_TIMEOUT_S)
    known = forms.IntegerField()


class VerifyPages(Pages):
    def get_urls(self) -> list[URLPattern]:
        return [
            self.route("<int:pk>/verify/", self.verify_view, "verify"),
            self.route("<int:pk>/verify/charge/", self.charge_view, "charge"),
            self.route("<int:pk>/verify/charge/now/", self.charge_now_view, "charge_now"),
            self.route("<int:pk>/verify/stop/", self.stop_verifying_view, "verify_stop"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    @needs(*ON_RUNS)
    def verify_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        run = self.run(pk)
        if request.method == "POST":
            return self._ask_to_verify(request, run)
        job = run.jobs.filter(kind__in=KINDS).first()
        context = {
            "run": run,
            "job": job,
            "told": _told(job) if job else None,
            "since": since(run, job).told if job else "",
            "may_run": may(request.user, RUN),
            "not_now": run.status in GONE,
            "no_session": why_no_session(),
        }
        return self.follow(request, "verify", f"Verify run {run.run_id}", context, following_job(job))

    @needs(RUN)
    def _ask_to_verify(self, request: HttpRequest, run: BackfillRun) -> HttpResponse:
        if run.status not in GONE:
            ask(run, Kind.VERIFY, actor(request))
        return self._back_to_it(run)

    @needs(RUN)
    def charge_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask with which card; sent, say what that writes and who pays, for somebody to confirm."""
        run = self.run(pk)
        form = ChargeForm(request.POST if request.method == "POST" else None, run=run)
        context = {"run": run, "form": form, "no_session": why_no_session(), "not_now": run.status in GONE}
        if request.method == "POST" and form.is_valid() and form.card and not context["no_session"]:
            card, box = form.card, form.cleaned_data["charge_box"]
            context |= {
                "card": card,
                "writes": what_it_writes(card.id_tag, box, card.user.external_id or "").splitlines(),
                "charge_box": box,
                "timeout_s": form.cleaned_data["timeout_s"],
                "known": _last_session(run),
            }
        return self.show(request, "charge", f"Charge with a card of run {run.run_id}", context)

    @post_only
    @needs(RUN)
    def charge_now_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Have the worker charge, once for each confirmation."""
        run, form = self.run(pk), ConfirmForm(request.POST)
        if run.status in GONE or why_no_session() or not form.is_valid():
            return redirect("admin:customers_backfillrun_charge", run.pk)
        given = form.cleaned_data
        if given["known"] != _last_session(run):  # a second click, or the page of somebody before
            messages.info(request, ASKED_ALREADY)
            return self._back_to_it(run)
        chosen = {CARD: given["card"], CHARGE_BOX: given["charge_box"], TIMEOUT_S: given["timeout_s"]}
        try:
            ask(run, Kind.CHARGE, actor(request), **chosen)
        except Refused as refused:
            self.say(request, refused)
        return self._back_to_it(run)

    @post_only
    @needs(RUN)
    def stop_verifying_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        run = self.run(pk)
        stopped = [stop_verifying(run, kind, actor(request)) for kind in KINDS]
        if any(stopped):
            messages.info(request, "Stopping. A session that has begun is ended and recorded.")
        return self._back_to_it(run)

    @staticmethod
    def _back_to_it(run: BackfillRun) -> HttpResponse:
        return redirect("admin:customers_backfillrun_verify", run.pk)


def _last_session(run: BackfillRun) -> int:
    """Return the number of the last test session that was asked for; 0 without one."""
    return run.jobs.filter(kind=Kind.CHARGE).values_list("pk", flat=True).first() or 0


def _told(job: RunJob) -> dict[str, Any]:
    """Say what a verification came to, in the words of the command."""
    checks = job.result.get("checks", [])
    failed = [check["name"] for check in checks if check["passed"] is False]
    return {
        "who": actor_names([job.actor])[job.actor],
        "charges": job.kind == Kind.CHARGE,
        "verdict": job.result.get("verdict", ""),
        "failed": failed,
        "left_out": [check["name"] for check in checks if check["passed"] is None],
        "checks": checks,
        "news": [check["news"] for check in checks if check["news"]],
        "is_stopping": STOP in job.options and not job.is_over,
        "waits": SESSION in job.result and not job.is_over,
        # Nobody could end it: SteVe was away when the next worker came to it.
        "left_running": AFTER in job.result and SESSION not in job.result and job.status == Status.REFUSED,
        "charge_box": job.options.get(CHARGE_BOX, ""),
    }
