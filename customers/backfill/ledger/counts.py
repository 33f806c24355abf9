"""The one place that counts rows by outcome and steps by state."""

from collections import Counter
from collections.abc import Iterable, Mapping

from django.db.models import Count, F, Func, JSONField
from django.db.models.fields.json import KT

from customers.backfill.steps import in_order
from customers.models import BackfillRow, BackfillRun, BackfillStep

OUTCOMES = ("created", "completed", "skipped", "failed", "pending")


def outcome_counts(run: BackfillRun) -> dict[str, int]:
    """Count the rows of a run by outcome, each outcome named."""
    return counts_of([run])[run.pk]


def counts_of(runs: Iterable[BackfillRun]) -> dict[int, dict[str, int]]:
    """Count the rows of many runs by outcome, by the run's number, in one query."""
    counts = {run.pk: dict.fromkeys(OUTCOMES, 0) for run in runs}
    found = BackfillRow.objects.filter(run__in=list(counts)).values_list("run", "outcome")
    for run_pk, outcome, number in found.annotate(Count("pk")).order_by():
        counts[run_pk][outcome or "pending"] = number
    return counts


def step_states(run: BackfillRun) -> Mapping[str, dict[str, int]]:
    """Count the steps of a run by name, in their order, and state."""
    counted = BackfillStep.objects.filter(row__run=run).values_list("name", "state").annotate(Count("pk"))
    states: dict[str, dict[str, int]] = {}
    for name, state, number in counted.order_by("name", "state"):
        states.setdefault(name, {})[state] = number
    return {name: states[name] for name in in_order(states)}


def warning_counts(run: BackfillRun) -> dict[str, int]:
    """Count the rows of a run by the code of each warning that they have."""
    each = Func(F("warnings"), function="jsonb_array_elements", output_field=JSONField())
    warned = run.rows.exclude(warnings=[]).annotate(warning=each).values_list(KT("warning__code"))
    return dict(Counter(code for (code,) in warned.order_by().iterator()))
