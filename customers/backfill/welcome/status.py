"""How a campaign stands: plain values, for the command and the admin alike."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count

from auditlog.people import with_names
from customers import locks
from customers.mail.words import Words, words_for
from customers.models import BackfillRun, WelcomeCampaign, WelcomeMail

State = WelcomeMail.State
TO_LOOK_AT = (State.FAILED, State.UNKNOWN)
PROBLEMS_MAX = 1000


@dataclass(frozen=True, slots=True)
class MailProblem:
    """A mail that somebody has to look at."""

    external_id: str
    state: str
    code: str
    message_id: str

    @property
    def words(self) -> Words:
        return words_for(self.code)


@dataclass(frozen=True, slots=True)
class CampaignStatus:
    campaign_id: int
    run_id: str
    status: str
    reason: str
    batch_size: int
    delay_ms: int
    counts: Mapping[str, int]  # mails by state, every state
    left_out: Mapping[str, int]  # customers by reason, when queued or when their turn came
    problems: Sequence[MailProblem]
    being_sent: bool
    created_at: datetime
    finished_at: datetime | None

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def settled(self) -> int:
        return self.total - self.counts[State.QUEUED] - self.counts[State.SENDING]

    @property
    def needs_attention(self) -> bool:
        failed = self.counts[State.FAILED] + self.counts[State.UNKNOWN]
        return failed > 0 or self.status == WelcomeCampaign.Status.PAUSED

    def as_json(self) -> dict[str, Any]:
        return {
            "run_id": self.run_id,
            "status": self.status,
            "reason": self.reason,
            "batch_size": self.batch_size,
            "delay_ms": self.delay_ms,
            "counts": dict(self.counts),
            "left_out": dict(self.left_out),
            "problems": [
                {
                    "external_id": mail.external_id,
                    "state": mail.state,
                    "code": mail.code,
                    "message_id": mail.message_id,
                }
                for mail in self.problems
            ],
            "created_at": self.created_at.isoformat(),
            "finished_at": self.finished_at.isoformat() if self.finished_at else None,
        }


def latest_campaign(run: BackfillRun) -> WelcomeCampaign | None:
    return run.welcome_campaigns.order_by("-id").first()


def status(campaign: WelcomeCampaign) -> CampaignStatus:
    campaign.refresh_from_db()
    counts = _counts(campaign)
    skipped = campaign.mails.filter(state=State.SKIPPED).values_list("code").annotate(number=Count("pk"))
    return CampaignStatus(
        campaign_id=campaign.pk,
        run_id=campaign.run.run_id,
        status=campaign.status,
        reason=with_names(campaign.reason),
        batch_size=campaign.batch_size,
        delay_ms=campaign.delay_ms,
        counts=counts,
        left_out=dict(Counter(campaign.left_out) + Counter(dict(skipped))),
        problems=_problems(campaign) if any(counts[state] for state in TO_LOOK_AT) else (),
        being_sent=locks.SENDER.is_held(campaign.pk),
        created_at=campaign.created_at,
        finished_at=campaign.finished_at,
    )


def _counts(campaign: WelcomeCampaign) -> dict[str, int]:
    found = dict(campaign.mails.values_list("state").annotate(number=Count("pk")).order_by())
    return {state.value: found.get(state.value, 0) for state in State}


def _problems(campaign: WelcomeCampaign) -> list[MailProblem]:
    mails = campaign.mails.filter(state__in=TO_LOOK_AT).order_by("id")[:PROBLEMS_MAX]
    return [MailProblem(mail.external_id, mail.state, mail.code, mail.message_id) for mail in mails]
