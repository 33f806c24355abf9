"""Who is imported: by the ledger of all runs that stand, and by our database as it is now. Reads only."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from customers.backfill.compare.values import Card, Imported
from customers.backfill.ledger.recorded import BY_CHOICE, LEFT_OUT
from customers.backfill.steps import kinds
from customers.models import BackfillRow, BackfillRun, BackfillStep, IdTagMapping, User, moved_to
from kernel.chunks import chunks

State = BackfillStep.State
STANDING = (State.CREATED, State.INTENDED, State.ADOPTED, State.KEPT)
READ_SIZE = 2_000
PAYS = 2


@dataclass(slots=True)
class _Standing:
    """What of a row stands. `made`: a run of ours made something of it, and nobody has taken that back."""

    made: bool = False
    pays: int = 0  # what the customer pays by: the row made that (`PAYS`), or found it (1)


@dataclass(frozen=True, slots=True)
class _Row:
    run: BackfillRun
    standing: _Standing
    plan_code: str
    start_date: date | None
    subscription_at: datetime | None
    more: Mapping[str, Any]


@dataclass(slots=True)
class _Person:
    email: str = ""
    display_name: str = ""
    cards: list[Card] = field(default_factory=list)


def runs_of(organization_id: str) -> dict[int, BackfillRun]:
    """Return the runs into a Lago organization, by number."""
    return BackfillRun.objects.filter(lago_organization_id=organization_id).in_bulk()


def imported(runs: Mapping[int, BackfillRun]) -> list[Imported]:
    """Return the customers who stand in these runs, in the order in which they came.

    Of whom we made nothing, and who has no card in use any more, nothing is left to be compared.
    """
    people = _people()
    found = (_customer(who, rows, people.get(who, _Person())) for who, rows in _rows(runs).items())
    return [one for one in found if one.made_by or any(card.is_active for card in one.cards)]


def _rows(runs: Mapping[int, BackfillRun]) -> dict[str, list[_Row]]:
    """Read the rows of which something stands, by customer, oldest first.

    A row goes by what the ledger says of its things and not by its outcome, nor by the status of its run: a
    half-done row may be billed, and so may be what a revert kept, or what an abandoned run had made.
    """
    rows = BackfillRow.objects.filter(run__in=list(runs)).exclude(external_id="").order_by("run_id", "line")
    fields = ("id", "run_id", "external_id", "plan_code", "start_date", "subscription_at", "more")
    found: dict[str, list[_Row]] = defaultdict(list)
    for some in chunks(rows.values_list(*fields).iterator(chunk_size=READ_SIZE), READ_SIZE):
        standing = _standing(runs, {pk: run for pk, run, *_ in some})
        for pk, run, external_id, *asked in some:
            if pk in standing:
                found[external_id].append(_Row(runs[run], standing[pk], *asked))
    return found


def _standing(runs: Mapping[int, BackfillRun], asked: Mapping[int, int]) -> dict[int, _Standing]:
    """Return what stands of some rows, given with their runs.

    It is asked for by the rows and not by their runs: just after an import the database does not know how
    many rows that is, and would go through all things once for each row.
    """
    costly = {kind.name for kind in kinds().values() if kind.costs}
    reverted = {pk for pk, run in runs.items() if run.status == BackfillRun.Status.REVERTED}
    found: dict[int, _Standing] = {}
    steps = BackfillStep.objects.filter(row__in=list(asked), state__in=STANDING)
    for row, name, state, code in steps.values_list("row_id", "name", "state", "code"):
        if not _stands(state, code, is_reverted=asked[row] in reverted):
            continue
        one = found.setdefault(row, _Standing())
        one.made = one.made or state != State.ADOPTED
        if name in costly:
            one.pays = max(one.pays, 1 if state == State.ADOPTED else PAYS)
    return found


def _stands(state: str, code: str, *, is_reverted: bool) -> bool:
    """Return whether a thing is there still; what was adopted is no run's any more once that is reverted."""
    if state == State.KEPT:
        return code in (BY_CHOICE, LEFT_OUT)
    return state != State.ADOPTED or not is_reverted


def _people() -> dict[str, _Person]:
    """Read our customers with their cards, by external_id."""
    found: dict[str, _Person] = {}
    users = User.objects.filter(external_id__isnull=False)
    for who, email, name in users.values_list("external_id", "email", "display_name").iterator():
        found[who or ""] = _Person(email, name)
    cards = IdTagMapping.objects.filter(user__external_id__isnull=False).order_by("pk")
    for who, id_tag, is_active in cards.values_list("user__external_id", "id_tag", "is_active").iterator():
        found.setdefault(who or "", _Person()).cards.append(Card(id_tag, is_active))
    return found


def _customer(external_id: str, rows: Sequence[_Row], person: _Person) -> Imported:
    """Put a customer together; plan and start are of the row that made what is paid by, the last one."""
    payer = max(reversed(rows), key=lambda row: row.standing.pays)  # of equals the first here, so the last
    newest_first = list(dict.fromkeys(row.run.run_id for row in reversed(rows)))
    made = {row.run.run_id for row in rows if row.standing.made}
    return Imported(
        external_id=external_id,
        email=person.email,
        display_name=person.display_name,
        cards=tuple(person.cards),
        plan_code=payer.plan_code,
        start_date=payer.start_date,
        subscription_at=payer.subscription_at,
        billing_time=payer.run.options.get("billing_time", "calendar"),
        runs=tuple(newest_first),
        made_by=tuple(run_id for run_id in newest_first if run_id in made),
        owns_subscription=payer.standing.pays == PAYS,
        moved_to=moved_to(payer.more, payer.start_date, payer.subscription_at),
    )
