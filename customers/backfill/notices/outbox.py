"""Write down what is to be told, in the transaction of what it tells of; the worker hears of it afterwards.

What is told holds no name, no address, no idTag and no external_id: of people, the numbers of staff.
"""

import re
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db.models import Count
from django.urls import reverse
from django.utils import timezone

from customers import queueing, webhook
from customers.backfill.ledger.counts import outcome_counts
from customers.backfill.notices.events import (
    CAMPAIGN_FINISHED,
    CAMPAIGN_PAUSED,
    DIED,
    OF_RUNS,
    REVERT,
    REVERT_DIED,
    REVERT_FAILED,
    REVERT_PAUSED,
    REVERT_STOPPED,
    Told,
    job_refused,
)
from customers.mail.ready import what_is_missing
from customers.models import BackfillRun, BackfillStep, Notice, RunJob, User, WelcomeCampaign

TELL = "customers.tasks.tell"
STAFF = "staff:"
ADDRESS = re.compile(r"[^\s@<>\"']+@[^\s@<>\"']+")
LOGIN = re.compile(r"cli:\S+")  # of a machine, which may be somebody's name
Channel = Notice.Channel


def tell_run(run: BackfillRun, action: str, actor: str) -> None:
    """Tell of a change of a run, if it is one that people wait for."""
    told = OF_RUNS.get(action)
    if told is OF_RUNS["run.paused"] and run.status == BackfillRun.Status.REVERTING:
        told = REVERT_PAUSED  # the run stays what it is
    if told:
        reason = run.reason if told.kind != REVERT else ""
        _write(run, told, run.status, reason, actor, also=run.actor)


def tell_died(run: BackfillRun, actor: str, reason: str) -> None:
    """Tell of an import or a revert whose process is gone, which could not say so."""
    of_revert = run.status == BackfillRun.Status.REVERTING or run.taking_back
    told = REVERT_DIED if of_revert else DIED
    _write(run, told, BackfillRun.Status.INTERRUPTED, reason, actor, also=run.actor)


def tell_revert_ended(run: BackfillRun, status: str, reason: str, actor: str) -> None:
    """Tell of a revert that ended early; the run stays `reverting`, or of chosen customers what it was."""
    told = REVERT_FAILED if status == "failed" else REVERT_STOPPED
    _write(run, told, status, reason, actor, also=run.actor)


def tell_job_refused(job: RunJob, reason: str) -> None:
    _write(job.run, job_refused(job.kind), RunJob.Status.REFUSED, reason, job.actor)


def tell_campaign(campaign: WelcomeCampaign) -> None:
    """Tell of a campaign that is done, or that something else than a person has paused."""
    is_done = campaign.status == WelcomeCampaign.Status.DONE
    told = CAMPAIGN_FINISHED if is_done else CAMPAIGN_PAUSED
    mails = campaign.mails.values_list("state").annotate(number=Count("pk")).order_by()
    _write(campaign.run, told, campaign.status, campaign.reason, campaign.actor, counts=dict(mails))


def mails_starter() -> bool:
    """Return whether whoever started something is told by mail."""
    return settings.NOTIFY_STARTER and not what_is_missing(to_our_pages=False)


def _write(
    run: BackfillRun,
    told: Told,
    status: str,
    reason: str,
    actor: str,
    *,
    also: str = "",
    counts: Mapping[str, int] | None = None,
) -> None:
    receivers: list[tuple[str, User | None]] = [(Channel.WEBHOOK, None)] if webhook.is_set() else []
    if mails_starter():
        receivers += [(Channel.MAIL, user) for user in _staff({actor, also})]
    if not receivers:
        return
    key = uuid4()
    counts = _counts(run, told) if counts is None else counts
    payload = {"id": str(key), **_document(run, told, status, reason, actor, counts)}
    Notice.objects.bulk_create(
        Notice(
            key=key, event=told.name, run=run, actor=actor, channel=channel, user=user, payload=payload
        )
        for channel, user in receivers
    )  # fmt: skip
    queueing.wake_once_committed(TELL)


def _document(
    run: BackfillRun, told: Told, status: str, reason: str, actor: str, counts: Mapping[str, int]
) -> dict[str, Any]:
    where = {"url": page_of(run)} if settings.CUSTOMER_BASE_URL else {}
    return {
        "event": told.name,
        "time": moment(timezone.now()),
        "run_id": run.run_id,
        "kind": told.kind,
        "status": str(status),
        "reason": LOGIN.sub("cli", ADDRESS.sub("…", reason))[:300],
        "counts": dict(counts),
        "who": LOGIN.sub("cli", actor),
        "organization": run.lago_organization_name,
        **where,
    }


def moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def page_of(run: BackfillRun) -> str:
    """Return where the page of a run is: the console is at the same host as the customers' pages."""
    return f"{settings.CUSTOMER_BASE_URL}{reverse('admin:customers_backfillrun_change', args=[run.pk])}"


def _counts(run: BackfillRun, told: Told) -> Mapping[str, int]:
    """Count rows by outcome; of a revert, things by what became of them."""
    if told.kind != REVERT:
        return outcome_counts(run)
    states = (BackfillStep.State.REMOVED, BackfillStep.State.KEPT)
    found = BackfillStep.objects.filter(row__run=run, state__in=states).values_list("state")
    return Counter(dict(found.annotate(number=Count("pk")).order_by()))


def _staff(actors: set[str]) -> list[User]:
    """Find those who can be mailed. Who works at a terminal is a login of the machine, and has no address."""
    numbers = [int(actor.removeprefix(STAFF)) for actor in actors if re.fullmatch(r"staff:\d{1,18}", actor)]
    return list(User.objects.filter(pk__in=numbers, role=User.Role.STAFF, is_active=True))
