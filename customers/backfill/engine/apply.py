"""Do what a plan says: in bulk in databases, in parallel elsewhere, everything written down first."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from django.db import IntegrityError

from customers.backfill.engine.at_work import Opened, Settled, StepFailure
from customers.backfill.engine.batch import Books
from customers.backfill.engine.breaker import Breaker
from customers.backfill.engine.guard import Guard
from customers.backfill.engine.hearing import Hearing
from customers.backfill.engine.holds import opened
from customers.backfill.engine.lanes import Lanes
from customers.backfill.engine.pipeline import Leg, Pipeline, legs_of
from customers.backfill.engine.plan import Looked, Plan, PlannedRow, Policy, judge_again
from customers.backfill.engine.stop import Stop
from customers.backfill.ledger import facts
from customers.backfill.ledger.growth import Growth
from customers.models import BackfillRun
from kernel import Action, Made, Per, Problem, RemoteError, Step, Task, Verdict, Works
from kernel.chunks import chunks

RACES = 5  # with people or another program, over the same batch, before it is taken for a fault


class Importer:
    """Carries out the plan of one run."""

    def __init__(
        self,
        run: BackfillRun,
        steps: Sequence[Step],
        policy: Policy,
        *,
        actor: str,
        stop: Stop,
        max_failures: int,
        settled: Callable[[Sequence[Settled]], None],
        guard: Guard,
        lanes: Lanes,
        hearing: Hearing,
        books: Books | None = None,
    ) -> None:
        self.run = run
        self._steps = steps
        self._policy = policy
        self._books = books or Books(run, steps, actor)
        self._knows_all = books is None  # rows of the plan; a repair has cards of whose customer others are
        self._stop = stop
        self._breaker = Breaker(stop, max_failures)
        self._settled = settled
        self._guard = guard
        self._lanes, self._hearing = lanes, hearing
        self._growth = Growth()

    def apply(self, plan: Plan, *, batch_size: int) -> None:
        """Bring in every row that is to be done; `settled` hears of each batch once it is written."""
        if self._knows_all:
            further = (row for row in plan.rows if row.owner_line is not None)
            self._books.several = {row.wanted.external_id for row in further}
        self.carry_out(chunks(plan.to_do(), batch_size), batch_size=batch_size)

    def carry_out(self, batches: Iterable[Sequence[PlannedRow]], *, batch_size: int) -> None:
        """Bring in batches as they come, each of the rows of one hold. Raises Taken where that is lost."""
        pipeline: Pipeline[PlannedRow, Opened] = Pipeline(
            open_batch=self._open,
            legs=self._legs(),
            settle_batch=self._settle,
            lanes=self._lanes,
            stop=self._stop,
            watch=self._hearing.listen,
        )
        pipeline.run(batches, batch_size)
        self._growth.close()
        self._hearing.close()

    def _legs(self) -> list[Leg[Opened]]:
        """Return the way of a batch: all is made, and then put to use, where that is in another database."""
        activating = [step for step in self._steps if step.activates and step.works is Works.PER_BATCH]
        return [
            *legs_of(self._steps, self._call, self._call_together, apart=(Per.CUSTOMER, Per.CARD)),
            *(Leg(together=partial(self._activate, step)) for step in activating),
        ]

    # --- in the thread that owns the databases -------------------------------------------------------

    def _open(self, rows: Sequence[PlannedRow]) -> list[Opened]:
        if reason := self._guard.against(rows):  # the day has changed since the plan; the rows stay pending
            self._stop.request(reason, broken=True)
            return []
        return opened(lambda: self._opened(self._without(self._lost(rows), rows)), self._stop)

    def _opened(self, rows: Sequence[PlannedRow]) -> list[Opened]:
        for _ in range(RACES):
            try:
                return self._books.open(rows) if rows else []
            except IntegrityError:
                rows = self._judged_again(rows)
        return self._books.open(rows) if rows else []

    def _judged_again(self, rows: Sequence[PlannedRow]) -> Sequence[PlannedRow]:
        """Somebody made the same user or idTag since the plan: refuse those rows, judge the others anew."""
        wanted = [row.wanted for row in rows]
        ours = [step for step in self._steps if step.works is Works.WITH_LEDGER]
        looked = [Looked(step, step.look_up(wanted)) for step in ours]
        ledger = facts.look_up(wanted)
        for row in rows:
            judge_again(row, ledger, looked, self._policy)
        rows = self._without([row for row in rows if row.problems], rows)
        return self._without(self._lost(rows), rows)

    def _lost(self, rows: Sequence[PlannedRow]) -> list[PlannedRow]:
        """Find rows that share a customer whose own row was refused."""
        lost = [row for row in rows if self._books.is_lost(row)]
        for row in lost:
            row.problems = (self._books.loss(row),)
        return lost

    def _without(self, refused: Sequence[PlannedRow], rows: Sequence[PlannedRow]) -> Sequence[PlannedRow]:
        if refused:
            self._settled(self._books.refuse(refused))
        gone = {row.line for row in refused}
        return [row for row in rows if row.line not in gone]

    def _call_together(self, step: Step, items: Sequence[Opened]) -> None:
        """Make the things of a batch in another database, in one go."""
        due = [item for item in items if _is_due(item, step)]
        for item in [item for item in due if item.is_surprised]:
            due.remove(item)
            self._note(item, step, self._try(step, item))
        tasks = [self._task(item, step, item.row.verdicts[step.name]) for item in due]
        for item, answer in zip(due, _all_made(step, tasks), strict=True):
            self._note(item, step, answer if isinstance(answer, Made) else _failure(step, answer))

    def _activate(self, step: Step, items: Sequence[Opened]) -> None:
        """Put to use the things of a batch's whole rows; a failure is one of each row."""
        whole = [item for item in items if self._books.is_whole(item)]
        try:
            if whole:
                step.activate_all([self._books.thing(item, step) for item in whole])
        except RemoteError as error:
            for item in whole:
                self._note(item, step, _failure(step, error))

    def _settle(self, batch: Sequence[tuple[Opened, bool]]) -> None:
        self._settled(self._books.settle(batch))
        self._growth.add(len(batch))
        self._hearing.look()

    # --- in the pool's threads: no ORM ---------------------------------------------------------------

    def _call(self, steps: Sequence[Step], item: Opened) -> None:
        """Make some of a row's things in order; the first that fails ends the row."""
        for step in steps:
            if _is_due(item, step) and not self._stop.has_lapsed:
                self._note(item, step, self._try(step, item))

    def _try(self, step: Step, item: Opened) -> Made | StepFailure:
        try:
            verdict = item.row.verdicts[step.name]
            if item.is_surprised:
                return self._look_and_make(step, item)
            return self._make(step, self._task(item, step, verdict))
        except RemoteError as error:
            return _failure(step, error)

    def _look_and_make(self, step: Step, item: Opened) -> Made | StepFailure:
        """Look once more: who made a thing of this row since the plan may have made this one too.

        To make ours unseen would be a second one, or a change of plan that is billed.
        """
        wanted = item.row.wanted
        found = step.look_up([wanted])
        verdict = step.reconsider(wanted, found, step.check(wanted, found), item.known)
        if verdict.action is None:
            return StepFailure(verdict.problems[0], in_doubt=False)
        if verdict.action is Action.ADOPT and not verdict.change:
            return Made(verdict.ref, adopted=True, key=verdict.key)
        return self._make(step, self._task(item, step, verdict))

    @staticmethod
    def _make(step: Step, task: Task) -> Made | StepFailure:
        if step.works is Works.PER_ROW:
            return step.create(task)
        (answer,) = _all_made(step, [task])
        return answer if isinstance(answer, Made) else _failure(step, answer)

    def _task(self, item: Opened, step: Step, verdict: Verdict) -> Task:
        return Task(item.row.wanted, verdict, {**item.known, **self._books.told(item.row)})

    def _note(self, item: Opened, step: Step, answer: Made | StepFailure) -> None:
        if isinstance(answer, StepFailure):
            self._breaker.note(True, step.name, away=step.system if answer.away else "")
            item.failed[step.name] = answer
            return
        self._breaker.note(False, step.name)
        item.made[step.name] = answer
        self._books.hear(item, step)
        if answer.adopted and answer.undo and (warning := step.altered(item.row.wanted, answer.ref)):
            item.row.warn_once(warning)  # it came to be since the plan, so the plan could not say it
        if answer.adopted and item.row.means(step.name, Action.CREATE):
            item.is_surprised = True


def _is_due(item: Opened, step: Step) -> bool:
    return step.name in item.to_call and not item.failed


def _all_made(step: Step, tasks: Sequence[Task]) -> Sequence[Made | RemoteError]:
    """Make things in bulk; a failure of the whole is a failure of each."""
    try:
        return step.create_all(tasks) if tasks else []
    except RemoteError as error:
        return [error] * len(tasks)


def _failure(step: Step, error: RemoteError) -> StepFailure:
    problem = Problem(error.code, None, f"{step.name}: {error}", error.hint)
    return StepFailure(problem, error.sent, error.away)
