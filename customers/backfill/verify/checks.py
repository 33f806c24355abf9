"""The checks that only look: our customers, what Lago and SteVe have of the run, and what energy costs."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from billing.values import Plan
from customers.backfill.ledger.counts import outcome_counts
from customers.backfill.ledger.identity import check_world
from customers.backfill.ledger.recorded import records, since
from customers.backfill.ledger.taken_back import taken_back, to_go_on
from customers.backfill.reconcile import Reconciliation
from customers.backfill.refused import Refused
from customers.backfill.steps import kinds
from customers.backfill.systems import Systems
from customers.models import BackfillRow, BackfillRun, BackfillStep, User
from customers.steps import UserStep
from kernel import Step, Thing
from kernel.wording import counted

EXAMPLES = 5  # external_ids named in a check; backfill_reconcile names them all
NOT_BEGUN = (BackfillStep.State.PLANNED, BackfillStep.State.SHARED)  # of a row by itself
Outcome = BackfillRow.Outcome
Status = BackfillRun.Status


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison. `passed` is None where it was left out, and `detail` says why.

    `news` is what no verdict may keep quiet about.
    """

    name: str
    passed: bool | None
    compared: str
    detail: str = ""
    news: str = ""


def check_standing(run: BackfillRun, systems: Systems) -> None:
    """Raise Refused if nothing is left to verify, or if it is not here."""
    check_world(run, systems)
    if run.status == Status.REVERTED:
        raise Refused(f"The run {run.run_id} was reverted: there is nothing left of it to verify.")
    if run.status == Status.REVERTING:
        hint = f"Finish it: python manage.py backfill_revert --run-id {run.run_id}"
        raise Refused(f"A revert of the run {run.run_id} is unfinished.", hint)
    if run.taking_back:
        hint = f"Finish it: python manage.py {to_go_on(run)}"
        raise Refused(f"A revert of chosen customers of the run {run.run_id} is unfinished.", hint)


def import_check(result: Reconciliation) -> Check:
    """Check that the import came to its end: what was never staged, no other check can miss."""
    standing = result.standing
    compared = f"{standing.rows} staged, {standing.pending:,} pending"
    compared += f", {standing.waiting:,} waiting" if standing.waiting else ""
    gaps = "; ".join(standing.gaps)
    return Check("import", standing.is_finished, compared, gaps, news=standing.waiting_sentence)


def invoiced_check(result: Reconciliation) -> Check:
    """Say what Lago has invoiced since: it fails nothing, and nobody should be surprised by it."""
    told = result.invoiced
    compared = f"{counted(told.number, 'invoice')}, {told.total}"
    return Check("invoices since the run", True, compared, news=told.sentence)


def cards_check(number: int) -> Check | None:
    """Warn of cards that SteVe refused and that look like the run's; it fails nothing, as each is a guess.

    A test session plays the spelling of the file, which goes well while the customer's real card is refused.
    """
    if not number:
        return None
    cards = "card looks" if number == 1 else "cards look"
    compared = f"{number:,} {cards} like cards of the run"
    news = (
        f"{number:,} {'card' if number == 1 else 'cards'} that SteVe refused {cards.split()[1]} like cards of"
        " this run: a test session plays the spelling of the file, not theirs. Look at the refused cards."
    )
    return Check("cards that SteVe refused", True, compared, news=news)


def refused_at_import(run: BackfillRun) -> int:
    """Count the rows that were refused before anything was made or called for them, and were told of then.

    A row of which a call failed, or that waits for another row's, has a step that says so.
    """
    begun = BackfillStep.objects.filter(row__run=run).exclude(state__in=NOT_BEGUN)
    return run.rows.filter(outcome=Outcome.FAILED).exclude(pk__in=begun.values("row")).count()


def refused_check(refused: int) -> Check:
    """Tell of rows that --allow-partial left out: they are no fault of what was imported."""
    compared = f"{refused:,} {'row' if refused == 1 else 'rows'}"
    why = "they were to be corrected, and imported as a file of their own; nothing was made for them"
    return Check("rows refused at the import", None, compared, why)


def people_check(run: BackfillRun, result: Reconciliation, refused: int) -> Check:
    """Compare our customers with the rows of the file, less those that were skipped or refused."""
    counts = outcome_counts(run)
    gone = run.rows.filter(external_id__in=taken_back(run))
    ours = run.rows.filter(outcome__in=[Outcome.CREATED, Outcome.COMPLETED]).exclude(pk__in=gone.values("pk"))
    expected = set(ours.values_list("external_id", flat=True))
    found = User.objects.filter(external_id__in=expected, role=User.Role.CUSTOMER, is_active=True).count()
    missing = counts["failed"] - refused + counts["pending"]
    missing -= gone.filter(outcome__in=[Outcome.PENDING, Outcome.FAILED]).count()
    diverging = _diverging(result, UserStep.name, but="not_imported")
    less = f" and {refused:,} refused" if refused else ""
    less += f" and {number:,} taken back" if (number := gone.count()) else ""
    return Check(
        UserStep.place(),
        found == len(expected) and not missing and not diverging,
        f"{sum(counts.values()):,} rows less {counts['skipped']:,} skipped{less}"
        f" are {len(expected):,} customers; {found:,} are here",
        "; ".join(filter(None, [_not_imported(missing), diverging])),
    )


def _not_imported(missing: int) -> str:
    if not missing:
        return ""
    rows = "row was" if missing == 1 else "rows were"
    return f"{missing:,} {rows} not imported: a call failed, or was not reached"


def system_checks(run: BackfillRun, result: Reconciliation, systems: Systems) -> Iterator[Check]:
    """Say of each kind of thing whether all that the run answers for is there and as recorded."""
    connected = {step.name: step for step in systems.steps}
    for name, kind in kinds().items():
        if kind is UserStep:
            continue  # `people_check` compares them with the file
        if name in result.steps:
            yield _recorded(run, result, kind)
        elif name not in connected:
            if kind.is_missed:
                yield Check(kind.place(), None, "", f"{kind.system} is not configured")
        elif kind.can_be_left:
            yield _unrecorded(run, connected[name])


def _recorded(run: BackfillRun, result: Reconciliation, kind: type[Step]) -> Check:
    count = result.steps[kind.name]
    later = _begin_later(run, kind, timezone.now()) if kind.costs else ""
    compared = f"{count.expected:,} expected, {count.agreeing:,} as recorded"
    detail = _diverging(result, kind.name) or "; ".join(filter(None, [later, _remarks(result, kind.name)]))
    return Check(kind.place(), not count.diverging, compared, detail)


def _remarks(result: Reconciliation, name: str) -> str:
    """Name what is as recorded, and to be known all the same."""
    found = [one for one in result.remarks if one.step == name]
    shown = [f"{one.external_id}: {one.what.message.removesuffix('.')}" for one in found[:EXAMPLES]]
    return "; ".join([*shown, *([f"and {len(found) - EXAMPLES:,} more"] if len(found) > EXAMPLES else [])])


def _diverging(result: Reconciliation, name: str, *, but: str = "") -> str:
    found = [one for one in result.found if one.step == name and one.divergence.kind != but]
    shown = ", ".join(f"{one.external_id} {one.divergence.kind}" for one in found[:EXAMPLES])
    return shown + (f" and {len(found) - EXAMPLES:,} more" if len(found) > EXAMPLES else "")


def _begin_later(run: BackfillRun, kind: type[Step], now: datetime) -> str:
    """Say how many are pending as the file wants it: the platform bills no session before their start."""
    made = (BackfillStep.State.CREATED, BackfillStep.State.ADOPTED)
    later = run.rows.filter(subscription_at__gt=now, steps__name=kind.name, steps__state__in=made).count()
    return f"{later:,} begin later: sessions before that are not billed" if later else ""


def _unrecorded(run: BackfillRun, step: Step) -> Check:
    """Look for the things of a run that was made without this system: it may know them all the same."""
    total, unfit = _unfit(run, step)
    made = f"the run was made without {step.system}"
    compared = f"{total:,} expected, {total - len(unfit):,} in order ({made})"
    if not unfit:
        return Check(step.place(), True, compared)
    shown = ", ".join(unfit[:EXAMPLES]) + (", …" if len(unfit) > EXAMPLES else "")
    return Check(step.place(), False, compared, f"{shown}; run the file again with --skip-existing")


def _unfit(run: BackfillRun, step: Step) -> tuple[int, list[str]]:
    whole = run.rows.filter(mapping__is_active=True).exclude(outcome__in=["", Outcome.FAILED])
    recorded = list(records(run, whole))
    if not recorded:
        return 0, []
    found = step.look_up([one.wanted for one in recorded])
    things = [Thing(one.wanted, step.check(one.wanted, found).ref, is_made=False) for one in recorded]
    again = step.look_again(things, since(run))
    unfit = [
        f"{thing.wanted.external_id} {told.kind}"
        for thing in things
        for told in step.compare(thing, again)[:1]
    ]
    return len(recorded), unfit


def metric_check(run: BackfillRun, systems: Systems) -> Check:
    """Check that energy becomes money: Lago is silent about a metric that does not sum `value`."""
    code = settings.LAGO_METRIC_CODE
    metric = systems.lago.billable_metric(code)
    if metric is None:
        return Check("metric", False, f"LAGO_METRIC_CODE {code}", "Lago has no such billable metric")
    compared = f"{code} is {metric.aggregation_type} over {metric.field_name or 'nothing'}"
    if not metric.counts_energy:
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
