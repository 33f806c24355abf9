"""The pace that somebody chose for a run under way. It holds for the rest of it, whoever works."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings
from django.db import transaction

from auditlog.models import Event, record
from customers.backfill.refused import Refused
from customers.models import BackfillRun
from kernel.pace import MOST_AT_ONCE

Status = BackfillRun.Status
MOST_PER_S = 10_000
CAN_BE_PACED = (*BackfillRun.UNFINISHED, Status.REVERTING)


@dataclass(frozen=True, slots=True)
class Pace:
    """Calls to Lago per second (0: as many as go) and how many at once; None where nothing was chosen."""

    rate: float | None = None
    concurrency: int | None = None

    @classmethod
    def kept(cls, values: Mapping[str, Any]) -> "Pace":
        return cls(values.get("rate"), values.get("concurrency"))

    def over(self, other: "Pace") -> "Pace":
        """Return this one, and the other where it says nothing."""
        rate = other.rate if self.rate is None else self.rate
        return Pace(rate, other.concurrency if self.concurrency is None else self.concurrency)

    def as_json(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value is not None}

    @property
    def is_chosen(self) -> bool:
        return self != Pace()

    @property
    def sentence(self) -> str:
        """Say it as in "at most 5 calls to Lago per second, 4 at once"; blank where nothing was chosen."""
        limit = f"at most {self.rate:g} calls to Lago per second" if self.rate else "no limit per second"
        rate = limit if self.rate is not None else ""
        return ", ".join(
            part for part in (rate, f"{self.concurrency} at once" if self.concurrency else "") if part
        )


def pace_of(run: BackfillRun | None) -> Pace:
    """Return what was chosen for the run. A revert begins with none: that of the import was the import's."""
    return Pace.kept(run.pace) if run else Pace()


def usual_pace(run: BackfillRun, *, by_worker: bool) -> Pace:
    """Return the pace of a run for which none was chosen, as far as it is known here.

    A command has its own rate, which is not in its run, and perhaps another environment.
    """
    own = None if run.status == Status.REVERTING else run.options.get("concurrency")
    rate = settings.BACKFILL_LAGO_RATE if by_worker else None
    return Pace(rate, own or settings.BACKFILL_CONCURRENCY)


def check_pace(pace: Pace) -> None:
    """Raise Refused for what is no pace."""
    if pace.rate is not None and not 0 <= pace.rate <= MOST_PER_S:
        raise Refused(f"--rate must be from 0 to {MOST_PER_S}.")
    if pace.concurrency is not None and not 1 <= pace.concurrency <= MOST_AT_ONCE:
        raise Refused(f"--concurrency must be a whole number from 1 to {MOST_AT_ONCE}.")


@transaction.atomic
def change_pace(run: BackfillRun, pace: Pace, *, actor: str) -> Pace:
    """Choose a pace for the rest of a run, over what was chosen before; return it. Raises Refused."""
    check_pace(pace)
    now = BackfillRun.objects.select_for_update().get(pk=run.pk)
    if now.status not in CAN_BE_PACED:
        raise Refused(f"The run {run.run_id} is {now.status}: nothing of it is left to be paced.")
    pace = pace.over(pace_of(now))
    run.pace = pace.as_json()
    if run.pace != now.pace:
        run.save(update_fields=["pace"])
        record(run.audit_tag, actor, [Event("run.paced", f"run:{run.run_id}", run.pace)])
    return pace
