"""What the ledger knows of the customers of a file: what runs made for them, or meant to make."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from sys import intern
from typing import NamedTuple

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import F, TextField
from django.db.models.functions import Cast

from customers.backfill.ledger.entries import EMPTY
from customers.models import BackfillStep
from kernel import Wanted
from kernel.chunks import chunks

OF_ROW = ("row__external_id", "row__run_id", "row__mapping__id_tag", "row__outcome")
OF_STEPS = {
    "names": F("name"),
    "states": F("state"),
    "refs": F("ref"),
    "undos": Cast("undo", TextField()),
}
STANDING = (BackfillStep.State.CREATED, BackfillStep.State.ADOPTED, BackfillStep.State.INTENDED)


class LedgerFact(NamedTuple):
    """A step that some run recorded for an external_id, and that still stands in the ledger."""

    run_pk: int
    id_tag: str  # of the row's card, in lower case; blank where its mapping has gone
    step: str
    state: str
    ref: str
    row_settled: bool
    alters: bool  # an adopted thing that was to be put right: never ours to delete


Ledger = Mapping[str, Sequence[LedgerFact]]  # by external_id


def look_up(rows: Iterable[Wanted]) -> Ledger:
    """Read what runs recorded for the customers of these rows, in a few queries."""
    facts: dict[str, list[LedgerFact]] = defaultdict(list)
    for some in chunks({row.external_id for row in rows if row.external_id}):
        steps = BackfillStep.objects.filter(row__external_id__among=some, state__in=STANDING)
        of_rows = (
            steps.order_by("row_id")
            .values_list("row_id", *OF_ROW)
            .annotate(
                **{name: ArrayAgg(value, order_by="pk", default=[]) for name, value in OF_STEPS.items()}
            )
            .values_list(*OF_ROW, *OF_STEPS)
        )
        for external_id, run_pk, id_tag, outcome, *of_steps in of_rows:
            settled = outcome not in ("", "failed")
            card = (id_tag or "").lower()
            facts[external_id] += [
                LedgerFact(int(run_pk), card, intern(name), intern(state), ref, settled, undo != EMPTY)
                for name, state, ref, undo in zip(*of_steps, strict=True)
            ]
    return facts
