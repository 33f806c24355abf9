"""Let the idTags of whole rows bill, and give back as they were those that the run only adopted."""

from collections.abc import Mapping, Sequence
from typing import Any

from customers.backfill.ledger import bulk
from customers.models import BackfillStep, IdTagMapping

BILLED = ["is_active", "lago_subscription_external_id"]
IN_STEVE = ["steve_ocpp_tag_pk", "id_tag"]


def activate(mappings: Sequence[IdTagMapping], steps: Sequence[BackfillStep]) -> None:
    """Write mappings that are known by primary key: what they bill to, and what SteVe calls them.

    A run without SteVe leaves alone what an earlier one knew of it. Of a mapping that the run only adopted,
    its step is told how to give it back; saving the step is up to the caller.
    """
    _remember(mappings, steps)
    in_steve = [mapping for mapping in mappings if mapping.steve_ocpp_tag_pk is not None]
    _release_numbers(in_steve)
    bulk.update(mappings, BILLED)
    bulk.update(in_steve, IN_STEVE)


def _release_numbers(mappings: Sequence[IdTagMapping]) -> None:
    """Take SteVe's numbers from mappings that had them: a SteVe that was set up anew counts from 1 again."""
    numbers = [mapping.steve_ocpp_tag_pk for mapping in mappings]
    IdTagMapping.objects.filter(steve_ocpp_tag_pk__in=numbers).update(steve_ocpp_tag_pk=None)


def _remember(mappings: Sequence[IdTagMapping], steps: Sequence[BackfillStep]) -> None:
    adopted = BackfillStep.State.ADOPTED
    changing = {
        mapping.pk: (mapping, step)
        for mapping, step in zip(mappings, steps, strict=True)
        if step.state == adopted and not step.undo
    }
    for before in IdTagMapping.objects.filter(pk__in=changing) if changing else ():
        after, step = changing[before.pk]
        step.undo = _undo(before, after)


def _undo(before: IdTagMapping, after: IdTagMapping) -> dict[str, Any]:
    """Give how a mapping is that is about to change, and what it bills to after that."""
    names = BILLED if after.steve_ocpp_tag_pk is None else BILLED + IN_STEVE
    if all(getattr(before, name) == getattr(after, name) for name in names):
        return {}
    was = {name: getattr(before, name) for name in names}
    return {**was, "billed_to": after.lago_subscription_external_id}


def still_ours(mapping: IdTagMapping, undo: Mapping[str, Any]) -> bool:
    """Tell whether it still bills as the run left it."""
    return bool(mapping.lago_subscription_external_id == undo["billed_to"])


def give_back(mapping: IdTagMapping, undo: Mapping[str, Any]) -> None:
    """Write back how it was. SteVe's number stays away if another mapping has it by now."""
    before = {name: value for name, value in undo.items() if name != "billed_to"}
    number = before.get("steve_ocpp_tag_pk")
    taken = IdTagMapping.objects.filter(steve_ocpp_tag_pk=number).exclude(pk=mapping.pk)
    if number is not None and taken.exists():
        before["steve_ocpp_tag_pk"] = None
    IdTagMapping.objects.filter(pk=mapping.pk).update(**before)
