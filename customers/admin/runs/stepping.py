"""The facts on which the stepper of a run goes, as they are stored."""

from collections.abc import Callable
from typing import Any

from auditlog.people import with_names
from customers.admin.access import CONTROL
from customers.admin.runs.controlling import may_control
from customers.admin.runs.page import Live
from customers.admin.runs.stepper import NEEDS, Facts, Look, Mails, Stepper, stepper
from customers.backfill.beside import is_beside_platform
from customers.backfill.ledger.looks import Since
from customers.backfill.verify import why_no_session
from customers.backfill.welcome import CampaignStatus
from customers.backfill.welcome.recipients import is_anybody_left
from customers.mail.ready import what_is_missing
from customers.models import BackfillRun, RunJob, User, WelcomeMail
from kernel.wording import counted

Kind, Status = RunJob.Kind, RunJob.Status
NOT_WHOLE = "The run was not whole"


def stepper_of(live: Live, user: User) -> Stepper:
    return stepper(facts_of(live, user))


def facts_of(live: Live, user: User) -> Facts:
    has_ended = live.status in (BackfillRun.Status.SUCCEEDED, BackfillRun.Status.PARTIAL)
    return Facts(
        status=live.status,
        can_continue=live.can_continue,
        wants_preview=live.wants_preview,
        goes_on=live.goes_on,
        waiting=live.waiting,
        waits_for_hour=live.run.starts_at is not None,
        failed=live.counts.get("failed", 0),
        is_settling=live.settling is not None and live.settling.is_waiting,
        reconcile=_look(live, Kind.RECONCILE, divergences),
        verify=_look(live, Kind.VERIFY, no_go),
        charge=_look(live, Kind.CHARGE, no_go),
        no_session=why_no_session(),
        mails=_mails(live.campaign) if live.campaign else None,
        somebody_to_invite=not has_ended or live.campaign is not None or is_anybody_left(live.run),
        no_mail=" ".join(what_is_missing(to_our_pages=not is_beside_platform())),
        may=[permission for permission in set(NEEDS.values()) if _may(user, permission, live.run)],
    )


def _may(user: User, permission: str, run: BackfillRun) -> bool:
    if f"customers.{permission}" == CONTROL:
        return may_control(user, run)
    return user.has_perm(f"customers.{permission}")


def _look(live: Live, kind: str, told: Callable[[dict[str, Any]], tuple[str, str]]) -> Look | None:
    job = live.job(kind)
    if job is None:
        return None
    bad, good = told(job.result) if job.status == Status.DONE else ("", "")
    since = live.since_looks[kind]
    is_stale = since in (Since.WRITTEN, Since.REVERTED)
    return Look(
        job.pk, job.status, with_names(job.reason), bad, good, is_stale, is_edited=since is Since.EDITED
    )


def divergences(result: dict[str, Any]) -> tuple[str, str]:
    """Say what diverges, and what else there is to know. Rows that are not imported hold up nothing.

    They are known from the import, and *verify* tells those that were refused from those that failed.
    """
    not_imported = sum(one.get("number", 1) for one in result["divergences"] if one["kind"] == "not_imported")
    diverging = result["divergences_total"] - not_imported
    if diverging:
        return counted(diverging, "divergence"), ""
    if result["unfinished"]:
        return NOT_WHOLE, ""
    if not_imported:
        return "", f"Nothing else diverges; not imported: {counted(not_imported, 'row')}"
    return "", "Nothing diverges"


def no_go(result: dict[str, Any]) -> tuple[str, str]:
    failed = [check["name"] for check in result["checks"] if check["passed"] is False]
    return (f"NO GO: {', '.join(failed)}" if failed else ""), ""


def _mails(campaign: CampaignStatus) -> Mails:
    failed = campaign.counts[WelcomeMail.State.FAILED] + campaign.counts[WelcomeMail.State.UNKNOWN]
    return Mails(campaign.status, campaign.settled, campaign.total, failed, campaign.reason)
