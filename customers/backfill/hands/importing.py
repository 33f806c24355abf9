"""A share of an import: what was planned of it is unpacked, looked at anew if need be, and brought in."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction

from customers.backfill.engine.acceptance import KEY, Accepted
from customers.backfill.engine.apply import Importer
from customers.backfill.engine.batch import Books
from customers.backfill.engine.guard import Guard
from customers.backfill.engine.logged import log_line, without_calls
from customers.backfill.engine.options import Options
from customers.backfill.engine.plan import Plan, PlannedRow, Policy, RowAction, make_plan
from customers.backfill.engine.planning import Look
from customers.backfill.engine.staging import stage
from customers.backfill.hands import packing
from customers.backfill.hands.leased import Leased
from customers.backfill.hands.trade import Bench, Trade, is_logged
from customers.backfill.ledger import log_parts
from customers.backfill.ledger.recorded import made_elsewhere
from customers.backfill.ledger.taken_back import taken_back
from customers.models import BackfillRow, RunShare


class Importing(Trade[PlannedRow]):
    def __init__(self, bench: Bench, options: Options) -> None:
        super().__init__(options.batch_size, options.max_failures)
        self._bench, self._options = bench, options
        self._priced: set[str] = set()

    def carry_out(self, batches: Iterable[Sequence[PlannedRow]]) -> None:
        bench, options = self._bench, self._options
        run, steps, actor = bench.run, bench.systems.steps, bench.shared.actor
        accepted = Accepted.kept({KEY: bench.shared.kept["accepted"]})
        importer = Importer(
            run, steps, Policy(options.skip_existing, run.pk, options.allowed),
            actor=actor, stop=bench.stop, max_failures=self.max_failures, settled=is_logged,
            guard=Guard(steps, accepted, self._time_there), lanes=bench.lanes, hearing=bench.hearing,
            books=Books(run, steps, actor, bench.hold_of),
        )  # fmt: skip
        importer.carry_out(batches, batch_size=self.batch_size)

    def line_of(self, row: PlannedRow) -> int:
        return row.line

    def opened(self, share: RunShare, hold: Leased) -> Sequence[PlannedRow]:
        packed = packing.unpack(bytes(share.content))
        for step in self._bench.systems.steps:
            step.recall(packed.known.get(step.name, {}))
        self._read_prices(packed.rows)
        return packed.rows if share.claims == 1 else self._looked_at_anew(packed.rows, hold)

    def _read_prices(self, rows: Sequence[PlannedRow]) -> None:
        """Read what plans cost by which nobody here was billed yet."""
        new = [row.wanted for row in rows if row.wanted.plan_code not in self._priced]
        if new:
            self._priced |= {wanted.plan_code for wanted in new}
            for step in self._bench.systems.steps:
                step.read_prices(new, self._time_there())

    def _looked_at_anew(self, rows: Sequence[PlannedRow], hold: Leased) -> Sequence[PlannedRow]:
        """Plan a share again, by what there is: so what was `intended` is settled, as in a continued run."""
        systems = self._bench.systems
        for row in rows:
            row.action, row.verdicts, row.problems, row.owner_line = RowAction.CREATE, {}, (), None
        today = self._time_there().astimezone(systems.billing_zone).date()
        plan = make_plan(Look(systems.steps, rows).pieces(), systems.steps, self._policy, today)
        for row in rows:
            row.warnings = tuple(dict.fromkeys(row.warnings))  # it had those of the first plan already
        with transaction.atomic():
            hold.settling()
            self._write_down(plan)
        return plan.to_do()

    @property
    def _policy(self) -> Policy:
        run, options = self._bench.run, self._options
        return Policy(
            options.skip_existing,
            run.pk,
            options.allowed,
            options.accept_invoices_today,
            Accepted.kept(run.options),
            taken_back(run),
        )

    def _write_down(self, plan: Plan) -> None:
        run, lines = self._bench.run, [row.line for row in plan.rows]
        pending = run.rows.filter(line__in=lines, outcome=BackfillRow.Outcome.PENDING)
        open_lines = set(pending.values_list("line", flat=True))
        stage(run, plan, self._bench.shared.actor, only=lines)
        over = [row for row in plan.rows if not row.is_to_do and row.line in open_lines]
        made = made_elsewhere(run, [row.line for row in over])
        log_parts.write(run, [log_line(without_calls(row, made.get(row.line, {}))) for row in over])

    def _time_there(self) -> datetime:
        return self._bench.systems.target.clock(self._bench.now())
