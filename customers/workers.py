"""What each worker process does when it starts: it says that it lives, and looks for work that was left.

django-q2 tells its state through a shared cache only, which not every installation has; this tells
PostgreSQL, which every one has. Each worker process touches a row while it lives, also while it works.
"""

import logging
import os
import threading
import time
from typing import Any

from django.db import DatabaseError, connection, transaction
from django_q.models import Schedule

from customers import locks, queueing
from customers.database import trouble_of
from customers.jobs import journal
from customers.jobs.hands import own_name
from customers.models import WorkerBeat, WorkerSeen
from customers.queueing import SWEEP

logger = logging.getLogger(__name__)

BEAT_S = 3


def on_worker_start(**kwargs: Any) -> None:
    """Begin to beat, and look for work that a worker before this one left lying."""
    journal.say("worker", "ready", {"pid": os.getpid()})
    threading.Thread(target=_live, name="worker-beat", daemon=True).start()


def beat() -> None:
    WorkerBeat.objects.bulk_create(
        [WorkerBeat(id=1)], update_conflicts=True, unique_fields=["id"], update_fields=["seen_at"]
    )
    WorkerSeen.objects.bulk_create(
        [WorkerSeen(name=own_name())],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["seen_at"],
    )


@transaction.atomic
def ensure_schedule() -> None:
    """Have the sweep run every minute. django-q2 does not keep a schedule's name unique, so this does."""
    locks.SCHEDULE.wait()
    Schedule.objects.get_or_create(
        name="sweep", defaults={"func": SWEEP, "schedule_type": Schedule.MINUTES, "minutes": 1}
    )


def _live() -> None:
    """Beat until the process ends. A database that is away is no reason to die: it may come back."""
    begun = False
    while True:
        try:
            beat()
            if not begun:
                ensure_schedule()
                begun = queueing.answers() and queueing.wake(SWEEP)
        except DatabaseError as error:
            logger.warning(
                "The worker cannot tell that it lives: %s", trouble_of(error) or type(error).__name__
            )
            connection.close()
        time.sleep(BEAT_S)
