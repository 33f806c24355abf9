"""What the tests of SteVe in the pipeline share."""

import asyncio
import json
from io import StringIO
from typing import Any

from django.conf import settings
from django.core.management import call_command

from charging.charge_point import Session, charging_session
from customers.backfill.document import document
from customers.backfill.engine.progress import Progress
from customers.backfill.engine.report import Report
from customers.backfill.engine.stop import Stop
from customers.backfill.reconcile import reconcile
from customers.backfill.revert import Choice, RevertReport, revert
from customers.backfill.systems import connect
from customers.models import BackfillRun, BackfillStep, IdTagMapping
from rehearsal.steve import SteveSandbox
from tests.customers.factories import do_not_sleep
from tests.customers.undoing import Foretold, revert_planned

CHARGE_BOX = "TEST-1"
STEPS = ("user", "id_tag_mapping", "steve_id_tag", "lago_customer", "lago_subscription")


def run_of(report: Report) -> BackfillRun:
    assert report.run is not None
    return BackfillRun.objects.get(pk=report.run.pk)


def charge(steve: SteveSandbox, id_tag: str) -> Session:
    """Charge with a simulated charge point, as a customer would; raise ChargePointError."""
    return asyncio.run(charging_session(steve.ocpp_url, CHARGE_BOX, id_tag, energy_wh=5000, timeout_s=60))


def let_bill(steve: SteveSandbox) -> None:
    """Let the platform's part know our active mappings, as it would read them from the database."""
    for mapping in IdTagMapping.objects.filter(is_active=True):
        steve.map(mapping.id_tag, mapping.lago_subscription_external_id)


def tags(steve: SteveSandbox) -> dict[str, dict[str, Any]]:
    """All that SteVe has of each idTag, by its spelling."""
    return {tag["idTag"]: tag for tag in steve.state()["id_tags"]}


def divergences(run: BackfillRun) -> list[tuple[str, str]]:
    with connect(sleep=do_not_sleep) as systems:
        found = reconcile(run, systems).found
    return [(one.step, one.divergence.kind) for one in found]


def planned_revert(run: BackfillRun) -> Foretold:
    return revert_planned(run)


def reverted(run: BackfillRun, *, keep_active: bool = False, discard_activity: bool = False) -> RevertReport:
    with connect(sleep=do_not_sleep) as systems:
        return revert(
            run,
            systems,
            Choice(keep_active, discard_activity),
            actor="cli:tester",
            log_dir=settings.BACKFILL_LOG_DIR,
            stop=Stop(),
            progress=Progress(),
            batch_size=25,
            concurrency=8,
        )


def manifest(report: RevertReport, step: str = "steve_id_tag") -> list[str]:
    """The manifest's lines about things of a kind."""
    assert report.manifest is not None
    return [line for line in report.manifest.read_text().splitlines() if f"step={step} " in line]


def as_json(report: Report) -> dict[str, Any]:
    read: dict[str, Any] = json.loads("".join(document(report)))
    return read


def states(run: BackfillRun, name: str = "steve_id_tag") -> list[tuple[str, str]]:
    """State and SteVe's number of the steps of a kind, by line."""
    steps = BackfillStep.objects.filter(row__run=run, name=name).order_by("row__line")
    return list(steps.values_list("state", "ref"))


def manage(*arguments: str) -> tuple[int, str, str]:
    """Run a command here; give its exit code, what it says and what it says to people."""
    out, err = StringIO(), StringIO()
    try:
        call_command(*arguments, stdout=out, stderr=err)
    except SystemExit as end:
        return int(str(end.code)), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()
