"""The checks that only look: our customers, what Lago and SteVe have of the run, and what energy costs."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from billing.values import Plan
from customers.backfill.engine.options import Refused
from customers.backfill.ledger.recorded import check_organization, records
from customers.backfill.ledger.staging import outcome_counts
from customers.backfill.reconcile import Reconciliation
from customers.backfill.systems import Systems
from customers.models import BackfillRow, BackfillRun, BackfillStep, User
from kernel import RemoteStep, StepName

EXAMPLES = 5  # external_ids named in a check; backfill_reconcile names them all
Outcome = BackfillRow.Outcome
Status = BackfillRun.Status
NAMES = {
    StepName.ID_TAG_MAPPING: "idTag mappings",
    StepName.STEVE_ID_TAG: "idTags in SteVe",
    StepName.LAGO_CUSTOMER: "customers in Lago",
    StepName.LAGO_SUBSCRIPTION: "subscriptions in Lago",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison. `passed` is None where it was left out, and `detail` says why."""

    name: str
    passed: bool | None
    compared: str
    detail: str = ""


def check_standing(run: BackfillRun, systems: Systems) -> None:
    """Raise Refused if nothing is left to verify, or if it is not here."""
    check_organization(run, systems)
    if run.status == Status.REVERTED:
        raise Refused(f"The run {run.run_id} was reverted: there is nothing left of it to verify.")
    if run.status == Status.REVERTING:
        hint = f"Finish it: python manage.py backfill_revert --run-id {run.run_id}"
        raise Refused(f"A revert of the run {run.run_id} is unfinished.", hint)


def import_check(result: Reconciliation) -> Check:
    """Check that the import came to its end: what was never staged, no other check can miss."""
    standing = result.standing
    compared = f"{standing.rows} staged, {standing.pending:,} pending"
    return Check("import", standing.is_finished, compared, "; ".join(standing.gaps))


def people_check(run: BackfillRun, result: Reconciliation) -> Check:
    """Compare our customers with the rows of the file, less those that were skipped."""
    counts = outcome_counts(run)
    ours = run.rows.filter(outcome__in=[Outcome.CREATED, Outcome.COMPLETED])
    expected = set(ours.values_list("external_id", flat=True))
    found = User.objects.filter(external_id__in=expected, role=User.Role.CUSTOMER, is_active=True).count()
    missing = counts["failed"] + counts["pending"]
    diverging = _diverging(result, StepName.USER, but="not_imported")
    return Check(
        "customers in our database",
        found == len(expected) and not missing and not diverging,
        f"{sum(counts.values()):,} rows less {counts['skipped']:,} skipped are {len(expected):,} customers;"
        f" {found:,} are here",
        "; ".join(filter(None, [f"{missing:,} rows were not imported" if missing else "", diverging])),
    )


def system_checks(run: BackfillRun, result: Reconciliation, systems: Systems) -> Iterator[Check]:
    """Say of each system whether everything that the run answers for is there and as recorded."""
    for name, count in result.steps.items():
        if name in NAMES:
            begin_later = _begin_later(run, timezone.now()) if name is StepName.LAGO_SUBSCRIPTION else ""
            yield Check(
                NAMES[name],
                not count.diverging,
                f"{count.expected:,} expected, {count.agreeing:,} as recorded",
                _diverging(result, name) or begin_later,
            )
    if StepName.STEVE_ID_TAG not in result.steps:
        yield _unrecorded_id_tags(run, systems)


def _diverging(result: Reconciliation, name: StepName, *, but: str = "") -> str:
    found = [one for one in result.found if one.step == name and one.divergence.kind != but]
    shown = ", ".join(f"{one.external_id} {one.divergence.kind}" for one in found[:EXAMPLES])
    return shown + (f" and {len(found) - EXAMPLES:,} more" if len(found) > EXAMPLES else "")


def _begin_later(run: BackfillRun, now: datetime) -> str:
    """Say how many are pending as the file wants it: the platform bills no session before their start."""
    made = (BackfillStep.State.CREATED, BackfillStep.State.ADOPTED)
    later = run.rows.filter(
        subscription_at__gt=now, steps__name=StepName.LAGO_SUBSCRIPTION, steps__state__in=made
    ).count()
    return f"{later:,} begin later: sessions before that are not billed" if later else ""


def _unrecorded_id_tags(run: BackfillRun, systems: Systems) -> Check:
    """Look for the idTags of a run that was made without SteVe: cards that it does not know cannot charge."""
    name = NAMES[StepName.STEVE_ID_TAG]
    step = next((one for one in systems.steps if one.name is StepName.STEVE_ID_TAG), None)
    if step is None:
        return Check(name, None, "", "SteVe is not configured")
    total, unfit = _unfit_id_tags(run, step)
    compared = f"{total:,} expected, {total - len(unfit):,} can charge (the run was made without SteVe)"
    if not unfit:
        return Check(name, True, compared)
    shown = ", ".join(unfit[:EXAMPLES]) + (", …" if len(unfit) > EXAMPLES else "")
    return Check(name, False, compared, f"{shown}; run the file again with --skip-existing")


def _unfit_id_tags(run: BackfillRun, step: RemoteStep) -> tuple[int, list[str]]:
    whole = run.rows.filter(mapping__is_active=True).exclude(outcome__in=["", Outcome.FAILED])
    recorded = list(records(run, whole))
    found = step.look_up([one.wanted for one in recorded]) if recorded else {}
    unfit = []
    for one in recorded:
        tag = found.get(one.wanted.id_tag.casefold())
        kinds = [d.kind for d in step.compare(one.wanted, str(tag.ocpp_tag_pk) if tag else "", found)]
        unfit += [f"{one.external_id} {kind}" for kind in kinds[:1]]
    return len(recorded), unfit


def metric_check(run: BackfillRun, systems: Systems) -> Check:
    """Check that energy becomes money: Lago is silent about a metric that does not sum `value`."""
    code = settings.LAGO_METRIC_CODE
    metric = systems.lago.billable_metric(code)
    if metric is None:
        return Check("metric", False, f"LAGO_METRIC_CODE {code}", "Lago has no such billable metric")
    compared = f"{code} is {metric.aggregation_type} over {metric.field_name or 'nothing'}"
    if metric.aggregation_type != "sum_agg" or metric.field_name != "value":
        return Check("metric", False, compared, "it must be sum_agg over value, or sessions cost nothing")
    used = run.rows.exclude(outcome=Outcome.FAILED).exclude(plan_code="")
    codes = list(used.order_by("plan_code").values_list("plan_code", flat=True).distinct())
    why = [_unbilled(plan_code, systems.target.plans.get(plan_code), code) for plan_code in codes]
    if any(why):
        return Check("metric", False, compared, "; ".join(filter(None, why)))
    return Check("metric", True, f"{compared}, charged on {', '.join(codes) or 'no plan: there is no row'}")


def _unbilled(plan_code: str, plan: Plan | None, metric_code: str) -> str:
    if plan is None:
        return f"Lago has no plan {plan_code} any more"
    return "" if metric_code in plan.metric_codes else f"the plan {plan_code} has no charge for it"
