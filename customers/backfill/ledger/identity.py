"""What a run is: a file, the options that change what its rows mean, and the world that it went into."""

from collections.abc import Mapping, Sequence
from typing import Any

from customers.backfill.ledger.recorded import sample
from customers.backfill.ledger.taken_back import to_go_on
from customers.backfill.refused import Refused
from customers.backfill.steps import in_order, kinds
from customers.backfill.systems import Systems, way_out
from customers.models import BackfillRun, BackfillStep
from customers.models.backfill import BackfillRunQuerySet
from kernel import Step
from kernel.wording import counted

Status = BackfillRun.Status
State = BackfillStep.State
# Of these an import or a revert may have to look at what is there.
RECORDED = (State.INTENDED, State.CREATED, State.ADOPTED)
# With another of these the same rows would mean something else, and half a run would not fit the other half.
MEANING = {
    "date_format": None,
    "decimal_mark": ".",
    "billing_time": "calendar",
    "billed_until": None,
    "start_after_billed": False,
    "mapping": None,
    "hidden_rows": None,
}
# What a version did that did not ask: 1.0 read hidden rows like the others.
UNASKED = {"hidden_rows": "include"}


def over(sha256: str) -> BackfillRunQuerySet:
    """Return the runs over a file. Only the content counts, not the name."""
    return BackfillRun.objects.over(sha256)


def unfinished(sha256: str) -> BackfillRun | None:
    """Find the run that the same file continues, whatever its options and its world."""
    return over(sha256).unfinished().first()


def to_continue(sha256: str, options: Mapping[str, Any], systems: Systems) -> BackfillRun | None:
    """Find the run that an import continues; raise Refused where continuing would be wrong."""
    reverting = over(sha256).filter(status=Status.REVERTING).first()
    if reverting is not None:
        raise Refused(
            "A revert of a run over this file is unfinished.",
            f"Finish it first: python manage.py backfill_revert --run-id {reverting.run_id}",
        )
    taking_back = over(sha256).exclude(taking_back=[]).first()
    if taking_back is not None:
        raise Refused(
            "A revert of chosen customers of a run over this file is unfinished.",
            f"Finish it first: python manage.py {to_go_on(taking_back)}",
        )
    run = unfinished(sha256)
    if run is None or options.get("new_run"):
        return None
    check_meaning(run, options)
    check_first(run, options.get("first"))
    check_world(run, systems, anew=True)
    return run


def begun_with(run: BackfillRun) -> frozenset[str]:
    """Return the customers whom a run is for, done or not; while it waits, its first ones alone."""
    return frozenset(run.rows.order_by().values_list("external_id", flat=True).distinct())


def check_first(run: BackfillRun, first: int | None) -> None:
    """Raise Refused if a run is for more customers by now than it is to stop at.

    To go on with what it has begun would be more than was asked for, and to leave some of that half done
    would be no end. The limit that it was begun with itself is none to be asked about.
    """
    was = run.options.get("first")
    if first is None or (was is not None and first >= was):
        return
    if (begun := len(begun_with(run))) > first:
        raise Refused(
            f"The unfinished run {run.run_id} over this file is for {counted(begun, 'customer')} already"
            f" ({_rows_in(run)} are in), so it cannot stop at the first {first:,}.",
            "Leave --first away to do all of it, give a larger number, or start anew with --new-run.",
        )


def _rows_in(run: BackfillRun) -> str:
    done = run.rows.exclude(outcome__in=("", "failed")).count()
    return f"{done:,} of its {counted(run.rows.count(), 'row')}"


def check_meaning(run: BackfillRun, options: Mapping[str, Any]) -> None:
    """Raise Refused if the rows would mean something else than when the run began."""
    for name, usual in MEANING.items():
        now = options.get(name, usual)
        was = run.options.get(name, UNASKED.get(name, usual))
        if name in UNASKED and now is None:
            continue  # the file has nothing that the question is about
        if was != now:
            option = f"--{name.replace('_', '-')}"
            told = f"{run.options.get('mapping_name')}, as it was then" if name == "mapping" else was
            option = f"{option} {told}" if was and was is not True else option if was else f"no {option}"
            raise Refused(
                f"The unfinished run {run.run_id} over this file was begun with {option}.",
                "Give the same to continue it, or start anew with --new-run.",
            )


def check_world(
    run: BackfillRun, systems: Systems, *, anew: bool = False, made: Sequence[str] | None = None
) -> None:
    """Raise Refused if the run made things in systems that are not those that are reached now.

    What was told to be left alone is not asked about. `anew`: a new run over the file is a way out. `made`:
    the steps of which something may be there, where that is known.
    """
    if run.lago_organization_id != systems.target.organization.lago_id:
        way = "Point LAGO_API_URL and LAGO_API_KEY there"
        which = f"The unfinished run {run.run_id} over this file" if anew else f"The run {run.run_id}"
        raise Refused(
            f"{which} went into another Lago organization ({run.lago_organization_name}).",
            f"{way} to continue it, or start anew with --new-run." if anew else f"{way}.",
        )
    connected = {step.name: step for step in systems.steps}
    for name in made_of(run) if made is None else made:
        kind = kinds().get(name)
        if kind is None:
            raise Refused(
                f"The run {run.run_id} made things of a kind that this version does not know: {name}.",
                "Use the version that made them.",
            )
        if kind.system_key() in systems.without:
            continue
        if name not in connected:
            raise Refused(
                f"The run {run.run_id} made {kind.place()}, and {kind.system} is not configured.",
                _where(run, kind),
            )
        if not _is_same(run, connected[name]):
            raise Refused(
                f"The run {run.run_id} made its {kind.noun}s in another {kind.system}.", _where(run, kind)
            )


def made_of(run: BackfillRun) -> list[str]:
    """Name the steps of which something may be there, in order."""
    steps = BackfillStep.objects.filter(row__run=run, state__in=RECORDED)
    names = set(steps.order_by("name").values_list("name", flat=True).distinct())
    remembered = {kind.name for kind in kinds().values() if kind.system_key() in run.world}
    return in_order(names | remembered)


def _is_same(run: BackfillRun, step: Step) -> bool:
    remembered = run.world.get(step.system_key(), "")
    if remembered == step.identity():
        return True
    return step.is_same(remembered, sample(run, step.name))


def _where(run: BackfillRun, kind: type[Step]) -> str:
    """Say how the run's system can be reached, or left alone."""
    if not kind.variables:
        return way_out(kind, run.run_id)
    was = run.world.get(kind.system_key())
    first, *others = kind.variables  # the first of them is the address
    names = [f"{first} (it was {was})" if was else first, *others]
    told = " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)
    return f"Set {told}. {way_out(kind, run.run_id)}".strip()
