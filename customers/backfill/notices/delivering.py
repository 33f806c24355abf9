"""Deliver what is to be told, and try again with growing pauses, for about a day.

A notice is claimed by moving its next try on, before it is told; so no two tell it at once, and one whose
teller dies is told again. After a try that failed nothing more goes that way until the next look: a receiver
that hangs holds up one worker for one try. One that says when to come again is left alone until then.
"""

import logging
import time
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

from django.core.mail import get_connection
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from auditlog.models import Event, record
from auditlog.people import with_names
from customers import locks, queueing, webhook
from customers.backfill.notices.events import in_words
from customers.backfill.notices.outbox import TELL, moment
from customers.mail.composing import composed
from customers.mail.envelope import CustomerMail
from customers.mail.errors import CannotCompose, DeliveryError, Kind
from customers.mail.messages import notice_message, sender
from customers.models import Notice, User
from customers.models.notice import NoticeQuerySet
from customers.webhook import WebhookError

logger = logging.getLogger(__name__)

SLICE_S = 60.0
CLAIMED_FOR = timedelta(seconds=90)  # longer than a try can take
PAUSES_S = (10, 60, 300, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600)  # after each try; 23 hours in all
TRIES = len(PAUSES_S) + 1
MOST_ASKED_S = 3600  # of what a receiver asks for: ten tries stay ten tries in little more than a day
KEPT = timedelta(days=30)
TEST_WITHIN_S = 5.0  # somebody waits for the page

State, Channel = Notice.State, Notice.Channel


def deliver_due(slice_s: float = SLICE_S) -> bool:
    """Tell what is due, for a slice of time; return whether there is more. Safe to call at any moment."""
    try:
        return _deliver_due(time.monotonic() + slice_s)
    except locks.SharedSession as shared:
        logger.warning("Nothing is told: %s %s", shared, shared.hint)
        return False


def _deliver_due(deadline: float) -> bool:
    stuck: set[str] = set()
    with locks.TELLER.held() as mine:
        while mine and (notice := claim_next(Notice.objects.exclude(channel__in=stuck))):
            if not deliver(notice):
                stuck.add(notice.channel)
            if time.monotonic() > deadline:
                return True
    return False


def claim_next(among: NoticeQuerySet) -> Notice | None:
    """Claim what has waited longest, for one try; None if nothing is due that nobody else has."""
    for pk in among.due().order_by("next_try_at", "pk").values_list("pk", flat=True)[:100]:
        claim = Notice.objects.due().filter(pk=pk)
        if claim.update(next_try_at=Now() + CLAIMED_FOR, attempts=F("attempts") + 1, code=""):
            return Notice.objects.select_related("run", "user").get(pk=pk)
    return None


def deliver(notice: Notice, *, within_s: float = webhook.WHOLE_S) -> bool:
    """Tell a claimed notice and write down what became of it; False if its way seems to be stuck."""
    if notice.attempts > TRIES:  # as each try before it was claimed, and never written down
        _failed(notice, "teller_died", for_good=True)
        return True
    try:
        _hand_over(notice, within_s)
    except WebhookError as error:
        _failed(notice, error.code, for_good=error.gone, asked_s=error.retry_after_s)
        _leave_alone(error.retry_after_s)
        return False
    except DeliveryError as error:
        _failed(notice, error.code, for_good=error.kind is Kind.REFUSED, asked_s=error.retry_after_s)
        return error.kind is Kind.REFUSED
    _claimed(notice).update(state=State.DELIVERED, delivered_at=Now(), code="")
    return True


def try_again(notice: Notice, actor: str) -> bool:
    """Have a notice told now that failed or was given up; False if it is told already."""
    with transaction.atomic():
        left = Notice.objects.filter(pk=notice.pk).exclude(state=State.DELIVERED)
        # One without a code is being told at this moment, or due anyway.
        if not left.exclude(code="").update(state=State.WAITING, attempts=0, next_try_at=Now()):
            return False
        told = {"event": notice.event, "channel": notice.channel}
        record(notice.run.audit_tag, actor, [Event("notice.tried_again", f"run:{notice.run.run_id}", told)])
        queueing.wake_once_committed(TELL)
    return True


def send_test() -> str:
    """Tell the webhook that this is a test, now and once; return why it did not take it, or nothing."""
    if not webhook.is_set():
        return "not_configured"
    told = {"id": str(uuid4()), "event": "test", "time": moment(timezone.now())}
    try:
        webhook.post(document_of(told, attempt=1), within_s=TEST_WITHIN_S)
    except WebhookError as error:
        return error.code
    return ""


def sweep() -> int:
    """Forget what is old, and have a worker tell what is due; return how much that is."""
    Notice.objects.filter(created_at__lt=Now() - KEPT).delete()
    due = Notice.objects.due().count()
    if due:
        queueing.wake(TELL)
    return due


def document_of(payload: Mapping[str, Any], attempt: int) -> dict[str, Any]:
    """Return what is signed and sent: what happened, and when this very try was made."""
    return {**payload, "sent_at": moment(timezone.now()), "attempt": attempt}


def _hand_over(notice: Notice, within_s: float) -> None:
    if notice.channel == Channel.WEBHOOK:
        if not webhook.is_set():
            raise WebhookError("not_configured", gone=True)
        webhook.post(document_of(notice.payload, notice.attempts), within_s=within_s)
        return
    user = notice.user
    if user is None or not user.is_active:
        raise DeliveryError(Kind.REFUSED, "nobody_to_mail")
    try:
        message = composed(partial(_message, notice, user))
    except CannotCompose:
        raise DeliveryError(Kind.BROKEN, "mail_not_written") from None
    with get_connection() as connection:
        connection.send_messages([message])


def _message(notice: Notice, user: User) -> CustomerMail:
    message_id = f"<{notice.key}.{user.pk}@{sender().domain}>"  # the same each time: a double can be told
    words = in_words(notice.event, notice.payload.get("kind", ""))
    told = {**notice.payload, "reason": with_names(str(notice.payload.get("reason", "")))}
    return notice_message(user.email, words, told, message_id)


def _failed(notice: Notice, code: str, *, for_good: bool, asked_s: float = 0.0) -> None:
    if for_good or notice.attempts >= TRIES:
        _claimed(notice).update(state=State.GIVEN_UP, code=code)
        return
    pause = max(timedelta(seconds=PAUSES_S[notice.attempts - 1]), _granted(asked_s))
    _claimed(notice).update(next_try_at=Now() + pause, code=code)


def _leave_alone(asked_s: float) -> None:
    """Put off all that waits for the webhook, as it asked for; what comes new in that time is tried once."""
    until = Now() + _granted(asked_s)
    if asked_s:
        sooner = Notice.objects.waiting().filter(channel=Channel.WEBHOOK, next_try_at__lt=until)
        sooner.update(next_try_at=until)


def _granted(asked_s: float) -> timedelta:
    return timedelta(seconds=min(asked_s, MOST_ASKED_S))


def _claimed(notice: Notice) -> NoticeQuerySet:
    """Select it as long as this try is the last one of it."""
    return Notice.objects.waiting().filter(pk=notice.pk, attempts=notice.attempts)
