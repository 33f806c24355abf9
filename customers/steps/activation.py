"""Let the idTags of whole rows bill, and give back as they were those that a run only adopted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from customers import bulk
from customers.models import IdTagMapping
from kernel import Fact, Removal, Removed, Thing

BILLED = ["is_active", "lago_subscription_external_id"]
IN_STEVE = ["steve_ocpp_tag_pk", "id_tag"]
GIVEN_BACK = Removed(Removal.KEPT, "it was there before the run, and is again as it was")
ELSEWHERE = Removed(Removal.KEPT, "it was there before the run, and bills elsewhere by now")


@dataclass(slots=True)
class Billing:
    """What is written of an `IdTagMapping` that bills; the last two where a SteVe is connected."""

    id: int
    lago_subscription_external_id: str
    steve_ocpp_tag_pk: int | None = None
    id_tag: str = ""
    is_active: bool = True


def activate(things: Sequence[Thing]) -> list[dict[str, Any]]:
    """Write what mappings bill to, and what SteVe calls them; return how each is to be given back."""
    mappings = [_billing(thing) for thing in things]
    undo = _undos(things, mappings)
    in_steve = [mapping for mapping in mappings if mapping.steve_ocpp_tag_pk is not None]
    if in_steve:
        _release_numbers(in_steve)
    bulk.update(IdTagMapping, mappings, BILLED)
    bulk.update(IdTagMapping, in_steve, IN_STEVE)
    return undo


def _billing(thing: Thing) -> Billing:
    made = Billing(int(thing.ref), thing.facts[Fact.SUBSCRIPTION_KEY])
    if Fact.OCPP_TAG_PK in thing.facts:
        made.steve_ocpp_tag_pk = thing.facts[Fact.OCPP_TAG_PK]
        made.id_tag = thing.facts[Fact.SESSION_ID_TAG]
    return made


def _release_numbers(mappings: Sequence[Billing]) -> None:
    """Take SteVe's numbers from mappings that had them: a SteVe that was set up anew counts from 1 again."""
    numbers = [mapping.steve_ocpp_tag_pk for mapping in mappings]
    IdTagMapping.objects.filter(steve_ocpp_tag_pk__in=numbers).update(steve_ocpp_tag_pk=None)


def _undos(things: Sequence[Thing], mappings: Sequence[Billing]) -> list[dict[str, Any]]:
    """Return how each was that was only adopted and is about to change. What is known already, stays."""
    adopted = [int(thing.ref) for thing in things if not thing.is_made and not thing.undo]
    before = IdTagMapping.objects.in_bulk(adopted) if adopted else {}
    return [
        _undo(before[mapping.id], mapping) if mapping.id in before else dict(thing.undo)
        for thing, mapping in zip(things, mappings, strict=True)
    ]


def _undo(before: IdTagMapping, after: Billing) -> dict[str, Any]:
    """Return how a mapping is that is about to change, and what it bills to after that."""
    names = BILLED if after.steve_ocpp_tag_pk is None else BILLED + IN_STEVE
    if all(getattr(before, name) == getattr(after, name) for name in names):
        return {}
    was = {name: getattr(before, name) for name in names}
    return {**was, "billed_to": after.lago_subscription_external_id}


# --- Giving them back --------------------------------------------------------------------------------


def given_back(mapping: IdTagMapping | None, undo: Mapping[str, Any]) -> Removed:
    if mapping is None:
        return Removed(Removal.GONE)
    if not bills_as_left(mapping, undo):
        return ELSEWHERE
    _give_back(mapping, undo)
    return GIVEN_BACK


def bills_as_left(mapping: IdTagMapping, undo: Mapping[str, Any]) -> bool:
    """Return whether it still bills as the run left it."""
    return bool(mapping.lago_subscription_external_id == undo["billed_to"])


def _give_back(mapping: IdTagMapping, undo: Mapping[str, Any]) -> None:
    """Write back how it was. SteVe's number stays away if another mapping has it by now."""
    before = {name: value for name, value in undo.items() if name != "billed_to"}
    number = before.get("steve_ocpp_tag_pk")
    taken = IdTagMapping.objects.filter(steve_ocpp_tag_pk=number).exclude(pk=mapping.pk)
    if number is not None and taken.exists():
        before["steve_ocpp_tag_pk"] = None
    IdTagMapping.objects.filter(pk=mapping.pk).update(**before)
