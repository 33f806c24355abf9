"""Reconciling and reverting in tests, without the pauses between the tries of a call."""

import io
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db.models import Model

from customers.backfill.engine.progress import Progress
from customers.backfill.engine.stop import Stop
from customers.backfill.reconcile import Found, Reconciliation, reconcile
from customers.backfill.revert import Choice, RevertPlan, RevertReport, plan_revert, revert
from customers.backfill.revert.activity import Activity
from customers.backfill.revert.told import ToldRow
from customers.backfill.systems import connect
from customers.models import BackfillRun
from tests.customers.commands import Answer
from tests.customers.factories import do_not_sleep


def called(name: str, *arguments: str) -> Answer:
    """Call a command in this process."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command(name, *arguments, stdout=out, stderr=err)
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    return Answer(code, out.getvalue(), err.getvalue())


def all_rows(*without: type[Model]) -> dict[str, Any]:
    """Every row of every table, but for some."""
    models = [model for model in apps.get_models() if model not in without]
    return {model._meta.label: list(model._default_manager.order_by("pk").values()) for model in models}


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


@dataclass(frozen=True, slots=True)
class Foretold:
    """What a revert would do."""

    plan: RevertPlan
    rows: list[ToldRow]

    @property
    def active(self) -> Activity:
        return self.plan.active


def revert_planned(run: BackfillRun | None = None) -> Foretold:
    with connect(sleep=do_not_sleep) as systems:
        plan = plan_revert(run or latest_run(), systems)
        return Foretold(plan, list(plan.rows))


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
