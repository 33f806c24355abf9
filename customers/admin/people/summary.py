"""The top of a customer's page: what somebody who answers their call wants to know, from our own tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.conf import settings
from django.utils import timezone

from auditlog.models import AuditEntry
from auditlog.people import Told, told
from billing.customer_step import LagoCustomerStep
from customers.account import Plan, account_of
from customers.admin.people.dossier import STANDS
from customers.backfill.at_lago import page_at_lago
from customers.backfill.beside import is_beside_platform
from customers.mail.ready import what_is_missing
from customers.models import BackfillRow, BackfillStep, IdTagMapping, User, WelcomeMail, WorkerBeat
from customers.models.backfill import email_digest

State = WelcomeMail.State
LINKS = ("sign_in.requested_by_staff", "sign_in.sent", "sign_in.not_sent")
IN_WORDS = {
    State.QUEUED: "is queued",
    State.SENDING: "is being sent",
    State.FAILED: "could not be delivered",
    State.UNKNOWN: "may have arrived: nobody knows",
    State.SKIPPED: "was not sent",
}


@dataclass(frozen=True, slots=True)
class Invitation:
    """The last welcome mail that said anything. `link` says what became of the link in it."""

    mail: WelcomeMail
    link: str

    @property
    def at(self) -> datetime | None:
        return self.mail.sent_at or self.mail.claimed_at

    @property
    def state(self) -> str:
        return "" if self.mail.state == State.SENT else IN_WORDS[State(self.mail.state)]


@dataclass(frozen=True, slots=True)
class Summary:
    """`plans` is as imported, the latest first. `has_moved`: the address is another one than was imported.

    `no_link` says why no sign-in link can be mailed from here; blank where one can.
    """

    plans: Sequence[Plan]
    cards: Sequence[IdTagMapping]
    invitation: Invitation | None
    last_link: Told | None
    has_moved: bool
    at_lago: str  # the customer's page there; "" where LAGO_DASHBOARD_URL is not set
    no_link: str
    worker_alive: bool
    today: date


def summary_of(user: User) -> Summary:
    return Summary(
        plans=account_of(user).plans,
        cards=list(user.id_tag_mappings.order_by("id")),
        invitation=_invitation(user),
        last_link=_last_link(user),
        has_moved=_has_moved(user),
        at_lago=lago_page_of(user),
        no_link=why_no_link(user),
        worker_alive=WorkerBeat.is_fresh(),
        today=timezone.localdate(),
    )


def lago_page_of(user: User) -> str:
    """Return the address of the customer in Lago's own pages; blank where it is not known."""
    steps = BackfillStep.objects.filter(row__user=user, name=LagoCustomerStep.name, state__in=STANDS)
    ref = steps.order_by("pk").values_list("ref", flat=True).last()
    return page_at_lago("customer", ref) if ref else ""


def why_no_link(user: User) -> str:
    """Say why no sign-in link can be mailed from here; blank where one can."""
    if not user.is_active:
        return "No link can be sent: the customer is deactivated."
    if is_beside_platform():
        where = settings.POLARIS_CUSTOMER_URL or "the platform's own sign-in"
        return f"No link is sent from here: beside a platform customers ask for one themselves, at {where}."
    missing = what_is_missing()
    return f"No link can be sent. {' '.join(missing)}" if missing else ""


def _invitation(user: User) -> Invitation | None:
    mails = user.welcome_mails.exclude(state=State.SKIPPED) or user.welcome_mails.all()
    mail = mails.order_by("-id").first()
    return Invitation(mail, _link_in(mail, user)) if mail else None


def _link_in(mail: WelcomeMail, user: User) -> str:
    if mail.state not in (State.SENT, State.UNKNOWN) or mail.expires_at is None or mail.claimed_at is None:
        return ""
    if user.last_login and user.last_login >= mail.claimed_at:
        return "its link is used up, or another one was used"
    if mail.link_revoked_at:
        return "its link was revoked"
    return "its link still works" if mail.link_is_live(timezone.now()) else "its link has expired"


def _last_link(user: User) -> Told | None:
    """Return what last became of a link that was asked for here, or that the worker mailed."""
    entries = AuditEntry.objects.filter(subject=f"user:{user.pk}", action__in=LINKS)[:1]
    return next(iter(told(entries)), None)


def _has_moved(user: User) -> bool:
    """Compare with what the last import brought, of which the ledger keeps a digest."""
    rows = BackfillRow.objects.filter(user=user).exclude(email_digest="").order_by("-run_id", "line")
    row = rows.select_related("run").first()
    return row is not None and row.email_digest != email_digest(row.run.run_id, user.email)
