"""Reconcile a run, and show what its last reconciliation found."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern

from auditlog.people import actor_names
from customers.admin.access import ON_RUNS, RUN, actor, may, needs
from customers.admin.following import following_job
from customers.admin.pages import Pages
from customers.backfill.beside import platform_place
from customers.backfill.ledger.looks import since
from customers.backfill.repair.planning import NOT_NOW
from customers.backfill.steps import in_order, label
from customers.jobs import ask
from customers.models import BackfillRun, RunJob


class ReconcilePages(Pages):
    def get_urls(self) -> list[URLPattern]:
        return [
            self.route("<int:pk>/reconcile/", self.reconcile_view, "reconcile"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    @needs(*ON_RUNS)
    def reconcile_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        run = self.run(pk)
        if request.method == "POST":
            return self._ask(request, run)
        jobs = run.jobs.filter(kind=RunJob.Kind.RECONCILE)
        last = jobs.filter(status=RunJob.Status.DONE).first()
        job = jobs.first()
        context = {
            "run": run,
            "job": job,
            "last": last,
            "since": since(run, last, by_hand=True) if last else None,
            "who": actor_names([last.actor])[last.actor] if last else "",
            "steps": _steps(last.result) if last else [],
            "more": _more(last.result) if last else 0,
            "may_run": may(request.user, RUN),
            "may_repair": _may_repair(last, run) and may(request.user, RUN),
            "platform": platform_place(),
        }
        return self.follow(request, "reconcile", f"Reconcile run {run.run_id}", context, following_job(job))

    @needs(RUN)
    def _ask(self, request: HttpRequest, run: BackfillRun) -> HttpResponse:
        ask(run, RunJob.Kind.RECONCILE, actor(request))
        return redirect("admin:customers_backfillrun_reconcile", run.pk)


def _may_repair(last: RunJob | None, run: BackfillRun) -> bool:
    """Return whether something was found that somebody could put right."""
    found = last.result["divergences_total"] if last else 0
    return bool(found) and BackfillRun.Status(run.status) not in NOT_NOW


def _more(result: dict[str, Any]) -> int:
    """Count what is not shown; what was kept before rows were grouped has no number, and is one each."""
    return int(result["divergences_total"] - sum(one.get("number", 1) for one in result["divergences"]))


def _steps(result: dict[str, Any]) -> list[dict[str, Any]]:
    counts = result["steps"]
    return [{"label": label(name), **counts[name]} for name in in_order(counts)]
