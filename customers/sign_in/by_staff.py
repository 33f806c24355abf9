"""Somebody of staff has a sign-in link mailed to a customer who asks for one, say on the phone."""

from datetime import timedelta
from enum import StrEnum
from functools import partial

from django.db import transaction

from customers.models import User
from customers.queueing import QueueAway, push
from customers.sign_in import throttle
from customers.sign_in.asking import PER_ADDRESS, SEND
from customers.sign_in.noting import note

REPEATED_WITHIN = timedelta(minutes=1)


class Asked(StrEnum):
    QUEUED = "queued"
    JUST_NOW = "just_now"  # the second of two clicks, or of two people
    TOO_OFTEN = "too_often"  # as often as the customer may ask, who shares this limit


def ask_for(user: User, actor: str) -> Asked:
    """Have the worker mail a link; raise QueueAway where it cannot be told, and then nothing counts.

    Call it for an active customer only. The limit is of the address: a corrected one is another.
    """
    try:
        return _take_note(user, actor)
    except QueueAway:
        throttle.give_back(_just_now(user))
        throttle.give_back(throttle.bucket("address", user.email))
        raise


@transaction.atomic
def _take_note(user: User, actor: str) -> Asked:
    if throttle.take({_just_now(user): 1}, REPEATED_WITHIN):
        return Asked.JUST_NOW
    if throttle.take({throttle.bucket("address", user.email): PER_ADDRESS}):
        throttle.give_back(_just_now(user))
        return Asked.TOO_OFTEN
    note(actor, "sign_in.requested_by_staff", f"user:{user.pk}")
    transaction.on_commit(partial(push, SEND, user.pk))
    return Asked.QUEUED


def _just_now(user: User) -> str:
    return throttle.bucket("by-staff", f"{user.pk} {user.email}")
