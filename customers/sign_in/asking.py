"""A customer asks for a link. Whoever asks learns nothing about who is a customer.

The answer is the same for every address, and so is the work until it is given: the same queries and one
job, which has nothing to do where no mail is to go out.
"""

from email.utils import make_msgid
from functools import partial

from django.core.mail import get_connection
from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Lower, Now
from django_q.tasks import async_task

from auditlog.models import AuditEntry, Event, record
from customers.mail import messages
from customers.mail.errors import DeliveryError
from customers.models import User
from customers.sign_in import throttle
from customers.sign_in.links import AUDIT_TAG, requested_link, requested_ttl

PER_ADDRESS = 5  # in throttle.WINDOW: what the platform's email worker allows a recipient
PER_CLIENT = 30
ANYBODY = "anonymous"


@transaction.atomic
def ask(email: str, client: str) -> bool:
    """Take note that a link is wanted, and leave the rest to the worker; False if asked too often."""
    address = throttle.bucket("address", email)
    full = throttle.take({address: PER_ADDRESS, throttle.bucket("client", client): PER_CLIENT})
    if full:
        _record_throttled(full)
        return False
    user = User.objects.alias(address=Lower("email")).filter(address=Lower(Value(email))).first()
    record(AUDIT_TAG, ANYBODY, [Event(_action(user), address)])
    wanted = user.pk if user and not user.is_staff and user.is_active else None
    transaction.on_commit(partial(async_task, "customers.tasks.send_sign_in_link", wanted))
    return True


def send_link(user_id: int | None) -> str:
    """Mail a fresh link to a customer and return what happened; whoever waits for it can ask again."""
    users = User.objects.filter(is_active=True, role=User.Role.CUSTOMER)
    user = users.filter(pk=user_id).first() if user_id else None
    if user is None:
        return "nobody"
    message_id = make_msgid(domain=messages.sender_domain())
    message = messages.sign_in_message(
        user.email, user.display_name, requested_link(user), requested_ttl(), message_id
    )
    try:
        get_connection().send_messages([message])
    except DeliveryError as error:
        return _record_outcome(user, "sign_in.not_sent", error.code)
    return _record_outcome(user, "sign_in.sent", "")


def _action(user: User | None) -> str:
    if user is not None and user.is_staff:
        return "sign_in.attempted_by_staff"
    return "sign_in.requested"


def _record_throttled(full: str) -> None:
    """Note it once per window: the audit log is for ever, and this can be done at any speed."""
    noted = AuditEntry.objects.filter(
        subject=full, action="sign_in.throttled", at__gt=Now() - throttle.WINDOW
    )
    if not noted.exists():
        record(AUDIT_TAG, ANYBODY, [Event("sign_in.throttled", full)])


def _record_outcome(user: User, action: str, code: str) -> str:
    record(AUDIT_TAG, "worker", [Event(action, f"user:{user.pk}", {"code": code} if code else {})])
    return code or "sent"
