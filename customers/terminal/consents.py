"""What an import at the terminal is held to: a saved plan, and approval where that is required."""

from collections.abc import Callable
from pathlib import Path

from customers.backfill import approvals, approved, saved_plan
from customers.backfill.engine.consent import Consent
from customers.backfill.engine.report import Report
from customers.models import PlanApproval
from customers.terminal.import_options import ImportOptions

ASK = (
    "To ask for it: the same command with --dry-run --save-plan FILE. Somebody with the right to approve"
    " finds the plan in the admin."
)


def consents_of(chosen: ImportOptions) -> list[Consent]:
    """Return who has to agree before anything is written; raise Refused if a saved plan cannot be read."""
    if chosen.save_plan:
        saved_plan.check_place(chosen.save_plan, chosen.input, force=chosen.force)
    consents: list[Consent] = []
    if chosen.plan:
        consents.append(saved_plan.Saved(chosen.plan.name, saved_plan.read(chosen.plan)))
    if approvals.is_required() and not chosen.dry_run:
        consents.append(approved.Approved(ASK, tells_why=True))
    return consents


def save_plan(path: Path, report: Report, actor: str, say: Callable[[str], None]) -> None:
    """Save a plan and, where approval is required, have it wait for that."""
    facts = saved_plan.save(path, report)
    say(f"The plan is in {path}, SHA-256 {facts.digest()}.")
    if not approvals.is_required():
        return
    asked = approvals.ask_at_terminal(report, actor)
    if asked is None:
        say("Nobody was asked to approve it: rows would fail, so nothing could be imported.")
    elif asked.status == PlanApproval.Status.APPROVED:
        say("It is approved already.")
    else:
        say("It waits in the admin, under Approvals, for somebody else's word; for a day.")
