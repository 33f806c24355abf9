"""At the end of a command: tell the webhook at once what is over, as there may be no worker to do it."""

import time
from collections.abc import Callable
from contextlib import suppress

from django.db import DatabaseError
from django.db.models import Q

from customers import webhook
from customers.backfill.notices import delivering
from customers.backfill.notices.events import DIED, REVERT_DIED
from customers.backfill.notices.problems import remedy_of
from customers.models import Notice

OF_THE_DEAD = (DIED.name, REVERT_DIED.name)
WITHIN_S = 5.0  # in all: nobody's command waits for a receiver


class Telling:
    """Knows what was written down since it was made, which is before the command began."""

    def __init__(self, actor: str) -> None:
        self._actor = actor
        self._last: int | None = None
        if webhook.is_set():
            with suppress(DatabaseError):  # the command itself says that
                self._last = Notice.objects.values_list("pk", flat=True).first() or 0

    def tell(self, say: Callable[[str], None]) -> None:
        """Try once, and say so where it did not work: the worker tries again. Never raises for that."""
        try:
            if failed := self._failed():
                say(f"The webhook could not be told of it: {remedy_of(failed)} A worker tries again.")
        except DatabaseError:
            return  # a worker finds it, if it was written
        except KeyboardInterrupt:
            say("The webhook was not told of it. A worker does so.")

    def _failed(self) -> str:
        """Tell what this command has written and nobody has taken up; return why that failed, or nothing."""
        if self._last is None:
            return ""
        deadline = time.monotonic() + WITHIN_S
        here = Q(actor=self._actor) | Q(event__in=OF_THE_DEAD)  # whoever else started what was found dead
        new = Notice.objects.filter(here, pk__gt=self._last, attempts=0)
        ours = new.filter(channel=Notice.Channel.WEBHOOK)
        while (left_s := deadline - time.monotonic()) > 0 and (notice := delivering.claim_next(ours)):
            if not delivering.deliver(notice, within_s=left_s):
                notice.refresh_from_db()
                return notice.code
        return ""
