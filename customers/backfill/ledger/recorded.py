"""What a run recorded, read back as the same values that a plan works with."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from django.db.models import Count, DateTimeField, F, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast

from customers.backfill.ledger.entries import EMPTY, LedgerRow, LedgerStep, steps_of
from customers.backfill.steps import kinds
from customers.models import BackfillRow, BackfillRun, BackfillStep, moved_to
from kernel import NOTHING, Facts, Since, Step, Thing, Wanted, Works, columns
from kernel.chunks import chunks

READ_SIZE = 2_000
PLAIN = ("id", "line", "external_id", "outcome", "user_id", "mapping_id")
# Documents as they stand: nearly all are empty, and to read each takes longer than all else of a row.
AS_TEXT = tuple(Cast(name, TextField()) for name in ("problems", "warnings", "more"))
SAMPLE = 3  # things by which a system is recognised
State = BackfillStep.State
BY_CHOICE = "kept_active"  # the code of steps that --keep-active left
LEFT_OUT = "left_out"  # the code of steps in a system that --without named
# Which steps may have made or altered something, and which an earlier revert was told to leave.
MADE_OR_ALTERED = Q(state__in=[State.CREATED, State.INTENDED]) | Q(state=State.ADOPTED) & ~Q(undo={})
LEFT = Q(state=State.KEPT, code__in=[BY_CHOICE, LEFT_OUT])
HELD = (State.CREATED, State.INTENDED)  # the states of what the run made, or may have made


def asked(of: str = "") -> tuple[Any, ...]:
    """Name what a row asked for, in the order of `_wanted`; the person's data are read where they are kept.

    `of`: how the row is reached. The instant comes as text: most rows have the same one, and to read it anew
    for each takes as long as half of all else.
    """
    plain = ("user__email", "user__display_name", "mapping__id_tag")
    instant = Cast(f"{of}subscription_at", TextField())
    return (f"{of}plan_code", f"{of}start_date", instant, *(f"{of}{name}" for name in plain))


def since(run: BackfillRun) -> Since:
    """Say after which run people may have been active."""
    reverting = run.status == BackfillRun.Status.REVERTING or bool(run.taking_back)
    return Since(run.pk, run.run_id, run.started_at, reverting)


def was_left(step: LedgerStep) -> bool:
    """Return whether an earlier revert left it where it is because it was told to."""
    return step.state == State.KEPT and step.code in (BY_CHOICE, LEFT_OUT)


def is_made(step: LedgerStep) -> bool:
    """Return whether the run made it, or may have; an earlier revert may have left it where it is."""
    return step.state in HELD or (was_left(step) and not step.undo)


@dataclass(slots=True)
class Recorded:
    """A row of a run with its steps. In `wanted`, what has gone from our database is blank."""

    row: LedgerRow
    wanted: Wanted
    card_name: str = ""

    @property
    def steps(self) -> dict[str, LedgerStep]:
        return self.row.steps

    @property
    def line(self) -> int:
        return self.row.line

    @property
    def external_id(self) -> str:
        return self.row.external_id

    def state(self, name: str) -> str:
        step = self.row.steps.get(name)
        return step.state if step else ""

    def ref(self, name: str) -> str:
        """Return the system's own id of a thing; what a row shares it knows only if it is in our database."""
        if ref := self.steps[name].ref:
            return ref
        kind = kinds().get(name)
        return str(getattr(self.row, kind.row_column) or "") if kind and kind.row_column else ""

    def thing(self, name: str, facts: Facts) -> Thing:
        step = self.steps[name]
        return Thing(self.wanted, step.ref, is_made(step), step.undo, facts)

    def tell(self, steps: Iterable[Step], of: Callable[[LedgerStep], bool]) -> dict[str, Any]:
        """Return what the row's things tell each other, of those that are asked for."""
        facts: dict[str, Any] = {}
        for step in steps:
            if step.name in self.steps and of(self.steps[step.name]):
                facts |= step.tell(self.wanted, self.ref(step.name), "")
        return facts


def records(
    run: BackfillRun, rows: QuerySet[BackfillRow] | None = None, *, with_times: bool = True
) -> Iterator[Recorded]:
    """Read the rows of a run, in the order of the file, with bounded memory for what the ORM holds.

    Who goes through all of a large run does it without the times at which rows and steps were settled.
    """
    chosen = run.rows.all() if rows is None else rows
    billing_time = run.options.get("billing_time", "calendar")
    settled_at = F("settled_at") if with_times else Value(None, output_field=DateTimeField())
    found = chosen.order_by("line").values_list(*PLAIN, settled_at, *AS_TEXT, *asked(), "mapping__name")
    for some in chunks(found.iterator(chunk_size=READ_SIZE), READ_SIZE):
        steps = steps_of((values[0] for values in some), with_times=with_times)
        for values in some:
            yield _recorded(billing_time, values, steps)


def _recorded(
    billing_time: str, values: Sequence[Any], steps: Mapping[int, dict[str, LedgerStep]]
) -> Recorded:
    pk, line, external_id, outcome, user, mapping, settled_at, problems, warnings, more, *others, name = (
        values
    )
    row = LedgerRow(
        pk, line, external_id, outcome, _list(problems), _list(warnings), settled_at, user, mapping,
        steps.get(pk, {}),
    )  # fmt: skip
    wanted = _wanted(billing_time, line, external_id, NOTHING if more == EMPTY else json.loads(more), *others)
    return Recorded(row, wanted, name or "")


def _list(text: str) -> list[Any]:
    return [] if text == "[]" else list(json.loads(text))


@dataclass(frozen=True, slots=True)
class Things:
    """All things of a kind in these states, read anew, in one query, each time they are gone through."""

    run: BackfillRun
    name: str
    states: Sequence[str]

    def __bool__(self) -> bool:
        return self._steps().exists()

    def __iter__(self) -> Iterator[Thing]:
        return things_of(self.run, self._steps())

    def _steps(self) -> QuerySet[BackfillStep]:
        return BackfillStep.objects.filter(row__run=self.run, name=self.name, state__in=self.states)


def things_of(run: BackfillRun, steps: QuerySet[BackfillStep]) -> Iterator[Thing]:
    """Read things of a run as its rows wanted them, in the order of the file; what they tell is not told."""
    billing_time = run.options.get("billing_time", "calendar")
    found = steps.order_by("row__line").values_list(
        "state", "ref", "code", Cast("undo", TextField()), "row__line", "row__external_id",
        Cast("row__more", TextField()), *asked("row__"),
    )  # fmt: skip
    for state, ref, code, undo, line, external_id, more, *others in found.iterator(chunk_size=READ_SIZE):
        known = {} if undo == EMPTY else json.loads(undo)
        wanted = _wanted(
            billing_time, line, external_id, NOTHING if more == EMPTY else json.loads(more), *others
        )
        made = state in HELD or is_made(LedgerStep(0, "", state, ref, known, code, None, None))
        yield Thing(wanted, ref, made, known)


def with_several_rows(rows: QuerySet[BackfillRow]) -> frozenset[str]:
    """Name the customers of whom there are several among these rows: those with several cards."""
    counted = rows.order_by().values_list("external_id").annotate(number=Count("pk"))
    return frozenset(counted.filter(number__gt=1).values_list("external_id", flat=True))


def sample(run: BackfillRun, name: str) -> Sequence[Thing]:
    """Return a few things of a kind that the run made or adopted last, and whose idTag is still known."""
    steps = BackfillStep.objects.filter(
        row__run=run, name=name, state__in=[State.CREATED, State.ADOPTED], row__mapping__isnull=False
    ).order_by("-pk")
    rows = run.rows.filter(pk__in=steps.values("row")[:SAMPLE])
    return [one.thing(name, {}) for one in records(run, rows)]


def made_elsewhere(run: BackfillRun, lines: Sequence[int]) -> dict[int, dict[str, str]]:
    """Return, by line and step, what the run has made in other systems, with the ids that those gave it."""
    ours = [name for name, kind in kinds().items() if kind.works is Works.WITH_LEDGER]
    steps = BackfillStep.objects.filter(row__run=run, row__line__among=lines, state=State.CREATED)
    found: dict[int, dict[str, str]] = {}
    for line, name, ref in steps.exclude(name__in=ours).values_list("row__line", "name", "ref"):
        found.setdefault(line, {})[name] = ref
    return found


def _wanted(
    billing_time: str,
    line: int,
    external_id: str,
    more: Mapping[str, Any],
    plan_code: str,
    start_date: date | None,
    subscription_at: str | None,
    email: str | None,
    display_name: str | None,
    id_tag: str | None,
) -> Wanted:
    """Put together what a row asked for; the last are the values of `asked`."""
    starts = None if subscription_at is None else _instant(subscription_at)
    return Wanted(
        line=line,
        email=email or "",
        display_name=display_name or "",
        external_id=external_id,
        id_tag=id_tag or "",
        plan_code=plan_code,
        start_date=start_date,
        subscription_at=starts,
        billing_time=billing_time,
        more=columns.from_json(more) if more else NOTHING,
        moved_to=moved_to(more, start_date, starts) if more else None,
    )


@lru_cache(maxsize=4096)
def _instant(written: str) -> datetime:
    """Read an instant as PostgreSQL writes it, with its offset."""
    return datetime.fromisoformat(written)
