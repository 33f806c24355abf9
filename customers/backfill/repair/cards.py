"""Which idTag a row had whose mapping has gone from our database: other systems may still have it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from auditlog.models import AuditEntry
from customers.backfill.engine.plan import Looked
from customers.backfill.ledger.recorded import Recorded
from customers.models import BackfillRun
from kernel import Wanted
from kernel.fingerprint import Fingerprint
from kernel.invoice_columns import CARD_NAME
from kernel.masking import mask_id_tag


def whole(one: Recorded, run: BackfillRun, looked: Sequence[Looked]) -> Wanted:
    """Return what a row asks for, with its idTag if that can be told for sure; else it stays blank."""
    if one.wanted.id_tag:
        return one.wanted
    known = {id_tag for id_tag in _found(one, looked) if id_tag}
    if len(known) != 1:
        return one.wanted
    (id_tag,) = known
    # SteVe set up anew counts from 1: the number alone could name somebody else's card.
    return replace(one.wanted, id_tag=id_tag) if mask_id_tag(id_tag) in _audited(one, run) else one.wanted


def readable(one: Recorded, wanted: Wanted) -> Wanted:
    """Leave out what the ledger keeps only the fingerprint of: nothing can be made of it.

    The name of a card is known as long as our mapping of it is there.
    """
    more = {name: value for name, value in wanted.more.items() if not isinstance(value, Fingerprint)}
    if one.card_name:
        more[CARD_NAME.name] = one.card_name
    return replace(wanted, more=more)


def _found(one: Recorded, looked: Sequence[Looked]) -> Iterator[str]:
    for look in looked:
        if look.step.name in one.steps and one.ref(look.step.name):
            yield look.step.id_tag_of(one.thing(look.step.name, {}), look.found)


def _audited(one: Recorded, run: BackfillRun) -> set[Any]:
    """Return the beginnings of the idTag that the audit log has of this row."""
    told = AuditEntry.objects.tagged(run.audit_tag).filter(
        subject=f"customer:{one.external_id}", data__line=one.line, data__has_key="id_tag"
    )
    return set(told.values_list("data__id_tag", flat=True))
