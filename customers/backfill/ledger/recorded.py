"""What a run recorded, read back as the same values that a plan works with."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import QuerySet

from charging import SteveClient
from customers.backfill.engine.options import Refused
from customers.backfill.systems import RETIRED, STEVE, Systems
from customers.models import BackfillRow, BackfillRun, BackfillStep
from kernel import StepName, Wanted

READ_SIZE = 2_000
SAMPLE = 3  # idTags by which a SteVe is recognised


@dataclass(slots=True)
class Recorded:
    """A row of a run with its steps. In `wanted`, what has gone from our database is blank."""

    row: BackfillRow
    steps: dict[StepName, BackfillStep]
    wanted: Wanted

    @property
    def line(self) -> int:
        return self.row.line

    @property
    def external_id(self) -> str:
        return self.row.external_id

    def state(self, name: StepName) -> str:
        return self.steps[name].state if name in self.steps else ""


def find_run(run_id: str) -> BackfillRun:
    """Find a run by its id; raise Refused."""
    run = BackfillRun.objects.filter(run_id=run_id).first()
    if run is None:
        raise Refused(f"There is no run {run_id!r}.", "See them all with: python manage.py backfill_runs")
    return run


def check_organization(run: BackfillRun, systems: Systems) -> None:
    """Raise Refused if the run went into another Lago organization than the one that is reached now."""
    if run.lago_organization_id != systems.target.organization.lago_id:
        raise Refused(
            f"The run {run.run_id} went into another Lago organization ({run.lago_organization_name}).",
            "Point LAGO_API_URL and LAGO_API_KEY there.",
        )
    check_steve(run, systems)


def check_steve(run: BackfillRun, systems: Systems) -> None:
    """Raise Refused if the run made idTags in a SteVe that is not the one that is reached now."""
    if STEVE in systems.without:
        return
    hint = f"Set STEVE_BASE_URL (it was {run.steve_url}), STEVE_API_USERNAME and STEVE_API_KEY. {RETIRED}"
    if run.steve_url and systems.steve is None:
        raise Refused(f"The run {run.run_id} made idTags in SteVe, and SteVe is not configured.", hint)
    moved = run.steve_url != systems.steve_url
    if run.steve_url and systems.steve and moved and not _knows_tags_of(run, systems.steve):
        raise Refused(f"The run {run.run_id} made its idTags in another SteVe.", hint)


def _knows_tags_of(run: BackfillRun, steve: SteveClient) -> bool:
    """Tell whether it is the same SteVe by another address: one has many, as seen from here and there."""
    steps = BackfillStep.objects.filter(
        row__run=run,
        name=StepName.STEVE_ID_TAG,
        state__in=[BackfillStep.State.CREATED, BackfillStep.State.ADOPTED],
        row__mapping__isnull=False,
    )
    known = list(steps.order_by("-pk").values_list("ref", "row__mapping__id_tag")[:SAMPLE])
    found = [(steve.get_id_tag(int(ref)), id_tag) for ref, id_tag in known]
    return not known or any(tag and tag.id_tag.casefold() == id_tag.casefold() for tag, id_tag in found)


def records(run: BackfillRun, rows: QuerySet[BackfillRow] | None = None) -> Iterator[Recorded]:
    """Read the rows of a run, in the order of the file, with bounded memory for what the ORM holds."""
    chosen = run.rows.all() if rows is None else rows
    billing_time = run.options.get("billing_time", "calendar")
    found = chosen.select_related("user", "mapping").prefetch_related("steps").order_by("line")
    for row in found.iterator(chunk_size=READ_SIZE):
        steps = {StepName(step.name): step for step in row.steps.all()}
        yield Recorded(row, steps, _wanted(row, billing_time))


def _wanted(row: BackfillRow, billing_time: str) -> Wanted:
    return Wanted(
        line=row.line,
        email=row.user.email if row.user else "",
        display_name=row.user.display_name if row.user else "",
        external_id=row.external_id,
        id_tag=row.mapping.id_tag if row.mapping else "",
        plan_code=row.plan_code,
        start_date=row.start_date,
        subscription_at=row.subscription_at,
        billing_time=billing_time,
    )
