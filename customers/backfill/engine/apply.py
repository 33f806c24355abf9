"""Do what a plan says: local things in bulk, remote things in parallel, everything written down first."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from threading import Lock

from django.db import IntegrityError

from customers.backfill.engine.at_work import Opened, Results, Settled, StepFailure
from customers.backfill.engine.batch import Books
from customers.backfill.engine.pipeline import Pipeline, Stop
from customers.backfill.engine.plan import Plan, PlannedRow, Policy, judge_again
from customers.backfill.engine.world import chunks, look_up
from customers.models import BackfillRun
from kernel import Action, Made, Problem, RemoteError, RemoteStep, StepName

AGAIN = "Run the same command again: it continues where this run stopped."
RACES = 5  # with people or another program, over the same batch, before it is taken for a fault
HINTS = {
    "lago_unreachable": AGAIN,
    "lago_refused": "See what Lago says of it, correct the row or Lago, and run the same command again.",
    "lago_unexpected": "Look at this customer in Lago before running the same command again.",
    "lago_id_mismatch": "Look at this customer in Lago before running the same command again.",
    "steve_unreachable": AGAIN,
    "steve_refused": "See what SteVe says of it, correct the row or SteVe, and run the same command again.",
    "steve_unexpected": "Look at this idTag in SteVe before running the same command again.",
}  # fmt: skip


class Breaker:
    """Stops a run whose rows fail one after the other: the trouble is not in the rows.

    Counted for each step by itself: that SteVe takes the further cards of a customer says nothing of Lago.
    """

    def __init__(self, stop: Stop, most: int) -> None:
        self._stop = stop
        self._most = most
        self._in_a_row: Counter[str] = Counter()
        self._lock = Lock()

    def note(self, failed: bool, step: str = "") -> None:
        """Count what has just become of a row; called from the pool's threads."""
        with self._lock:
            number = self._in_a_row[step] = self._in_a_row[step] + 1 if failed else 0
            if number >= self._most:
                reason = f"{number} rows in a row failed; the trouble is not in the rows"
                self._stop.request(reason, broken=True)


class Importer:
    """Carries out the plan of one run."""

    def __init__(
        self,
        run: BackfillRun,
        steps: Iterable[RemoteStep],
        policy: Policy,
        *,
        actor: str,
        stop: Stop,
        max_failures: int,
        settled: Callable[[Sequence[Settled]], None],
    ) -> None:
        self.run = run
        self._steps = {step.name: step for step in steps}
        self._policy = policy
        self._books = Books(run, actor)
        self._stop = stop
        self._breaker = Breaker(stop, max_failures)
        self._settled = settled

    def apply(self, plan: Plan, *, batch_size: int, concurrency: int) -> None:
        """Bring in every row that is to be done; `settled` hears of each batch once it is written."""
        pipeline = Pipeline(
            open_batch=self._open,
            work=self._call,
            settle_batch=self._settle,
            concurrency=concurrency,
            stop=self._stop,
        )
        pipeline.run(chunks(plan.to_do(), batch_size), batch_size)

    # --- in the thread that owns the database --------------------------------------------------------

    def _open(self, rows: Sequence[PlannedRow]) -> list[Opened]:
        rows = self._without(self._lost(rows), rows)
        for _ in range(RACES):
            try:
                return self._books.open(rows) if rows else []
            except IntegrityError:
                rows = self._judged_again(rows)
        return self._books.open(rows) if rows else []

    def _judged_again(self, rows: Sequence[PlannedRow]) -> Sequence[PlannedRow]:
        """Somebody made the same user or idTag since the plan: refuse those rows, judge the others anew."""
        world = look_up([row.wanted for row in rows])
        for row in rows:
            judge_again(row, world, self._policy)
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

    def _settle(self, batch: Sequence[tuple[Opened, Results | None]]) -> None:
        self._settled(self._books.settle(batch))
        if BackfillRun.objects.filter(pk=self.run.pk, stop_requested=True).exists():
            self._stop.request("stopped in the admin", interrupted=True)

    # --- in the pool's threads: no ORM ---------------------------------------------------------------

    def _call(self, item: Opened) -> Results:
        """Make a row's remote things in order; the first that fails ends the row."""
        made: dict[StepName, Made] = {}
        failed: dict[StepName, StepFailure] = {}
        for name in item.to_call:
            met = StepName.LAGO_CUSTOMER in made and made[StepName.LAGO_CUSTOMER].adopted
            try:
                answer = self._look_and_make(name, item.row) if met else self._make(name, item.row)
            except RemoteError as error:
                answer = StepFailure(_problem(name, error), error.sent)
            self._breaker.note(isinstance(answer, StepFailure), name)
            if isinstance(answer, StepFailure):
                failed[name] = answer
                break
            made[name] = answer
        return Results(made, failed)

    def _make(self, name: StepName, row: PlannedRow) -> Made | StepFailure:
        return self._steps[name].create(row.wanted, row.verdicts[name])

    def _look_and_make(self, name: StepName, row: PlannedRow) -> Made | StepFailure:
        """Look once more: who made this row's customer since the plan may have made a subscription too.

        To make ours unseen would be a second one, or a change of plan that is billed.
        """
        step = self._steps[name]
        verdict = step.check(row.wanted, step.look_up([row.wanted]))
        if verdict.action is None:
            return StepFailure(verdict.problems[0], in_doubt=False)
        if verdict.action is Action.ADOPT and not verdict.change:
            return Made(verdict.ref, adopted=True, key=verdict.key)
        return step.create(row.wanted, verdict)


def _problem(name: StepName, error: RemoteError) -> Problem:
    return Problem(error.code, None, f"{name.value}: {error}", HINTS.get(error.code, AGAIN))
