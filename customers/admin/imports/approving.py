"""The second pair of eyes in the console: ask, look, approve or decline; `approvals` decides who may."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern

from auditlog.people import actor_names
from customers.admin.access import APPROVE, RUN, may, missing, needs, staff
from customers.admin.imports.page import options_told
from customers.admin.imports.working import WorkingPages
from customers.admin.pages import post_only
from customers.backfill import approvals, approved, stored_preview
from customers.backfill.engine.agreeing import sum_told
from customers.backfill.refused import Refused
from customers.backfill.steps import system_names
from customers.backfill.stored_preview import SHOWN
from customers.models import BackfillUpload, PlanApproval, User

LINES_TOLD = 20


class ApprovalPages(WorkingPages):
    def get_urls(self) -> list[URLPattern]:
        return [
            self.route("import/approvals/", self.approvals_view, "approvals"),
            self.route("import/approvals/<int:pk>/", self.plan_view, "plan"),
            self.route("import/approvals/<int:pk>/approve/", self.approve_view, "approve"),
            self.route("import/approvals/<int:pk>/decline/", self.decline_view, "decline"),
            self.route("import/<uuid:token>/ask/", self.ask_view, "ask"),
            *super().get_urls(),
        ]

    @needs(RUN, APPROVE)
    def preview_view(self, request: HttpRequest, token: UUID) -> HttpResponse:
        """Open a preview also to whoever may approve, if it asks for that."""
        if not may(request.user, RUN) and not _asks(token):
            raise PermissionDenied(missing(RUN))
        return self.open_preview(request, token)

    def more_of(self, request: HttpRequest, upload: BackfillUpload) -> dict[str, Any]:
        """Say where the preview of a page stands with those who approve."""
        standing = approved.standing_of(upload, stored_preview.unpack(upload))
        return {"approval": _shown(standing, staff(request))}

    @post_only
    @needs(RUN)
    def ask_view(self, request: HttpRequest, token: UUID) -> HttpResponseBase:
        upload = self._upload(request, token)
        if isinstance(upload, HttpResponse):
            return upload
        try:
            approvals.ask(upload, staff(request))
        except Refused as refused:
            self.say(request, refused)
        else:
            messages.success(request, "Asked. Whoever may approve finds it under “Approvals”.")
        return redirect("admin:customers_backfillrun_preview", token=token)

    @needs(RUN, APPROVE)
    def approvals_view(self, request: HttpRequest) -> HttpResponse:
        """List what waits for somebody's word, the longest first."""
        found = PlanApproval.objects.waiting().without_facts().select_related("upload").order_by("asked_at")
        context = {"plans": plans_told(found, staff(request)), "is_required": approvals.is_required()}
        return self.show(request, "approvals", "Approvals", context)

    @needs(RUN, APPROVE)
    def plan_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show a plan that was saved at the terminal; one of a preview is shown by that."""
        plan = get_object_or_404(PlanApproval, pk=pk)
        if plan.upload_id and plan.run_id is None:
            return redirect("admin:customers_backfillrun_preview", token=plan.upload_id)
        facts, names = approvals.facts_of(plan), system_names()
        rows = Paginator([{"line": line, "row": row} for line, row in sorted(facts.rows.items())], SHOWN)
        context = {
            "plan": plans_told([plan], staff(request))[0],
            "approval": _shown(approved.Standing(str(plan.status), plan), staff(request)),
            "about": facts.about,
            "systems": [(names.get(key, key), place) for key, place in facts.about["systems"].items()],
            "options": options_told(facts.about["options"]),
            "page": rows.get_page(request.GET.get("page")),
        }
        return self.show(request, "plan", f"Plan of {plan.name}", context)

    @post_only
    @needs(APPROVE)
    def approve_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        plan = get_object_or_404(PlanApproval.objects.without_facts(), pk=pk)
        try:
            approvals.approve(plan, staff(request))
        except Refused as refused:
            self.say(request, refused)
        else:
            messages.success(request, f"Approved: {plan.name}.")
        return redirect("admin:customers_backfillrun_approvals")

    @post_only
    @needs(APPROVE)
    def decline_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        plan = get_object_or_404(PlanApproval.objects.without_facts(), pk=pk)
        try:
            approvals.decline(plan, staff(request), request.POST.get("reason", ""))
        except Refused as refused:
            self.say(request, refused)
            return redirect("admin:customers_backfillrun_plan", pk)
        messages.success(request, f"Declined: {plan.name}. Whoever asked sees why.")
        return redirect("admin:customers_backfillrun_approvals")


def _asks(token: UUID) -> bool:
    return PlanApproval.objects.filter(upload=token, status__in=PlanApproval.OPEN).exists()


def _shown(standing: approved.Standing, user: User) -> dict[str, Any]:
    """Return where a plan stands, in the words of a page, and what this person may do about it."""
    plan = standing.plan
    names = actor_names([one for one in (plan.asked_by, plan.decided_by) if one]) if plan else {}
    is_open = bool(plan and plan.is_open and plan.run_id is None)
    can = is_open and may(user, APPROVE)
    is_own = bool(plan and approvals.is_own(plan, user))
    return {
        "state": standing.state,
        "may_import": standing.may_import,
        "plan": plan,
        "asked_by": names.get(plan.asked_by) if plan else "",
        "decided_by": names.get(plan.decided_by) if plan else "",
        "changes": standing.changes.sentence(LINES_TOLD) if standing.changes else "",
        "may_ask": standing.state in ("unasked", "declined", "stale"),
        "may_approve": can and standing.state == "waiting" and not is_own,
        "may_decline": can and not is_own,
        "is_own": can and is_own and standing.state == "waiting",
    }


def plans_told(plans: Any, user: User) -> list[Mapping[str, Any]]:
    """Return plans for a list: of which file and whom, how many rows, how much money."""
    found = list(plans)
    names = actor_names({one.asked_by for one in found})
    return [
        {
            "plan": one,
            "by": names[one.asked_by],
            "at_terminal": one.asked_by.startswith("cli:"),
            "counts": [(name, number) for name, number in one.counts.items() if number],
            "sums": [f"{name.rpartition(' ')[0]}: {sum_told(name, told)}" for name, told in one.sums.items()],
            "is_own": approvals.is_own(one, user),
        }
        for one in found
    ]
