"""Repair a run: look what can be put right, read it, confirm just that, and the worker does it."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern

from auditlog.people import all_with_names
from billing.customer_step import LagoCustomerStep
from customers.admin.access import CUSTOMERS, RUN, actor, may, needs, staff
from customers.admin.following import following_job
from customers.admin.pages import Pages, post_only
from customers.admin.runs.controlling import controls_of
from customers.backfill.at_lago import page_of, refs_of
from customers.backfill.ledger.looks import Since, since
from customers.backfill.repair.objections import MISSING
from customers.backfill.repair.planning import NOT_NOW
from customers.backfill.steps import label
from customers.jobs import LEAVE_OUT, LOOK, ask
from customers.models import BackfillRun, RunJob, User

Kind, Status = RunJob.Kind, RunJob.Status
SHOWN = 500  # of what is to be done; a browser sends a field for each that is ticked
GONE_IN_LAGO = (LagoCustomerStep.name, MISSING)  # so there is no page of it
NOTHING_TICKED = "Nothing is ticked, so there is nothing to be repaired."
CHANGED = "What there is to repair was looked at again since. Read what it says now, and confirm."
TICKS = {"required": NOTHING_TICKED, "invalid_choice": CHANGED}


class RepairForm(forms.Form):
    """Confirms just what was read: that look, what it said, and which of it is ticked."""

    look = forms.IntegerField(widget=forms.HiddenInput())
    digest = forms.CharField(widget=forms.HiddenInput())
    do = forms.TypedMultipleChoiceField(coerce=int, error_messages=TICKS)

    def __init__(self, *args: Any, look: RunJob | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._look = look
        self._groups = [one["group"] for one in _groups(look.result)] if look else []
        self.fields["do"].choices = [(group, group) for group in self._groups]  # type: ignore[attr-defined]

    def clean(self) -> None:
        look = self._look
        given = (self.cleaned_data.get("look"), self.cleaned_data.get("digest"))
        if look is None or given != (look.pk, look.result.get("digest")):
            raise forms.ValidationError(CHANGED)

    @property
    def left_out(self) -> list[int]:
        """Return the lines of what was shown and is not ticked."""
        return sorted(set(self._groups) - set(self.cleaned_data["do"]))


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
            leave_out = {LEAVE_OUT: form.left_out} if form.left_out else {}
            ask(run, Kind.REPAIR, actor(request), **{LOOK: look.pk}, **leave_out)
            return self.back(run)
        context = {
            "run": run,
            "look": look,
            "job": job,
            "under_way": under_way,
            "not_now": _not_now(run),
            "is_past": is_past,
            "plan": plan,
            "ticked": request.POST.getlist("do") if form.is_bound else None,
            "form": form,
            "is_open": is_open,
            "controls": controls_of(run, staff(request), is_at_work=False, by_worker=True),
            **(_shown(run, plan, may_see=may(request.user, CUSTOMERS)) if plan else {}),
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


def _shown(run: BackfillRun, plan: Mapping[str, Any], *, may_see: bool) -> dict[str, Any]:
    do = _groups(plan)
    return {
        "do": _with_users(do, may_see=may_see),
        "more_to_do": sum(len(one["things"]) for one in do) < plan["do_total"],
        "advice": _with_users(_advice(run, plan["advice"]), may_see=may_see),
    }


def _groups(plan: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what is to be done as it can be left out: by row, or by rows that share what one makes."""
    found: dict[int, dict[str, Any]] = {}
    for one in plan["do"]:
        group = one.get("group", one["line"])
        if group in found or len(found) < SHOWN:
            named = {"group": group, "external_id": one["external_id"], "things": []}
            found.setdefault(group, named)["things"].append({**one, "what": label(one["step"])})
    return list(found.values())


def _advice(run: BackfillRun, found: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Name things as on every other page, people by name, with the way to where they are decided on."""
    told = iter(all_with_names(one[text] for one in found for text in ("means", "todo")))
    gone = {one["external_id"] for one in found if (one["step"], one["kind"]) == GONE_IN_LAGO}
    refs = refs_of(run, {one["external_id"] for one in found} - gone)
    return [
        {
            **one,
            "what": label(one["step"]),
            "means": next(told),
            "todo": next(told),
            "at_lago": page_of(refs.get(one["external_id"], {}), one["step"]),
        }
        for one in found
    ]


def _with_users(found: list[dict[str, Any]], *, may_see: bool) -> list[dict[str, Any]]:
    """Add the way to each customer, for whoever may go it."""
    customers = {one["external_id"] for one in found} if may_see else set()
    users = dict(User.objects.filter(external_id__in=customers).values_list("external_id", "pk"))
    return [{**one, "user_id": users.get(one["external_id"])} for one in found]
