"""Repair a run: look what can be put right, read it, confirm just that, and the worker does it."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern

from auditlog.people import all_with_names
from customers.admin.access import CUSTOMERS, RUN, actor, may, needs, staff
from customers.admin.following import following_job
from customers.admin.pages import Pages, post_only
from customers.admin.runs.controlling import controls_of
from customers.backfill.ledger.looks import Since, since
from customers.backfill.repair.planning import NOT_NOW
from customers.backfill.steps import label
from customers.jobs import LOOK, ask
from customers.models import BackfillRun, RunJob, User

Kind, Status = RunJob.Kind, RunJob.Status
CHANGED = "What there is to repair was looked at again since. Read what it says now, and confirm."


class RepairForm(forms.Form):
    """Confirms just what was read: that look, and what it said."""

    look = forms.IntegerField(widget=forms.HiddenInput())
    digest = forms.CharField(widget=forms.HiddenInput())

    def __init__(self, *args: Any, look: RunJob | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._look = look

    def clean(self) -> None:
        look = self._look
        given = (self.cleaned_data.get("look"), self.cleaned_data.get("digest"))
        if look is None or given != (look.pk, look.result.get("digest")):
            raise forms.ValidationError(CHANGED)


class RepairPages(Pages):
    def get_urls(self) -> list[URLPattern]:
        return [
            self.route("<int:pk>/repair/", self.repair_view, "repair"),
            self.route("<int:pk>/repair/look/", self.repair_look_view, "repair_look"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    @needs(RUN)
    def repair_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        run = self.run(pk)
        look = run.jobs.filter(kind=Kind.REPAIR_PREVIEW).first()
        job = run.jobs.filter(kind=Kind.REPAIR).first()
        plan = look.result if look and look.status == Status.DONE else None
        under_way = job is not None and not job.is_over
        is_past = look is not None and _is_past(run, look, job)
        is_open = bool(plan and plan["do"]) and not under_way and not is_past and not _not_now(run)
        form = RepairForm(request.POST if request.method == "POST" else None, look=look if is_open else None)
        if request.method == "POST" and under_way:  # a second click
            return self.back(run)
        if request.method == "POST" and form.is_valid() and look is not None:
            ask(run, Kind.REPAIR, actor(request), **{LOOK: look.pk})
            return self.back(run)
        may_see = may(request.user, CUSTOMERS)
        context = {
            "run": run,
            "look": look,
            "job": job,
            "under_way": under_way,
            "not_now": _not_now(run),
            "is_past": is_past,
            "plan": plan,
            "do": _shown(plan, "do", may_see=may_see) if plan else [],
            "advice": _shown(plan, "advice", may_see=may_see) if plan else [],
            "form": form,
            "is_open": is_open,
            "controls": controls_of(run, staff(request), is_at_work=False, by_worker=True),
        }
        following = following_job(job if under_way else look)
        return self.follow(request, "repair", f"Repair run {run.run_id}", context, following)

    @post_only
    @needs(RUN)
    def repair_look_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        run = self.run(pk)
        if not _not_now(run):
            ask(run, Kind.REPAIR_PREVIEW, actor(request))
        return redirect("admin:customers_backfillrun_repair", run.pk)


def _not_now(run: BackfillRun) -> str:
    return NOT_NOW.get(BackfillRun.Status(run.status), "")


def _is_past(run: BackfillRun, look: RunJob, job: RunJob | None) -> bool:
    """Return whether something was written since the look: what it says is of before."""
    return since(run, look, by_hand=True) is not Since.NOTHING or (
        job is not None and look.created_at < job.created_at
    )


def _shown(plan: Mapping[str, Any], name: str, *, may_see: bool) -> list[dict[str, Any]]:
    """Name things as on every other page, with the way to their customer for whoever may go it."""
    texts = ("means", "todo") if name == "advice" else ()
    told = iter(all_with_names(one[text] for one in plan[name] for text in texts))
    found = [{**one, **{text: next(told) for text in texts}} for one in plan[name]]
    customers = {one["external_id"] for one in found} if may_see else set()
    users = dict(User.objects.filter(external_id__in=customers).values_list("external_id", "pk"))
    return [{**one, "what": label(one["step"]), "user_id": users.get(one["external_id"])} for one in found]
