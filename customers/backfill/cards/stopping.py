"""The wrong spelling of a card, once the true one is imported: seen from the ledger, and switched off."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction

from auditlog.models import Event, record
from customers.backfill.refused import Refused
from customers.backfill.switching import switch_off
from customers.models import BackfillRow, BackfillRun, IdTagMapping
from kernel.twins import Kind, likeness


@dataclass(frozen=True, slots=True)
class Corrected:
    """A card of a run whose true spelling a later run brought, as `kind` of likeness."""

    wrong: IdTagMapping
    true: IdTagMapping
    run_id: str  # of the later one
    kind: Kind


def corrected(run: BackfillRun) -> list[Corrected]:
    """Return the run's cards whose customers have a card that looks alike from a later run, and bills."""
    later = BackfillRow.objects.filter(
        run__pk__gt=run.pk,
        mapping__is_active=True,
        user__in=run.rows.filter(mapping__isnull=False).values("user"),
        outcome__in=[BackfillRow.Outcome.CREATED, BackfillRow.Outcome.COMPLETED],
    ).exclude(mapping__in=run.rows.filter(mapping__isnull=False).values("mapping"))
    further = list(later.select_related("mapping", "run").order_by("pk"))
    own = IdTagMapping.objects.filter(backfill_rows__run=run, user__in={row.user_id for row in further})
    by_user: dict[int, list[IdTagMapping]] = defaultdict(list)
    for mapping in own.select_related("user").distinct():
        by_user[mapping.user_id].append(mapping)
    found: dict[tuple[int, int], Corrected] = {}
    for row in further:
        for wrong in by_user[row.user_id or 0]:
            how = likeness(wrong.id_tag, row.mapping.id_tag) if row.mapping else None
            if row.mapping and how:
                found[wrong.pk, row.mapping.pk] = Corrected(wrong, row.mapping, row.run.run_id, how.kind)
    return list(found.values())


def stop_wrong(run: BackfillRun, mapping_pks: Iterable[int], actor: str) -> list[str]:
    """Switch off these wrong spellings, here and wherever they open chargers; say what was done.

    Safe to repeat, as what is elsewhere may have failed. Raises Refused for a card that nobody corrected, and
    RemoteError: then it is off here already.
    """
    known = {one.wrong.pk: one.wrong for one in corrected(run)}
    cards = [known.get(pk) for pk in dict.fromkeys(mapping_pks)]
    if not cards or None in cards:
        raise Refused(
            "That card has no corrected spelling that bills.",
            "Import the true spelling first, and look again.",
        )
    return [_stop(run, card, actor) for card in cards if card is not None]


def _stop(run: BackfillRun, card: IdTagMapping, actor: str) -> str:
    with transaction.atomic():
        if IdTagMapping.objects.filter(pk=card.pk, is_active=True).update(is_active=False):
            event = Event(
                "idtagmapping.changed",
                f"customer:{card.user.external_id}",
                {"fields": ["is_active"], "because": "another spelling of it was imported"},
            )
            record(run.audit_tag, actor, [event])
    card.is_active = False
    return f"{card.user.external_id}: {switch_off(card)}"
