"""django-q2's own, which has what its workers need loaded once, before they are forked."""

import logging
from typing import Any

from django.core import checks
from django_q.management.commands import qcluster

from customers import tasks, workers

__all__ = ["Command", "tasks", "workers"]

logger = logging.getLogger(__name__)
REFUSED = 2


class Command(qcluster.Command):  # type: ignore[misc]
    """The worker: what it says is its log, what is wrong with the settings too."""

    def check(self, **options: Any) -> None:
        """Log each remark, where a command prints them; end by what keeps it from working."""
        remarks = [remark for remark in checks.run_checks() if not remark.is_silenced()]
        for remark in remarks:
            logger.log(remark.level, "%s", " ".join(filter(None, (remark.id, remark.msg, remark.hint))))
        if any(remark.is_serious() for remark in remarks):
            raise SystemExit(REFUSED)
