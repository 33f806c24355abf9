"""Taking what a run made into the ledger again, after a database was put back that did not know of it yet.

What counts is the run's own log, which is no part of the database. It names each thing under the run's own
deterministic ids and, since 1.1, by the id that its system gave it; what stands there is ours only if it is
that. What the log names without (1.0) is settled by looking, as an unanswered create is.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from auditlog.models import Event, record
from customers import bulk
from customers.backfill.ledger.entries import LedgerStep
from customers.backfill.ledger.facts import Ledger, LedgerFact
from customers.backfill.ledger.identity import MEANING
from customers.backfill.ledger.log_reading import LoggedRun, Made, Values, heads_of, option, read_runs
from customers.backfill.ledger.recorded import Recorded
from customers.backfill.ledger.run_log import STAMP_FORMAT
from customers.backfill.refused import Refused
from customers.backfill.source import SourceInfo
from customers.backfill.steps import in_order, kinds, plural
from customers.backfill.systems import Systems
from customers.models import BackfillRow, BackfillRun, BackfillStep
from kernel import Wanted
from kernel.chunks import chunks
from kernel.wording import counted

State = BackfillStep.State
OPEN = (State.PLANNED, State.INTENDED, State.FAILED)  # of these the ledger does not know the end
NO_LOG = (
    "Set BACKFILL_LOG_DIR to where the logs are; if another machine ran it, copy its run-*.log and"
    " revert-*.log here."
)
WRITTEN = 2_000  # rows at a time

Place = tuple[int, str]  # line and step


@dataclass(frozen=True, slots=True)
class Reclaim:
    """What the log of a run names and the ledger does not know: `made`, by line and step.

    `run` is not saved yet where the database does not have it at all; it is what the log's head says.
    """

    run: BackfillRun
    log: LoggedRun
    made: Mapping[Place, Made]

    @property
    def is_unknown(self) -> bool:
        """Return whether the database does not have the run."""
        return self.run.pk is None

    def by_line(self) -> dict[int, list[tuple[str, Made]]]:
        lines: dict[int, list[tuple[str, Made]]] = {}
        for (line, name), made in self.made.items():
            lines.setdefault(line, []).append((name, made))
        return lines

    # --- For a plan: nothing is written ----------------------------------------------------------------

    def over(self, ledger: Ledger, rows: Iterable[Wanted]) -> Ledger:
        """Return what the ledger knows, and what it is to know again."""
        known = {external_id: list(facts) for external_id, facts in ledger.items()}
        by_line = self.by_line()
        for row in rows:
            for name, made in by_line.get(row.line, ()):
                if made.external_id == row.external_id:
                    known.setdefault(row.external_id, []).append(self._fact(row, name, made))
        return known

    def _fact(self, row: Wanted, name: str, made: Made) -> LedgerFact:
        state = State.CREATED if made.ref else State.INTENDED
        return LedgerFact(self.run.pk or 0, row.id_tag.lower(), name, state, made.ref, False, False)

    def laid_over(self, one: Recorded) -> Recorded:
        """Have a row that was read know again what the log names, without writing it."""
        for name, step in one.steps.items():
            made = self.made.get((one.line, name))
            if made and made.external_id == one.external_id:
                enter(step, made)
        return one

    def sentences(self) -> list[str]:
        """Say what the log names, and what it cannot give back."""
        counts = Counter(name for _, name in self.made)
        things = ", ".join(f"{counts[name]:,} {plural(name)}" for name in in_order(counts))
        told = [
            f"The log {self.log.path.name} of the run {self.run.run_id} names {things} that the ledger does"
            " not know. What stands there just so is the run's, and goes into its ledger again."
        ]
        if self.is_unknown:
            told.append("This database does not have that run: it is made again under its id.")
        if self.log.removed:
            told.append(f"{counted(self.log.removed, 'thing')} of the run had been reverted: left out.")
        if self.log.unread:
            told.append(f"{counted(self.log.unread, 'line')} of the log cannot be read: left out.")
        if self.log.altered:
            told.append(
                f"{counted(len(self.log.altered), 'thing')} of others had been altered by it (`altered=` in"
                " the log). How it was before is not known any more, so a revert leaves it as it is."
            )
        return told

    def as_json(self) -> dict[str, object]:
        return {
            "run_id": self.run.run_id,
            "log": str(self.log.path),
            "things": dict(Counter(name for _, name in self.made)),
            "reverted": self.log.removed,
            "unreadable_lines": self.log.unread,
            "altered": len(self.log.altered),
        }


def for_import(
    folder: Path, info: SourceInfo, systems: Systems, run_id: str = "", *, actor: str
) -> Reclaim | None:
    """Find the run over a file whose log knows more than the ledger; None if no log does. Raises Refused."""
    logged = list(read_runs(folder, info.sha256, _is_here(systems)))
    if not logged:
        raise _no_log(folder, info.sha256)
    found = [one for log in logged if (one := _against_ledger(log, systems, info.name, actor)) and one.made]
    found = [one for one in found if run_id in ("", one.run.run_id)]
    if len(found) > 1:
        ids = ", ".join(one.run.run_id for one in found)
        raise Refused(f"Several runs over this file stand in the logs: {ids}.", "Name one: --reclaim RUN_ID.")
    if found:
        _check_places(found[0], systems)
    return found[0] if found else None


def unclaimed(folder: Path, info: SourceInfo, systems: Systems) -> Iterator[Reclaim]:
    """Return the runs over a file that are not over, and whose logs know more than the ledger."""
    ended = BackfillRun.objects.over(info.sha256).exclude(status__in=BackfillRun.UNFINISHED)
    over = set(ended.values_list("run_id", flat=True))
    for log in read_runs(folder, info.sha256, _is_here(systems), over=over):
        if (found := _against_ledger(log, systems, info.name, "")) and found.made:
            yield found


def for_revert(folder: Path, run: BackfillRun, systems: Systems) -> Reclaim | None:
    """Read what the log of a run knows more than the ledger; None if nothing. Raises Refused."""
    logs = {log.run_id: log for log in read_runs(folder, run.input_sha256, _is_here(systems))}
    if run.run_id not in logs:
        raise _no_log(folder, run.input_sha256)
    reclaim = Reclaim(run, logs[run.run_id], _unknown(run, logs[run.run_id]))
    lines = set(run.rows.values_list("line", flat=True))
    if missing := {line for line, _ in reclaim.made} - lines:
        raise Refused(
            f"The log names {counted(len(missing), 'row')} that this database does not have.",
            "Take them in first: python manage.py backfill_customers --reclaim --input FILE. Then revert.",
        )
    return reclaim if reclaim.made else None


def _is_here(systems: Systems) -> Callable[[Values], bool]:
    target = systems.target

    def is_here(head: Values) -> bool:
        """Compare the organization; heads of 1.0 name it without its id."""
        if "lago_organization" in head:
            return head["lago_organization"] == target.organization.lago_id
        return (head.get("lago"), head.get("lago_url")) == (target.organization.name, target.url)

    return is_here


def _no_log(folder: Path, sha256: str) -> Refused:
    elsewhere = sorted({head.get("lago", "") for head in heads_of(folder, sha256)} - {""})
    if elsewhere:
        return Refused(
            f"The logs of this file in {folder} are of another Lago organization ({', '.join(elsewhere)}).",
            "Point LAGO_API_URL and LAGO_API_KEY there.",
        )
    return Refused(f"No log in {folder} is of a run over this file.", NO_LOG)


def _against_ledger(log: LoggedRun, systems: Systems, name: str, actor: str) -> Reclaim | None:
    """Compare a log with the ledger; None of a run that is over as far as the database knows."""
    run = BackfillRun.objects.filter(run_id=log.run_id).first()
    if run is None:
        return Reclaim(_as_logged(log, systems, name, actor), log, log.made)
    if run.status not in BackfillRun.UNFINISHED:
        return None
    return Reclaim(run, log, _unknown(run, log))


def _unknown(run: BackfillRun, log: LoggedRun) -> dict[Place, Made]:
    """Leave out what the ledger knows the end of."""
    closed = BackfillStep.objects.filter(row__run=run).exclude(state__in=OPEN)
    known = set(closed.values_list("row__line", "name").iterator())
    log.altered -= known
    return {place: made for place, made in log.made.items() if place not in known}


def _as_logged(log: LoggedRun, systems: Systems, name: str, actor: str) -> BackfillRun:
    """Describe a run by its log's head: what its rows mean is compared before it goes on."""
    return BackfillRun(
        run_id=log.run_id,
        status=BackfillRun.Status.INTERRUPTED,
        actor=actor,
        input_name=name[:255],
        input_sha256=log.head["sha256"],
        options={key: option(log.head[key]) for key in MEANING if key in log.head},
        lago_organization_id=systems.target.organization.lago_id,
        lago_organization_name=systems.target.organization.name,
        started_at=datetime.strptime(log.began_at, STAMP_FORMAT).replace(tzinfo=UTC),
    )


def _check_places(reclaim: Reclaim, systems: Systems) -> None:
    """Raise Refused if a run that is made again had made things in other systems than those reached now."""
    if not reclaim.is_unknown:
        return  # what a run of the database remembers is compared when it goes on
    world, head = systems.world, reclaim.log.head
    for name in in_order({name for _, name in reclaim.made}):
        kind = kinds()[name]
        key = kind.system_key()
        was = head.get(f"world_{key}", head.get(key, "none"))
        if key != "lago" and was != world.get(key, "none"):
            raise Refused(
                f"The run {reclaim.run.run_id} made {kind.place()}: {was}, which is not reached now."
            )


def enter(step: BackfillStep | LedgerStep, made: Made) -> None:
    """Have a step of the ledger say what the log says; one without a ref is looked for, as after a crash."""
    step.state = State.CREATED if made.ref else State.INTENDED
    step.ref, step.undo, step.code = made.ref, {}, ""
    step.intended_at = step.intended_at or timezone.now()
    step.settled_at = timezone.now() if made.ref else None


@transaction.atomic
def take(reclaim: Reclaim, actor: str, lines: Sequence[int] | None = None) -> None:
    """Write what the log names into the ledger, all or nothing; `lines` are those of a few rows."""
    by_line = reclaim.by_line()
    wanted = by_line.keys() if lines is None else by_line.keys() & lines
    for some in chunks(sorted(wanted), WRITTEN):
        _take(reclaim, list(reclaim.run.rows.filter(line__in=some)), by_line, actor)


def _take(
    reclaim: Reclaim,
    rows: Sequence[BackfillRow],
    by_line: Mapping[int, Sequence[tuple[str, Made]]],
    actor: str,
) -> None:
    there = {(step.row_id, step.name): step for step in BackfillStep.objects.filter(row__in=rows)}
    steps, events = [], []
    for row in rows:
        for name, made in by_line[row.line]:
            if row.external_id != made.external_id:
                continue
            step = there.get((row.pk, name)) or BackfillStep(row=row, name=name)
            enter(step, made)
            steps.append(step)
            events.append(event(reclaim, row.line, name, made))
    bulk.upsert(
        BackfillStep,
        steps,
        unique=["row", "name"],
        update=["state", "ref", "undo", "code", "intended_at", "settled_at"],
    )
    record(reclaim.run.audit_tag, actor, events)


def event(reclaim: Reclaim, line: int, name: str, made: Made) -> Event:
    detail = {"line": line, "ref": made.ref, "log": reclaim.log.path.name}
    return Event(f"{name}.reclaimed", f"customer:{made.external_id}", detail)


def tell(reclaim: Reclaim, actor: str) -> None:
    """Write down that a log was gone by, and by which."""
    data = {"log": reclaim.log.path.name, "things": len(reclaim.made)}
    record(reclaim.run.audit_tag, actor, [Event("run.reclaimed", f"run:{reclaim.run.run_id}", data)])
