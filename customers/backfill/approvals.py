"""The second pair of eyes: a plan is asked about, approved or declined, and an import is held to it.

What is approved is the plan, by its facts, whether it was previewed in the console or saved at the terminal.
It may be imported as long as the plan made anew agrees with it. Nobody approves what they have made.
"""

import json
import zlib
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from auditlog.models import Event, record
from customers.backfill import stored_preview
from customers.backfill.engine.agreed import PlanFacts, sums_of
from customers.backfill.engine.report import Report
from customers.backfill.refused import Refused
from customers.models import BackfillUpload, PlanApproval, User

Status = PlanApproval.Status
ASKED, APPROVED, DECLINED, WITHDRAWN = "plan.asked", "plan.approved", "plan.declined", "plan.withdrawn"
PLAN_ANEW = "This preview was planned before approval was required. Plan it anew under Options, and ask then."
LONGEST_REASON = 300


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
        if known is not None and (known.status == Status.APPROVED or is_fresh(known)):
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


def is_fresh(plan: PlanApproval) -> bool:
    return PlanApproval.objects.fresh().filter(pk=plan.pk).exists()


def _hold(upload_pk: Any) -> None:
    """Take the preview before its approval, as whoever changes or discards it does, and import does."""
    BackfillUpload.objects.select_for_update().filter(pk=upload_pk).values_list("pk").first()


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
    _hold(plan.upload_id)
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


def forget_old() -> None:
    """Delete plans that led to no run, and whose preview is gone."""
    left = PlanApproval.objects.filter(run=None, upload=None)
    left.exclude(pk__in=left.fresh().values("pk")).delete()
