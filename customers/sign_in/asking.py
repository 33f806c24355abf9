"""A customer asks for a link. Whoever asks learns nothing about who is a customer.

The answer is the same for every address, and so is the work until it is given: the same queries and one
job, which has nothing to do where no mail is to go out.
"""

import logging
from email.utils import make_msgid
from functools import partial

from django.core.mail import get_connection
from django.db import transaction

from customers.mail import messages
from customers.mail.composing import composed
from customers.mail.envelope import CustomerMail
from customers.mail.errors import CannotCompose, DeliveryError
from customers.models import User
from customers.queueing import QueueAway, push
from customers.sign_in import throttle
from customers.sign_in.links import requested_link, requested_ttl
from customers.sign_in.noting import ANYBODY, note, note_once

logger = logging.getLogger(__name__)

PER_ADDRESS = 5  # in throttle.WINDOW: what the platform's email worker allows a recipient
PER_CLIENT = 30
SEND = "customers.tasks.send_sign_in_link"


def ask(email: str, client: str | None) -> bool:
    """Take note that a link is wanted, and leave the rest to the worker; False if asked too often.

    A client that cannot be told from others (None) has no limit: they would share it. Raise QueueAway if the
    worker cannot be told, for any address alike: whoever asks may do so again at once.
    """
    try:
        return _take_note(email, client)
    except QueueAway:
        throttle.give_back(throttle.bucket("address", email))
        raise


@transaction.atomic
def _take_note(email: str, client: str | None) -> bool:
    address = throttle.bucket("address", email)
    limits = {address: PER_ADDRESS}
    if client is not None:
        limits[throttle.bucket("client", client)] = PER_CLIENT
    full = throttle.take(limits)
    if full:
        note_once("sign_in.throttled", full, throttle.WINDOW)
        return False
    user = User.objects.with_address(email).first()
    note(ANYBODY, _action(user), address)
    wanted = user.pk if user and not user.is_staff and user.is_active else None
    transaction.on_commit(partial(push, SEND, wanted))
    return True


def send_link(user_id: int | None) -> str:
    """Mail a fresh link to a customer and return what happened; whoever waits for it can ask again."""
    users = User.objects.filter(is_active=True, role=User.Role.CUSTOMER)
    user = users.filter(pk=user_id).first() if user_id else None
    if user is None:
        return "nobody"
    try:
        get_connection().send_messages([_written(user)])
    except CannotCompose as error:
        logger.error("No sign-in link was mailed: %s", error)
        return _record_outcome(user, "sign_in.not_sent", "mail_not_written")
    except DeliveryError as error:
        return _record_outcome(user, "sign_in.not_sent", error.code)
    return _record_outcome(user, "sign_in.sent", "")


def _written(user: User) -> CustomerMail:
    """Write the mail; in our own words where the operator's cannot be used, as somebody waits for it."""
    try:
        return composed(partial(_message, user))
    except CannotCompose as error:
        logger.error("A sign-in link is mailed in the shipped words: %s", error)
        return composed(partial(_message, user, shipped=True))


def _message(user: User, *, shipped: bool = False) -> CustomerMail:
    message_id = make_msgid(domain=messages.sender().domain)
    return messages.sign_in_message(
        user.email, user.display_name, requested_link(user), requested_ttl(), message_id,
        locale=user.locale, shipped=shipped,
    )  # fmt: skip


def _action(user: User | None) -> str:
    if user is not None and user.is_staff:
        return "sign_in.attempted_by_staff"
    return "sign_in.requested"


def _record_outcome(user: User, action: str, code: str) -> str:
    note("worker", action, f"user:{user.pk}", {"code": code} if code else {})
    return code or "sent"
