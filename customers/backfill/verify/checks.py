"""The checks that only look: our customers, what Lago has of the run, and the metric that bills energy."""

from dataclasses import dataclass

from django.conf import settings

from customers.backfill.ledger import outcome_counts
from customers.backfill.reconcile import Reconciliation
from customers.backfill.systems import Systems
from customers.models import BackfillRow, BackfillRun, User
from polaris_backfill.kernel import StepName

EXAMPLES = 5  # external_ids named in a check; backfill_reconcile names them all


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison. `passed` is None where it was left out, and `detail` says why."""

    name: str
    passed: bool | None
    compared: str
    detail: str = ""


def people_check(run: BackfillRun) -> Check:
    """Compare our customers with the rows of the file, less those that were skipped."""
    counts = outcome_counts(run)
    ours = run.rows.filter(outcome__in=[BackfillRow.Outcome.CREATED, BackfillRow.Outcome.COMPLETED])
    expected = set(ours.values_list("external_id", flat=True))
    found = User.objects.filter(external_id__in=expected, role=User.Role.CUSTOMER, is_active=True).count()
    missing = counts["failed"] + counts["pending"]
    return Check(
        "customers in our database",
        found == len(expected) and not missing,
        f"{sum(counts.values()):,} rows less {counts['skipped']:,} skipped are {len(expected):,} customers;"
        f" {found:,} are here",
        f"{missing:,} rows were not imported" if missing else "",
    )


def system_checks(result: Reconciliation, systems: Systems) -> list[Check]:
    """Say of each system whether everything that the run answers for is there and as recorded."""
    names = {
        StepName.ID_TAG_MAPPING: "idTag mappings",
        StepName.STEVE_ID_TAG: "idTags in SteVe",
        StepName.LAGO_CUSTOMER: "customers in Lago",
        StepName.LAGO_SUBSCRIPTION: "active subscriptions in Lago",
    }
    checks = [
        Check(
            names[name],
            not count.diverging,
            f"{count.expected:,} expected, {count.agreeing:,} as recorded",
            _diverging(result, name),
        )
        for name, count in result.steps.items()
        if name in names
    ]
    if systems.steve is None:
        checks.append(Check("idTags in SteVe", None, "", "SteVe is not configured"))
    return checks


def _diverging(result: Reconciliation, name: StepName) -> str:
    found = [one for one in result.found if one.step == name]
    shown = ", ".join(f"{one.external_id} {one.divergence.kind}" for one in found[:EXAMPLES])
    return shown + (f" and {len(found) - EXAMPLES:,} more" if len(found) > EXAMPLES else "")


def metric_check(run: BackfillRun, systems: Systems) -> Check:
    """Check that energy becomes money: Lago is silent about a metric that does not sum `value`."""
    code = settings.LAGO_METRIC_CODE
    metric = systems.lago.billable_metric(code)
    if metric is None:
        return Check("metric", False, f"LAGO_METRIC_CODE {code}", "Lago has no such billable metric")
    compared = f"{code} is {metric.aggregation_type} over {metric.field_name or 'nothing'}"
    if metric.aggregation_type != "sum_agg" or metric.field_name != "value":
        return Check("metric", False, compared, "it must be sum_agg over value, or sessions cost nothing")
    used = run.rows.exclude(plan_code="").values_list("plan_code", flat=True).distinct()
    free = [
        plan
        for plan in used
        if plan in systems.target.plans and code not in systems.target.plans[plan].metric_codes
    ]
    if free:
        return Check("metric", False, compared, f"no charge for it on the plan {', '.join(sorted(free))}")
    return Check("metric", True, f"{compared}, charged on every plan of the run")
