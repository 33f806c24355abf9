"""Who is to get a welcome mail, and who is left out for what reason."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from customers.backfill.welcome.platform import Seen, seen_there
from customers.models import BackfillRow, BackfillRun, BackfillStep, User, WelcomeMail
from polaris.sign_ins import Standing

State = WelcomeMail.State
IMPORTED = (BackfillRow.Outcome.CREATED, BackfillRow.Outcome.COMPLETED)


class Reason(StrEnum):
    """Why a customer is left out, the strongest first."""

    REVERTED = "reverted"
    GONE = "gone"  # no longer exists
    INACTIVE = "inactive"
    SIGNED_IN = "signed_in"  # at least once, here or at the platform
    NOT_AT_PLATFORM = "not_at_platform"  # which is connected, and could not sign them in
    UNDER_WAY = "under_way"  # queued by a campaign of another run
    UNKNOWN = "unknown_before"  # perhaps mailed; only --retry-unknown takes the risk
    FAILED = "failed_before"  # only --retry-failed tries again
    STOPPED = "stopped"  # queued, and then somebody stopped the mails
    LINK_VALID = "link_valid"  # only --resend sends another


@dataclass(frozen=True, slots=True)
class Choice:
    """Whom an operator wants mailed although they were mailed, or tried, before."""

    resend: bool = False
    retry_unknown: bool = False
    retry_failed: bool = False

    @property
    def is_made(self) -> bool:
        return self.resend or self.retry_unknown or self.retry_failed


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer that the run imported, with all that decides about the mail."""

    external_id: str
    reverted: bool
    user: User | None
    last_mail: WelcomeMail | None


@dataclass(frozen=True, slots=True)
class Recipients:
    to_mail: Sequence[Customer]
    left_out: Mapping[str, int]  # by Reason

    @property
    def total(self) -> int:
        return len(self.to_mail) + sum(self.left_out.values())


def preview_recipients(run: BackfillRun, choice: Choice | None = None) -> Recipients:
    """Sort the customers of the run into those to mail, in file order, and the others by reason.

    Asks the platform, where one is connected; raises Refused if it does not answer.
    """
    return sort_recipients(run, choice or Choice(), seen_there(run))


def is_anybody_left(run: BackfillRun) -> bool:
    """Return whether somebody may be to mail, at a glance: without the platform, in one query."""
    left = run.rows.filter(outcome__in=IMPORTED, user__is_active=True, user__last_login=None)
    mails = WelcomeMail.objects.filter(user=OuterRef("user"), link_revoked_at=None)
    holds = Q(state=State.SENT, expires_at__gt=timezone.now())
    holds |= Q(state__in=(State.QUEUED, State.SENDING, State.UNKNOWN, State.FAILED))
    return left.exclude(Exists(mails.filter(holds))).exists()


def sort_recipients(run: BackfillRun, choice: Choice, seen: Seen | None) -> Recipients:
    """Sort them by what was `seen` at the platform; None where none is connected."""
    now = timezone.now()
    to_mail: list[Customer] = []
    left_out: Counter[str] = Counter()
    for customer in _customers(run):
        reason = reason_to_leave_out(customer, choice, now, seen)
        if reason is None:
            to_mail.append(customer)
        else:
            left_out[reason.value] += 1
    return Recipients(to_mail, dict(left_out))


def reason_to_leave_out(
    customer: Customer, choice: Choice, now: datetime, seen: Seen | None = None
) -> Reason | None:
    if customer.reverted:
        return Reason.REVERTED
    reason = reason_of_user(customer.user)
    if reason is None and customer.user is not None and seen is not None:
        reason = reason_at_platform(seen.get(customer.external_id), customer.user.email)
    return reason or _reason_of_last_mail(customer.last_mail, choice, now)


def reason_of_user(user: User | None) -> Reason | None:
    """Say what has become of the customer that forbids mailing; asked again when the mail's turn comes."""
    if user is None:
        return Reason.GONE
    if not user.is_active:
        return Reason.INACTIVE
    return Reason.SIGNED_IN if user.last_login else None


def reason_at_platform(standing: Standing | None, email: str) -> Reason | None:
    """Say why the platform would not sign the customer in, or need not; asked again for each link."""
    if standing is None:
        return Reason.NOT_AT_PLATFORM
    if standing.has_signed_in:
        return Reason.SIGNED_IN
    return None if standing.can_sign_in_as(email) else Reason.NOT_AT_PLATFORM


def _reason_of_last_mail(mail: WelcomeMail | None, choice: Choice, now: datetime) -> Reason | None:
    if mail is None:
        return None
    if mail.state in (State.QUEUED, State.SENDING):
        return Reason.UNDER_WAY
    if mail.state == State.UNKNOWN:
        return None if choice.retry_unknown else Reason.UNKNOWN
    if mail.state == State.FAILED:
        return None if choice.retry_failed else Reason.FAILED
    return Reason.LINK_VALID if mail.link_is_live(now) and not choice.resend else None


def _customers(run: BackfillRun) -> list[Customer]:
    """Read the customers of the run, in file order, in a fixed number of queries."""
    rows = run.rows.filter(outcome__in=IMPORTED).exclude(external_id="").order_by("line")
    user_ids: dict[str, int | None] = {}
    for external_id, user_id in rows.values_list("external_id", "user_id"):
        user_ids[external_id] = user_ids.get(external_id) or user_id
    users = User.objects.in_bulk([pk for pk in user_ids.values() if pk])
    mails = _last_mails(users)
    reverted = _reverted(run)
    return [
        Customer(
            external_id,
            reverted is None or external_id in reverted,
            users.get(user_id) if user_id else None,
            mails.get(user_id) if user_id else None,
        )
        for external_id, user_id in user_ids.items()
    ]


def _last_mails(users: Iterable[int]) -> dict[int | None, WelcomeMail]:
    """Read each customer's latest mail that said anything, of whatever run."""
    mails = WelcomeMail.objects.filter(user_id__in=users).exclude(state=WelcomeMail.State.SKIPPED)
    return {mail.user_id: mail for mail in mails.order_by("user_id", "-id").distinct("user_id")}


def _reverted(run: BackfillRun) -> set[str] | None:
    """Return the external_ids of which something was taken back; None stands for all."""
    if run.status in (BackfillRun.Status.REVERTING, BackfillRun.Status.REVERTED):
        return None
    removed = BackfillStep.objects.filter(row__run=run, state=BackfillStep.State.REMOVED)
    return {*removed.values_list("row__external_id", flat=True), *run.taking_back}
