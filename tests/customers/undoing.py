"""Reconciling and reverting in tests, without the pauses between the tries of a call."""

from typing import Any

from django.conf import settings

from customers.backfill.importing import Progress
from customers.backfill.pipeline import Stop
from customers.backfill.reconcile import Found, Reconciliation, reconcile
from customers.backfill.revert import Choice, RevertPlan, RevertReport, plan_revert, revert
from customers.backfill.systems import connect
from customers.models import BackfillRun
from tests.customers.factories import do_not_sleep


def latest_run() -> BackfillRun:
    return BackfillRun.objects.latest("pk")


def reconciled(run: BackfillRun | None = None) -> Reconciliation:
    """Reconcile a run, or the latest one."""
    with connect(sleep=do_not_sleep) as systems:
        return reconcile(run or latest_run(), systems)


def divergences(run: BackfillRun | None = None) -> set[tuple[str, str, str]]:
    """Give each divergence as external_id, step and kind."""
    return {_short(found) for found in reconciled(run).found}


def _short(found: Found) -> tuple[str, str, str]:
    return found.external_id, found.step, found.divergence.kind


def revert_planned(run: BackfillRun | None = None) -> RevertPlan:
    with connect(sleep=do_not_sleep) as systems:
        return plan_revert(run or latest_run(), systems)


def reverted(
    run: BackfillRun | None = None, *, stop: Stop | None = None, concurrency: int = 4, **choice: Any
) -> RevertReport:
    """Revert a run, or the latest one."""
    with connect(sleep=do_not_sleep) as systems:
        return revert(
            run or latest_run(),
            systems,
            Choice(**choice),
            actor="cli:tester",
            log_dir=settings.BACKFILL_LOG_DIR,
            stop=stop or Stop(),
            progress=Progress(),
            batch_size=5,
            concurrency=concurrency,
        )
