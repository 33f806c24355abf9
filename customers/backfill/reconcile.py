"""Compare what a run recorded with our database, Lago and SteVe as they are now. Reads only."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from customers.backfill.recorded import Recorded, check_organization, records
from customers.backfill.systems import Systems
from customers.models import BackfillRun, BackfillStep, IdTagMapping
from polaris_backfill.kernel import Divergence, RemoteStep, StepName
from polaris_backfill.masking import mask_id_tag

State = BackfillStep.State
Here = (State.CREATED, State.ADOPTED, State.SHARED)
AGAIN = "Run the same file again with --skip-existing: it is made again."


@dataclass(frozen=True, slots=True)
class Found:
    """One divergence, named so that it can be looked up anywhere. `adopted`: not made by the run."""

    line: int
    external_id: str
    step: str
    divergence: Divergence
    adopted: bool = False


@dataclass(slots=True)
class StepCount:
    """How many things of a kind the run answers for, and how many are as recorded."""

    expected: int = 0
    created: int = 0
    adopted: int = 0
    diverging: int = 0

    @property
    def agreeing(self) -> int:
        return self.expected - self.diverging


@dataclass(slots=True)
class Reconciliation:
    run: BackfillRun
    rows: Counter[str] = field(default_factory=Counter)
    steps: dict[StepName, StepCount] = field(default_factory=dict)
    found: list[Found] = field(default_factory=list)

    @property
    def is_well(self) -> bool:
        return not self.found


def reconcile(run: BackfillRun, systems: Systems) -> Reconciliation:
    """Compare every row of a run with the world; raise Refused or RemoteError. Writes nothing."""
    check_organization(run, systems)
    result = Reconciliation(run)
    recorded = list(records(run))
    extra = _extra_mappings(run)
    for one in recorded:
        result.rows[one.row.outcome or "pending"] += 1
        result.found.extend(_not_imported(one))
        for name, divergence in _local(one, extra):
            result.found.append(_found(one, name, divergence))
    for step in systems.steps:
        result.found.extend(_remote(step, recorded))
    result.found.sort(key=lambda found: (found.line, list(StepName).index(StepName(found.step or "user"))))
    result.steps = _counts(recorded, result.found)
    return result


def _found(one: Recorded, name: StepName, divergence: Divergence) -> Found:
    return Found(one.line, one.external_id, name.value, divergence, one.state(name) == State.ADOPTED)


def _not_imported(one: Recorded) -> Iterator[Found]:
    if one.row.outcome in ("", "failed"):
        codes = ", ".join(problem["code"] for problem in one.row.problems) or "not reached"
        remedy = "Run the same command again: it continues this run."
        yield Found(one.line, one.external_id, "user", Divergence("not_imported", "imported", codes, remedy))


def _local(one: Recorded, extra: dict[int, list[str]]) -> Iterator[tuple[StepName, Divergence]]:
    if one.row.outcome in ("", "failed"):
        return
    if _stands(one) and one.row.user is None:
        yield StepName.USER, Divergence("missing", "a customer", "none", AGAIN)
    elif one.state(StepName.USER) in (State.CREATED, State.ADOPTED) and one.row.user is not None:
        yield from _user(one, extra)
    if one.state(StepName.ID_TAG_MAPPING) in Here:
        yield from ((StepName.ID_TAG_MAPPING, divergence) for divergence in _mapping(one))


def _stands(one: Recorded) -> bool:
    """Tell whether the row answers for its customer; a further card does while its own mapping stands."""
    state = one.state(StepName.USER)
    return state in Here and (state != State.SHARED or one.state(StepName.ID_TAG_MAPPING) in Here)


def _user(one: Recorded, extra: dict[int, list[str]]) -> Iterator[tuple[StepName, Divergence]]:
    user = one.row.user
    if user is None:
        return
    if user.external_id != one.external_id:
        remedy = "Correct the external_id of the customer, or of Lago."
        yield StepName.USER, Divergence("other_key", one.external_id, user.external_id or "none", remedy)
    if not user.is_active:
        remedy = "Activate the customer in the admin, if that was not on purpose."
        yield StepName.USER, Divergence("inactive", "active", "inactive", remedy)
    if user.pk in extra:
        shown = ", ".join(extra[user.pk])
        remedy = "Made by hand, or by no run that is known. Remove it if it should not be there."
        yield StepName.ID_TAG_MAPPING, Divergence("extra", "the idTags of the run", f"also {shown}", remedy)


def _mapping(one: Recorded) -> Iterator[Divergence]:
    mapping = one.row.mapping
    if mapping is None:
        yield Divergence("missing", "a mapping", "none", AGAIN)
        return
    if one.row.user_id is not None and mapping.user_id != one.row.user_id:
        remedy = "Sessions are billed to that customer. Move it back, or correct the file."
        yield Divergence("other_owner", one.external_id, "another customer", remedy)
    if not mapping.is_active:
        remedy = "Sessions with this idTag are not billed. Activate it, if it was not on purpose."
        yield Divergence("inactive", "active", "inactive", remedy)
    number = one.steps[StepName.STEVE_ID_TAG].ref if one.state(StepName.STEVE_ID_TAG) in Here else ""
    if number and str(mapping.steve_ocpp_tag_pk) != number:
        remedy = "Its sessions do not show for the customer. Run the same file again with --skip-existing."
        known = str(mapping.steve_ocpp_tag_pk or "none")
        yield Divergence("other_number", f"number {number} in SteVe", f"number {known}", remedy)


def _extra_mappings(run: BackfillRun) -> dict[int, list[str]]:
    """Find idTags that customers of the run have, and that no run knows of."""
    extra: dict[int, list[str]] = {}
    unknown = IdTagMapping.objects.filter(user__backfill_rows__run=run, backfill_rows__isnull=True).distinct()
    for user_pk, id_tag in unknown.values_list("user_id", "id_tag").order_by("pk"):
        extra.setdefault(user_pk, []).append(mask_id_tag(id_tag))
    return extra


def _remote(step: RemoteStep, recorded: Sequence[Recorded]) -> Iterator[Found]:
    """Compare what one system holds. What was adopted may differ in what the run never wrote."""
    there = [one for one in recorded if one.state(step.name) in (State.CREATED, State.ADOPTED)]
    if step.name is StepName.STEVE_ID_TAG:
        there = [one for one in there if one.wanted.id_tag]  # without its mapping, which is told already
    found = step.look_up([one.wanted for one in there]) if there else {}
    for one in there:
        kept = one.steps[step.name]
        for divergence in step.compare(one.wanted, kept.ref, found):
            if kept.state == State.CREATED or not divergence.kind.endswith("_drifted"):
                yield _found(one, step.name, divergence)


def _counts(recorded: Sequence[Recorded], found: Sequence[Found]) -> dict[StepName, StepCount]:
    counts: dict[StepName, StepCount] = {}
    for one in recorded:
        for name, step in one.steps.items():
            if step.state in (State.CREATED, State.ADOPTED):
                count = counts.setdefault(name, StepCount())
                count.expected += 1
                count.created += step.state == State.CREATED
                count.adopted += step.state == State.ADOPTED
    diverging = Counter(step for step, _ in {(one.step, one.line) for one in found})
    for name, count in counts.items():
        count.diverging = diverging[name.value]
    return {name: counts[name] for name in StepName if name in counts}
