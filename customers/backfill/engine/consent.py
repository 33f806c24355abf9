"""Who has to agree to a plan before it is carried out. A run asks right before it begins, and at each go."""

from collections.abc import Sequence
from typing import Protocol

from customers.backfill.engine.report import Report
from customers.models import BackfillRun


class Consent(Protocol):
    def check(self, planned: Report, run: BackfillRun | None) -> None:
        """Raise Refused if this plan is not agreed to. `run` is the one that it continues."""

    def hold(self, run: BackfillRun) -> None:
        """Write down that this run has begun by it; called in the transaction that begins the run."""


def check_all(consents: Sequence[Consent], planned: Report) -> None:
    """Raise Refused if somebody does not agree; nothing is written."""
    run = BackfillRun.objects.filter(run_id=planned.continues).first() if consents else None
    for consent in consents:
        consent.check(planned, run)
