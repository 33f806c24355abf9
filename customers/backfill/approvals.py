"""The second pair of eyes: a plan is asked about, approved or declined, and an import is held to it.

What is approved is the plan, by its facts, whether it was previewed in the console or saved at the terminal.
It may be imported as long as the plan made anew agrees with it. Nobody approves what they have made.
"""

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from auditlog.models import Event, record
from customers.backfill import stored_preview
from customers.backfill.engine.agreed import PlanFacts, sums_of
from customers.backfill.engine.agreeing import Changes, compare
from customers.backfill.engine.been import work_of
from customers.backfill.engine.report import Report
from customers.backfill.ledger import identity
from customers.backfill.refused import Refused
from customers.models import BackfillRun, BackfillUpload, PlanApproval, User

Status = PlanApproval.Status
ASKED, APPROVED, DECLINED, WITHDRAWN = "plan.asked", "plan.approved", "plan.declined", "plan.withdrawn"
PLAN_ANEW = "This preview was planned before approval was required. Plan it anew under Options, and ask then."
LONGEST_REASON = 300
LONGEST_TOLD = 220


def is_required() -> bool:
    return bool(settings.BACKFILL_REQUIRE_APPROVAL)


def facts_of(plan: PlanApproval) -> PlanFacts:
    return PlanFacts.kept(json.loads(zlib.decompress(bytes(plan.facts))))


def _new(facts: PlanFacts, name: str, actor: str, makers: Iterable[str]) -> PlanApproval:
    packed = json.dumps(facts.as_json(), ensure_ascii=False, separators=(",", ":")).encode()
    return PlanApproval(
        digest=facts.digest(),
        facts=zlib.compress(packed, level=6),
        sha256=facts.sha256,
        name=name[:255],
        counts=facts.counts(),
        sums={name: list(found) for name, found in sums_of(facts.rows.values()).items()},
        asked_by=actor,
        makers=sorted({*makers, actor}),
    )


def _note(plan: PlanApproval, actor: str, action: str) -> None:
    """Write it down: which plan over which file. A reason stays where it is shown."""
    told = {"sha256": plan.sha256} | ({"preview": str(plan.upload_id)} if plan.upload_id else {})
    record("admin" if actor.startswith("staff:") else "terminal", actor, [Event(action, plan.subject, told)])


# --- Asking ------------------------------------------------------------------------------------------


def ask(upload: BackfillUpload, user: User) -> PlanApproval:
    """Ask for approval of a preview as it was shown; raise Refused if there is nothing to be approved."""
    preview = stored_preview.unpack(upload)
    if not is_required():
        raise Refused("No approval is required here.", "Import it.")
    if not preview.digest:
        raise Refused(PLAN_ANEW)
    if preview.fails and not upload.options["allow_partial"]:
        raise Refused("Rows would fail, so nothing can be imported.", "Put them right, and ask then.")
    facts, actor = preview.facts(), f"staff:{user.pk}"
    as_it_was = {"sha256": upload.sha256, "mapping": upload.mapping, "options": upload.options}
    with transaction.atomic():
        still = BackfillUpload.objects.previews().filter(pk=upload.pk, **as_it_was).select_for_update()
        now = still.without_content().first()
        if now is None:
            raise Refused("This preview was changed or confirmed in the meantime.", "Look at it again.")
        known = PlanApproval.objects.filter(upload=now, status__in=PlanApproval.OPEN).first()
        if known is not None and (known.status == Status.APPROVED or _is_fresh(known)):
            return known
        _withdraw(now, actor)
        plan = _new(facts, upload.name, actor, [*now.makers, now.actor])
        plan.upload = now
        plan.save()
        _keep(now.pk)
        _note(plan, actor, ASKED)
    return plan


def ask_at_terminal(report: Report, actor: str) -> PlanApproval | None:
    """Have a saved plan wait in the console; None where nothing of it could be imported.

    Saving the same plan again asks no second time.
    """
    if report.plan.fails and not report.options.allow_partial:
        return None
    facts = PlanFacts.of(report)
    with transaction.atomic():
        digest = facts.digest()
        known = PlanApproval.objects.fresh().filter(digest=digest, status__in=PlanApproval.OPEN).first()
        if known is not None:
            return known
        plan = _new(facts, report.info.name, actor, ())
        plan.save()
        _note(plan, actor, ASKED)
    return plan


def _is_fresh(plan: PlanApproval) -> bool:
    return PlanApproval.objects.fresh().filter(pk=plan.pk).exists()


def _keep(upload_pk: Any) -> None:
    """Keep a preview as long as its plan can be approved, or imported."""
    BackfillUpload.objects.filter(pk=upload_pk).update(kept_until=timezone.now() + PlanApproval.LIFETIME)


# --- Deciding ----------------------------------------------------------------------------------------


def is_own(plan: PlanApproval, user: User) -> bool:
    """Return whether somebody has made this plan: uploaded or corrected it, or chosen its options.

    Who saved it at the terminal is known by their login alone: it counts as theirs whose address begins so.
    """
    login = user.email.partition("@")[0].casefold()
    return f"staff:{user.pk}" in plan.makers or f"cli:{login}" in {one.casefold() for one in plan.makers}


@transaction.atomic
def approve(plan: PlanApproval, user: User) -> None:
    """Approve a plan that waits; a second click changes nothing. Raises Refused."""
    if is_own(plan, user):
        raise Refused("Nobody approves what they have made themselves.", "Ask a colleague.")
    actor = f"staff:{user.pk}"
    waiting = PlanApproval.objects.waiting().filter(pk=plan.pk)
    given = {"status": Status.APPROVED, "decided_by": actor, "decided_at": timezone.now()}
    if not PlanApproval.objects.filter(pk__in=waiting.values("pk"), status=Status.WAITING).update(**given):
        _tell_why_not(plan, actor)
        return
    _keep(plan.upload_id)
    _note(plan, actor, APPROVED)


def _tell_why_not(plan: PlanApproval, actor: str) -> None:
    """Raise Refused of a plan that does not wait any more, unless this very person has approved it."""
    plan.refresh_from_db(fields=["status", "decided_by", "run"])
    if plan.status == Status.APPROVED and plan.decided_by == actor:
        return
    if plan.status == Status.WAITING:
        raise Refused("This plan has waited for more than a day.", "Have it asked for again.")
    raise Refused(f"This plan is {plan.status} already.", "Look at it again.")


@transaction.atomic
def decline(plan: PlanApproval, user: User, reason: str) -> None:
    """Decline a plan, also one that was approved and not begun; raise Refused."""
    reason = " ".join(reason.split())
    if not reason:
        raise Refused("Say why, so that it can be put right.")
    if len(reason) > LONGEST_REASON or not reason.isprintable():
        raise Refused(f"A reason is plain text of at most {LONGEST_REASON} characters.")
    actor = f"staff:{user.pk}"
    given = {"status": Status.DECLINED, "decided_by": actor, "decided_at": timezone.now(), "reason": reason}
    still = PlanApproval.objects.filter(pk=plan.pk, status__in=PlanApproval.OPEN, run=None)
    if not still.update(**given):
        plan.refresh_from_db(fields=["status", "run"])
        raise Refused("Its run has begun." if plan.run_id else f"This plan is {plan.status} already.")
    _note(plan, actor, DECLINED)


def after_change(upload: BackfillUpload, digest: str, actor: str) -> None:
    """Take back what a preview was asked or approved for, unless it is the same plan still.

    Called in the transaction that changes the preview.
    """
    _withdraw(upload, actor, but=digest)


def withdraw(upload: BackfillUpload, actor: str) -> None:
    """Take back what a preview that is discarded was asked or approved for, in the same transaction."""
    _withdraw(upload, actor)


def _withdraw(upload: BackfillUpload, actor: str, but: str | None = None) -> None:
    found = PlanApproval.objects.without_facts().filter(upload=upload, status__in=PlanApproval.OPEN, run=None)
    for plan in found.exclude(digest=but) if but else found:
        still = PlanApproval.objects.filter(pk=plan.pk, status__in=PlanApproval.OPEN, run=None)
        if still.update(status=Status.WITHDRAWN):
            BackfillUpload.objects.filter(pk=upload.pk).update(kept_until=None)
            _note(plan, actor, WITHDRAWN)


# --- Where a preview stands --------------------------------------------------------------------------


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
        is_over = last.status == Status.WAITING and not _is_fresh(last)
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


def forget_old() -> None:
    """Delete plans that led to no run, and whose preview is gone."""
    left = PlanApproval.objects.filter(run=None, upload=None)
    left.exclude(pk__in=left.fresh().values("pk")).delete()
