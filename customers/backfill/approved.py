"""Whether an import may begin where somebody else has to approve it, and for which run that holds."""

from collections.abc import Iterable
from dataclasses import dataclass

from auditlog.models import Event, record
from customers.backfill import stored_preview
from customers.backfill.approvals import facts_of, is_fresh, is_required
from customers.backfill.engine.agreed import PlanFacts
from customers.backfill.engine.agreeing import Changes, compare
from customers.backfill.engine.been import work_of
from customers.backfill.engine.report import Report
from customers.backfill.ledger import identity
from customers.backfill.refused import Refused
from customers.models import BackfillRun, BackfillUpload, PlanApproval

Status = PlanApproval.Status
LONGEST_TOLD = 220


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a preview may be imported, as far as others have to look at it; `plan` is what it goes by.

    `state`: not_required, unasked, waiting, approved, declined or stale; then `changes` says why.
    """

    state: str
    plan: PlanApproval | None = None
    changes: Changes | None = None

    @property
    def may_import(self) -> bool:
        return self.state in ("not_required", "approved")


def standing_of(upload: BackfillUpload, preview: stored_preview.Preview) -> Standing:
    """Find out by our own tables; what Lago has by now, the run itself looks at."""
    if not is_required():
        return Standing("not_required")
    run = None if upload.options["new_run"] else identity.unfinished(upload.sha256)
    found = PlanApproval.objects.approved_over(upload.sha256, run)
    if preview.digest and (plan := found.without_facts().filter(digest=preview.digest).first()):
        return Standing("approved", plan)
    last = upload.approvals.order_by("-pk").first()
    if last is not None and last.status in (Status.WAITING, Status.DECLINED):
        is_over = last.status == Status.WAITING and not is_fresh(last)
        return Standing("unasked" if is_over else str(last.status), last)
    facts = preview.facts() if preview.digest else None
    agreeing, changes = _agreeing(found, facts, run) if facts else (None, None)
    if agreeing is not None:
        return Standing("approved", agreeing)
    if last is not None and facts and last.status == Status.WITHDRAWN:
        return Standing("stale", last, compare(facts_of(last), facts))
    return Standing("stale", found.first(), changes) if changes else Standing("unasked")


def _agreeing(
    found: Iterable[PlanApproval], facts: PlanFacts, run: BackfillRun | None
) -> tuple[PlanApproval | None, Changes | None]:
    """Return the approved plan with which this one agrees, else what differs from the likeliest."""
    work, first = work_of(run), None
    for plan in found:
        changes = compare(facts_of(plan), facts, work)
        if not changes:
            return plan, None
        first = first or changes
    return None, first


# --- An import ---------------------------------------------------------------------------------------


class Approved:
    """An import's consent where approval is required. `way` says how to come by one.

    `tells_why`: the reason of a refusal is for whoever asked, and for no run, log or webhook.
    """

    def __init__(self, way: str, *, tells_why: bool = False) -> None:
        self._way, self._tells_why = way, tells_why
        self._plan: PlanApproval | None = None

    def check(self, planned: Report, run: BackfillRun | None) -> None:
        found = PlanApproval.objects.approved_over(planned.info.sha256, run)
        self._plan, changes = _agreeing(found, PlanFacts.of(planned), run)
        if changes:
            raise Refused(f"This is not the plan that was approved: {_short(changes)}.", self._way)
        if self._plan is None:
            raise Refused(self._nobody_has(planned.info.sha256), self._way)

    def _nobody_has(self, sha256: str) -> str:
        """Say so, or who declined what was asked for last; by number, as our records do."""
        asked = PlanApproval.objects.without_facts().filter(sha256=sha256, run=None)
        last = asked.exclude(status=Status.WITHDRAWN).order_by("-pk").first()
        if last is None or last.status != Status.DECLINED or last.decided_at is None:
            return "Somebody else has to approve this import first, and nobody has."
        why = f": {last.reason.rstrip('.')}" if self._tells_why else ""
        return f"This import was declined by {last.decided_by} on {last.decided_at:%Y-%m-%d %H:%M} UTC{why}."

    def hold(self, run: BackfillRun) -> None:
        """Have the approval be this run's: it holds until that has ended, and for no other."""
        plan = self._plan
        if plan is not None and plan.run_id != run.pk and not _bind(plan, run):
            raise Refused("The approval was taken back in the meantime.", self._way)


def _short(changes: Changes) -> str:
    """Leave room for the way out: the reason of a run has 300 characters."""
    told = changes.sentence()
    return told if len(told) <= LONGEST_TOLD else f"{told[: LONGEST_TOLD - 2]} …"


def hand_over(upload: BackfillUpload, run: BackfillRun) -> None:
    """Bind the approval of a confirmed preview to its run: it holds however long that waits in the queue."""
    if not is_required() or not upload.preview:
        return
    standing = standing_of(upload, stored_preview.unpack(upload))
    if standing.state == "approved" and standing.plan:
        _bind(standing.plan, run)


def _bind(plan: PlanApproval, run: BackfillRun) -> bool:
    """Have an approval be a run's, and its trail say whose; False if it was taken back, or is another's."""
    still = PlanApproval.objects.filter(pk=plan.pk, status=Status.APPROVED, run=None)
    if not still.update(run=run):
        return False
    told = {"plan": plan.digest, "asked_by": plan.asked_by}
    record(run.audit_tag, plan.decided_by, [Event("run.approved", f"run:{run.run_id}", told)])
    return True
