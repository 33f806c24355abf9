"""Runs at a terminal."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.utils import timezone
from rich.console import Console
from rich.text import Text

from auditlog.people import actor_names, with_names
from customers.backfill.ledger import schedule
from customers.backfill.ledger.life import WORKING
from customers.backfill.ledger.pace import pace_of
from customers.backfill.ledger.progress import progressed_at, waited_s
from customers.backfill.ledger.runs import FAILURES_SHOWN, RunDetail, RunLine, warnings_of
from customers.backfill.steps import alterations
from customers.models import BackfillRun, PlanApproval
from customers.terminal.output import plain_table, warning_line
from kernel.wording import counted

STYLE = {
    "succeeded": "green",
    "canary": "green",
    "partial": "yellow",
    "failed": "red",
    "interrupted": "yellow",
    "paused": "yellow",
    "revert paused": "yellow",
    "reverted": "dim",
}


def print_list(console: Console, runs: Sequence[RunLine]) -> None:
    if not runs:
        console.print("No run yet. Begin with: python manage.py backfill_customers --input FILE --dry-run")
        return
    table = plain_table(
        "run", "status", "file", "rows:", "created:", "completed:", "skipped:", "failed:", "Lago"
    )
    for line in runs:
        counts = line.counts
        table.add_row(
            line.run.run_id,
            Text(line.status, style=STYLE.get(line.status, "")),
            line.run.input_name,
            f"{sum(counts.values()):,}",
            *(f"{counts[name]:,}" for name in ("created", "completed", "skipped", "failed")),
            line.run.lago_organization_name,
        )
    console.print(table)


def print_detail(console: Console, detail: RunDetail, *, verbosity: int = 1) -> None:
    run = detail.run
    console.print(Text.assemble(("Run ", "bold"), (run.run_id, "bold"), ": ", _status(detail)))
    console.print(f"File  {run.input_name} ({run.input_sha256[:12]}…)")
    console.print(
        f"Lago  {run.lago_organization_name} at {run.lago_url} ({run.lago_version or 'version unknown'})"
    )
    console.print(f"SteVe {run.steve_url or 'not configured'}")
    begun = f"begun {run.started_at:%Y-%m-%d %H:%M:%S} UTC{_ended(detail)}"
    console.print(f"By    {actor_names([run.actor])[run.actor]}, {begun}")
    for line in (*_approved(detail), *_control(run)):
        console.print(line, soft_wrap=True)
    console.print()
    if detail.standing.sentence:
        console.print(detail.standing.sentence, style="yellow", soft_wrap=True)
    if detail.taken_back:
        console.print(f"{counted(detail.taken_back, 'customer')} taken back by a revert of chosen ones.")
    if detail.standing.waiting:
        console.print(detail.standing.waiting_sentence, soft_wrap=True)
    console.print(" · ".join(f"{number:,} {name}" for name, number in detail.counts.items()))
    if detail.rate_per_s:
        console.print(f"{detail.rate_per_s:,.1f} rows per second over {run.active_s:,.1f} s")
    for line in sharing_lines(detail):
        console.print(line, soft_wrap=True)
    if detail.steps:
        table = plain_table("step", "states")
        for name, states in detail.steps.items():
            table.add_row(name, ", ".join(f"{number:,} {state}" for state, number in states.items()))
        console.print(table)
    _print_failures(console, detail)
    _print_warnings(console, detail, verbosity)
    console.print("\nNext:")
    for command in detail.next:
        console.print(f"  python manage.py {command}", soft_wrap=True)


def _status(detail: RunDetail) -> Text:
    reason = f" ({with_names(detail.run.reason)})" if detail.run.reason else ""
    return Text(f"{detail.status}{reason}", style=STYLE.get(detail.status, ""))


def _approved(detail: RunDetail) -> Iterator[str]:
    """Say who approved its plan, where somebody else had to."""
    names = actor_names(who for one in detail.approvals for who in (one.decided_by, one.asked_by))
    for one in detail.approvals:
        asked = f"asked for by {names[one.asked_by]} at {one.asked_at:%Y-%m-%d %H:%M:%S} UTC"
        yield f"Plan  approved by {names[one.decided_by]} at {one.decided_at:%Y-%m-%d %H:%M:%S} UTC, {asked}"


def _control(run: BackfillRun) -> Iterator[str]:
    """Say what was asked of a run that is under way, by whom, and since when it is paused."""
    who = actor_names([run.asked_by])[run.asked_by] if run.asked_by else ""
    if run.pause_requested and run.status in WORKING:
        yield f"Pausing, asked by {who}: what is in flight is finished and recorded."
    if run.stop_requested and run.status in WORKING:
        yield f"Stopping, asked by {who or 'somebody'}: what is in flight is finished and recorded."
    if run.paused_at:
        yield f"Paused by {who} at {run.paused_at:%Y-%m-%d %H:%M:%S} UTC"
    if sentence := pace_of(run).sentence:
        yield f"Pace  {sentence}, as chosen while it worked"
    if hour := schedule.told(run):
        yield f"Begins at {hour}"


def sharing_lines(detail: RunDetail) -> Iterator[str]:
    """Say which worker is at what of a run that several do together."""
    sharing = detail.sharing
    if sharing is None:
        return
    yield f"Done by workers together; {counted(sharing.waiting, 'share')} of the file wait for one."
    yield from (f"  {hand.sentence}" for hand in sharing.hands)
    if sharing.refused:
        yield f"  {sharing.refused}"


def _ended(detail: RunDetail) -> str:
    ended = detail.run.finished_at
    return f", ended {ended:%Y-%m-%d %H:%M:%S} UTC" if ended else ""


def _print_failures(console: Console, detail: RunDetail) -> None:
    if not detail.failures:
        return
    table = plain_table("line:", "external_id", "code", "what")
    for line, external_id, code, message in detail.failures:
        table.add_row(str(line), external_id, Text(code, style="red"), message)
    console.print(table)
    if detail.counts["failed"] > FAILURES_SHOWN:
        console.print(f"… of {detail.counts['failed']:,} failed rows; the log has them all")


def _print_warnings(console: Console, detail: RunDetail, verbosity: int) -> None:
    for line, external_id, warning in warnings_of(detail.run) if verbosity > 1 else ():
        told = warning_line(line, external_id, warning["code"], warning["message"], warning["hint"])
        console.print(told, style="yellow", soft_wrap=True)
    meanings = alterations(detail.warnings)
    more = "" if verbosity > 1 else " (--verbosity 2 names each)"
    for code, number in detail.warnings.items():
        told = f"Warning {code}: {counted(number, 'row')}{more}. {meanings.get(code, '')}".rstrip()
        console.print(told, style="yellow")


def line_json(line: RunLine) -> dict[str, Any]:
    run = line.run
    return {
        "run_id": run.run_id,
        "status": line.status,
        "reason": run.reason or None,
        "input": {"name": run.input_name, "sha256": run.input_sha256},
        "lago": {"organization": run.lago_organization_name, "url": run.lago_url},
        "started_at": run.started_at.isoformat(),
        "finished_at": run.finished_at.isoformat() if run.finished_at else None,
        "progressed_at": progressed_at(run).isoformat(),
        "seconds_since_progress": _rounded(waited_s(run, timezone.now())),
        "counts": line.counts,
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


def detail_json(detail: RunDetail) -> dict[str, Any]:
    return {
        **line_json(RunLine(detail.run, detail.status, detail.counts)),
        "import": detail.standing.as_json(),
        "options": detail.run.options,
        "control": _control_json(detail.run),
        "actor": detail.run.actor,
        "approvals": [_approval_json(one) for one in detail.approvals],
        "taken_back": detail.taken_back,
        "steps": detail.steps,
        "rate_per_s": detail.rate_per_s,
        "sharing": detail.sharing.as_json() if detail.sharing else None,
        "failures": [
            {"line": line, "external_id": external_id, "code": code, "message": message}
            for line, external_id, code, message in detail.failures
        ],
        "warnings": dict(detail.warnings),
        "next": list(detail.next),
    }


def _approval_json(one: PlanApproval) -> dict[str, Any]:
    return {
        "plan": one.digest,
        "asked_by": one.asked_by,
        "asked_at": one.asked_at.isoformat(),
        "approved_by": one.decided_by,
        "approved_at": one.decided_at.isoformat() if one.decided_at else None,
    }


def _control_json(run: BackfillRun) -> dict[str, Any]:
    return {
        "asked_by": run.asked_by or None,
        "stop_requested": run.stop_requested,
        "pause_requested": run.pause_requested,
        "paused_at": run.paused_at.isoformat() if run.paused_at else None,
        "pace": pace_of(run).as_json(),
        "starts_at": run.starts_at.isoformat() if run.starts_at else None,
    }
