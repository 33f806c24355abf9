"""Shares of a run: claimed, renewed and given back, each in one statement, by the database's clock."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet, Sum
from django.db.models.functions import Now
from django.utils import timezone

from customers.backfill.ledger.at_work import Taken
from customers.database import database_time
from customers.models import BackfillRun, CallSlots, RunShare, SharedRun

LEFT = timedelta(minutes=2)
REFUSAL_S = 120.0  # so long is told why a worker does not take part; if it still does not, it says so again
LOST = "the share was given to another worker, as its lease was over"

# A share that is free, or whose lease is over; of a run that is neither being stopped nor paused. Two workers
# who ask at once do not wait for each other: the second gets the next one. A run of which chosen customers
# are taken back stays what it is meanwhile.
CLAIM = """
    UPDATE customers_runshare AS share SET
        left_by = CASE WHEN token IS NULL THEN left_by ELSE worker END,
        deaths = CASE WHEN token IS NULL THEN deaths ELSE deaths + 1 END,
        token = %(token)s, worker = %(worker)s, claims = claims + 1, done_rows = 0,
        claimed_at = now(), lease_until = now() + %(lease)s
    WHERE id = (
        SELECT free.id FROM customers_runshare AS free
        JOIN customers_backfillrun AS run ON run.id = free.run_id
        JOIN customers_sharedrun AS shared ON shared.run_id = free.run_id
        WHERE free.run_id = %(run)s AND NOT free.is_done AND (free.token IS NULL OR free.lease_until < now())
            AND shared.is_at_work AND shared.halted = '{}' AND (run.status = 'running' OR shared.is_revert)
            AND NOT run.stop_requested AND NOT run.pause_requested
        ORDER BY free.number LIMIT 1 FOR UPDATE OF free SKIP LOCKED
    )
    RETURNING share.id
"""


def lease() -> timedelta:
    return timedelta(seconds=settings.BACKFILL_LEASE_S)


def claim(run_pk: int, token: UUID, worker: str) -> RunShare | None:
    """Take the next share that is free or left behind; None if there is none, or none is to be begun."""
    values: dict[str, Any] = {"run": run_pk, "token": token, "worker": worker[:100], "lease": lease()}
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, values)
        found = cursor.fetchone()
    return RunShare.objects.get(pk=found[0]) if found else None


def renew(token: UUID) -> set[int]:
    """Have the leases of whoever has this token begin anew; return their shares."""
    mine = RunShare.objects.filter(token=token, is_done=False)
    mine.update(lease_until=Now() + lease())
    return set(mine.values_list("pk", flat=True))


def require_ours(share_pk: int, token: UUID) -> None:
    """Raise Taken unless the share is still ours; then it is until this transaction ends.

    A lease that is over is no harm as long as nobody has taken the share: who wants it waits for us here.
    """
    sql = "SELECT 1 FROM customers_runshare WHERE id = %s AND token = %s AND NOT is_done FOR SHARE"
    with connection.cursor() as cursor:
        cursor.execute(sql, [share_pk, token])
        if cursor.fetchone() is None:
            raise Taken(LOST)


def note_rows(share_pk: int, rows: int, *, is_done: bool, failed: Sequence[int] = ()) -> None:
    """Count rows that are settled, in the transaction that settles them; with the last one, it is done.

    `failed` are those that nobody is to try again.
    """
    share = RunShare.objects.filter(pk=share_pk)
    share.update(done_rows=F("done_rows") + rows, deaths=0)
    if failed:
        share.update(failed=[*share.values_list("failed", flat=True).get(), *failed])
    if is_done:
        share.update(is_done=True, token=None, lease_until=None, content=b"")


def give_back(token: UUID) -> int:
    """Let others take what is not done of one's shares; return how many these are."""
    return RunShare.objects.filter(token=token, is_done=False).update(token=None, lease_until=None)


def give_back_untouched(token: UUID) -> None:
    """Give back a share with which nothing was begun: nobody has to look at it anew."""
    mine = RunShare.objects.filter(token=token, is_done=False)
    mine.update(token=None, lease_until=None, claims=F("claims") - 1)


def is_left(shared: SharedRun) -> bool:
    """Return whether nobody has been at a run for some minutes."""
    then = Now() - LEFT
    shares = RunShare.objects.filter(run_id=shared.run_id)
    lately = shares.filter(claimed_at__gt=then).exists() or held(shared.run_id).exists()
    return not lately and SharedRun.objects.filter(pk=shared.pk, opened_at__lt=then).exists()


def free(run_pk: int) -> int:
    """Count the shares that somebody could take."""
    left = RunShare.objects.filter(run_id=run_pk, is_done=False)
    return left.filter(Q(token=None) | Q(lease_until__lt=Now())).count()


def held(run_pk: int) -> "QuerySet[RunShare]":
    """Return the shares at which somebody is, without what is in them."""
    shares = RunShare.objects.filter(run_id=run_pk, is_done=False, lease_until__gte=Now())
    return shares.exclude(token=None).defer("content").order_by("number")


def hands(run_pk: int) -> int:
    """Count who is at the run."""
    return held(run_pk).values("token").order_by().distinct().count()


@dataclass(frozen=True, slots=True)
class Hand:
    """A worker at a share, or one that has died over it: then nobody has taken the share up again."""

    worker: str
    first_line: int
    last_line: int
    rows: int
    done_rows: int
    rate_per_s: float | None
    has_died: bool = False

    @property
    def sentence(self) -> str:
        lines = f"lines {self.first_line:,} to {self.last_line:,}"
        if self.has_died:
            return f"{self.worker} has died over {lines}; another worker goes on there."
        rate = f", {self.rate_per_s:,.1f} rows per second" if self.rate_per_s else ""
        return f"{self.worker}: {lines}, {self.done_rows:,} of {self.rows:,} rows{rate}"

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Sharing:
    """How a run stands that workers do together: who is at it, and who died; shares that wait for somebody.

    `refused` says why a worker does not take part, the last one; blank where none has said so.
    """

    hands: Sequence[Hand]
    waiting: int
    refused: str = ""

    def as_json(self) -> dict[str, Any]:
        told = {"workers": [hand.as_json() for hand in self.hands], "shares_waiting": self.waiting}
        return {**told, "refused": self.refused or None}


def sharing_of(run: BackfillRun) -> Sharing | None:
    """Look how a run stands; None of one that is not shared out."""
    shared = SharedRun.objects.filter(run=run).first()
    if shared is None:
        return None
    left = RunShare.objects.filter(run=run, is_done=False).defer("content").order_by("number")
    now = timezone.now()
    of_dead = [_hand(share, share.worker, now, has_died=True) for share in left.filter(_IS_OVER)]
    at_it = [_hand(share, share.worker, now) for share in held(run.pk)]
    why = shared.refused
    is_told = why and database_time().timestamp() - why["at_s"] < REFUSAL_S
    refused = f"{why['worker']} does not take part: {why['reason']}" if is_told else ""
    return Sharing([*at_it, *of_dead], free(run.pk) - len(of_dead), refused)


_IS_OVER = Q(lease_until__lt=Now()) & ~Q(token=None)


def _hand(share: RunShare, worker: str, now: datetime, *, has_died: bool = False) -> Hand:
    seconds = (now - share.claimed_at).total_seconds() if share.claimed_at else 0.0
    rate = share.done_rows / seconds if seconds > 0 and share.done_rows and not has_died else None
    return Hand(worker, share.first_line, share.last_line, share.rows, share.done_rows, rate, has_died)


def halt(run_pk: int, reason: str, *, broken: bool) -> None:
    """Have all workers of the run end; the first reason is the one that counts."""
    why = {"reason": reason[:300], "broken": broken}
    SharedRun.objects.filter(run_id=run_pk, halted={}).update(halted=why)


def refuse(run_pk: int, worker: str, reason: str) -> None:
    """Write down why a worker does not take part, for whoever wonders."""
    why = {"worker": worker, "reason": reason[:300], "at_s": database_time().timestamp()}
    SharedRun.objects.filter(run_id=run_pk).update(refused=why)


def count_in_a_row(run_pk: int, results: Sequence[tuple[str, bool]], most: int) -> None:
    """Count on, in the order of settling, how many rows failed one after the other; halt the run at `most`.

    Within the transaction that settles: the row of the run in shares is locked from here to its end.
    """
    if not results:
        return
    shared = SharedRun.objects.select_for_update().get(run_id=run_pk)
    numbers: dict[str, int] = dict(shared.in_a_row)
    worst = 0
    for step, failed in results:
        numbers[step] = numbers.get(step, 0) + 1 if failed else 0
        worst = max(worst, numbers[step])
    if numbers != shared.in_a_row:
        SharedRun.objects.filter(run_id=run_pk).update(in_a_row=numbers)
    if worst >= most:
        halt(run_pk, f"{worst} rows in a row failed; the trouble is not in the rows", broken=True)


def count(run_pk: int, counts: Mapping[str, int]) -> None:
    """Add to what became of things, in the transaction that makes it so."""
    if not counts:
        return
    shared = SharedRun.objects.select_for_update().get(run_id=run_pk)
    SharedRun.objects.filter(run_id=run_pk).update(counts=Counter(shared.counts) + Counter(counts))


def rows_left(run_pk: int) -> int:
    """Count the rows that nobody has settled yet."""
    left = RunShare.objects.filter(run_id=run_pk, is_done=False)
    return left.aggregate(left=Sum(F("rows") - F("done_rows")))["left"] or 0


def is_reverted(run: BackfillRun) -> bool:
    """Return whether workers are taking the run back, or customers of it."""
    return SharedRun.objects.filter(run=run, is_revert=True).exists()


@transaction.atomic
def open_shares(
    run: BackfillRun, pieces: Iterable[RunShare], kept: dict[str, Any], *, rate: float, actor: str,
    is_revert: bool = False, counts: Mapping[str, int] | None = None,
) -> None:  # fmt: skip
    """Share a run out, instead of what was shared of it before."""
    drop(run)
    SharedRun.objects.create(run=run, actor=actor, kept=kept, is_revert=is_revert, counts=dict(counts or {}))
    CallSlots.objects.update_or_create(
        run=run, defaults={"rate": rate, "next_at": Now(), "held_until": Now()}
    )
    for piece in pieces:
        piece.save(force_insert=True)


@transaction.atomic
def drop(run: BackfillRun) -> None:
    """Forget what was shared of a run, with all that the file said; its log is kept apart."""
    RunShare.objects.filter(run=run).delete()
    SharedRun.objects.filter(run=run).delete()
    CallSlots.objects.filter(run=run).delete()
