"""What the tests of a repair share."""

from collections.abc import Collection
from typing import Any

from django.conf import settings

from customers.backfill.engine.progress import Progress
from customers.backfill.engine.stop import Stop
from customers.backfill.repair import RepairPlan, RepairReport, plan_repair, repair
from customers.backfill.systems import connect
from customers.models import BackfillRun, BackfillStep, IdTagMapping
from tests.customers.factories import do_not_sleep


def planned_repair(run: BackfillRun) -> RepairPlan:
    with connect(sleep=do_not_sleep) as systems:
        return plan_repair(run, systems)


def repaired(
    run: BackfillRun,
    shown: set[str] | None = None,
    *,
    batch_size: int = 25,
    leave_out: Collection[int] = (),
) -> RepairReport:
    with connect(sleep=do_not_sleep) as systems:
        return repair(
            run, systems, shown=shown, actor="cli:tester", log_dir=settings.BACKFILL_LOG_DIR,
            stop=Stop(), progress=Progress(), batch_size=batch_size,
            concurrency=1 if batch_size == 1 else 4, max_failures=2, leave_out=leave_out,
        )  # fmt: skip


def to_do(plan: RepairPlan) -> list[tuple[int, str, str]]:
    return [(doing.line, doing.step, str(doing.verb)) for doing in plan.doings]


def advised(plan: RepairPlan) -> set[tuple[str, str]]:
    return {(one.found.step, one.found.divergence.kind) for one in plan.advice}


def cards() -> dict[str, tuple[Any, ...]]:
    """Our mappings: whose, in use, what it bills to, SteVe's number."""
    found = IdTagMapping.objects.values_list(
        "id_tag", "user__external_id", "is_active", "lago_subscription_external_id", "steve_ocpp_tag_pk"
    )
    return {id_tag: tuple(rest) for id_tag, *rest in found}


def ledger(run: BackfillRun) -> list[tuple[Any, ...]]:
    steps = BackfillStep.objects.filter(row__run=run).order_by("row__line", "name")
    return list(steps.values_list("row__line", "row__outcome", "name", "state", "code"))
