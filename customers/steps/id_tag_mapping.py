"""The step `id_tag_mapping`: whose an idTag is, and what its sessions are billed to.

A mapping is made inactive. It bills once its row is whole, and stops first when a run is taken back.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db.models.functions import Lower

from customers import bulk
from customers.chunks import chunks
from customers.models import IdTagMapping
from kernel import (
    Action,
    Divergence,
    Fact,
    Facts,
    Made,
    Per,
    Problem,
    Removal,
    Removed,
    Since,
    Step,
    Task,
    Thing,
    Verdict,
    Wanted,
    Works,
)
from kernel.masking import mask_id_tag

NEW = Verdict(Action.CREATE)
AGAIN = "Run the same file again with --skip-existing: it is made again."
BILLED = ["is_active", "lago_subscription_external_id"]
IN_STEVE = ["steve_ocpp_tag_pk", "id_tag"]
GIVEN_BACK = Removed(Removal.KEPT, "it was there before the run, and is again as it was")
ELSEWHERE = Removed(Removal.KEPT, "it was there before the run, and bills elsewhere by now")


class MappingFact(NamedTuple):
    pk: int
    id_tag: str
    owner: str | None  # the customer's external_id
    is_active: bool
    steve_ocpp_tag_pk: int | None


Mappings = Mapping[str, MappingFact]  # by idTag in lower case


@dataclass(slots=True)
class Recorded:
    """What is there of a run's mappings, by their number, and what else their customers have."""

    mappings: dict[str, IdTagMapping] = field(default_factory=dict)
    extra: dict[int, list[str]] = field(default_factory=dict)


class IdTagMappingStep(Step):
    name = "id_tag_mapping"
    noun = "idTag mapping"
    per = Per.CARD
    works = Works.WITH_LEDGER
    is_keystone = True
    row_column = "mapping_id"
    can_be_left = False
    activates = True
    stops = True

    # --- Plan ----------------------------------------------------------------------------------------

    def look_up(self, rows: Iterable[Wanted]) -> Mappings:
        found: dict[str, MappingFact] = {}
        for some in chunks({row.id_tag.lower() for row in rows if row.id_tag}):
            mappings = IdTagMapping.objects.alias(key=Lower("id_tag")).filter(key__in=some)
            for fact in mappings.values_list(
                "pk", "id_tag", "user__external_id", "is_active", "steve_ocpp_tag_pk"
            ):
                found[fact[1].lower()] = MappingFact(*fact)
        return found

    def check(self, wanted: Wanted, found: Mappings) -> Verdict:
        mapping = _of(wanted, found)
        if mapping is None:
            return NEW
        shown = mask_id_tag(wanted.id_tag)
        if mapping.owner != wanted.external_id:
            problem = Problem(
                "id_tag_exists", "id_tag", f"The idTag {shown} belongs to another customer.",
                "An import never moves a card. Correct the row, or remove the idTag there first.",
            )  # fmt: skip
            return Verdict(None, problems=(problem,))
        exists = Problem(
            "id_tag_exists", "id_tag", f"The idTag {shown} is this customer's already.",
            "--skip-existing adopts what agrees and completes what is half done.",
        )  # fmt: skip
        return Verdict(Action.ADOPT, ref=str(mapping.pk), key=mapping.id_tag, exists=(exists,))

    def is_whole(self, wanted: Wanted, found: Mappings, facts: Facts, *, finished: bool) -> bool:
        """Return whether it bills, as SteVe has the idTag, or was switched off after a run was done."""
        mapping = _of(wanted, found)
        if mapping is None:
            return False
        return _is_as_in_steve(mapping, facts) if mapping.is_active else finished

    # --- Apply ---------------------------------------------------------------------------------------

    def create_all(self, tasks: Sequence[Task]) -> Sequence[Made]:
        new = [IdTagMapping(user_id=task.facts[Fact.USER_PK], id_tag=task.wanted.id_tag) for task in tasks]
        return [Made(str(mapping.pk)) for mapping in IdTagMapping.objects.bulk_create(new)]

    def activate_all(self, things: Sequence[Thing]) -> Sequence[dict[str, Any]]:
        """Let them bill; of one that was only adopted, give how it was.

        A run without SteVe leaves alone what an earlier one knew of it.
        """
        mappings = [_billing(thing) for thing in things]
        undo = _undos(things, mappings)
        in_steve = [mapping for mapping in mappings if mapping.steve_ocpp_tag_pk is not None]
        _release_numbers(in_steve)
        bulk.update(mappings, BILLED)
        bulk.update(in_steve, IN_STEVE)
        return undo

    # --- Reconcile -----------------------------------------------------------------------------------

    def look_again(self, things: Iterable[Thing]) -> Recorded:
        things = list(things)
        pks = [int(thing.ref) for thing in things if thing.ref]
        owners = {pk for thing in things if (pk := thing.facts.get(Fact.USER_PK))}
        there = {str(pk): mapping for pk, mapping in IdTagMapping.objects.in_bulk(pks).items()}
        return Recorded(there, _unknown_to_any_run(owners))

    def compare(self, thing: Thing, found: Recorded) -> list[Divergence]:
        mapping, owner = found.mappings.get(thing.ref), thing.facts.get(Fact.USER_PK)
        besides = found.extra.get(owner, []) if owner and thing.facts.get(Fact.IS_FIRST) else []
        told = [_extra(besides)] if besides else []
        if mapping is None:
            return [*told, Divergence("missing", "a mapping", "none", AGAIN)]
        return [*told, *_differences(thing, mapping)]

    # --- Revert --------------------------------------------------------------------------------------

    def activity(
        self, things: Sequence[Thing], found: Any, back: Any, since: Since
    ) -> Iterator[tuple[str, str]]:
        by_pk = {int(thing.ref): thing for thing in things if thing.ref}
        for some in chunks(by_pk):
            for pk, owner in IdTagMapping.objects.filter(pk__in=some).values_list("pk", "user_id"):
                if owner != by_pk[pk].facts.get(Fact.USER_PK):
                    yield by_pk[pk].wanted.external_id, "gave an idTag away"

    def forecast(self, thing: Thing, back: Any) -> str:
        return "it was there before the run; it is given back as it was" if thing.undo else ""

    def stop_all(self, things: Sequence[Thing], found: Any) -> None:
        """Stop billing by these mappings; by what was adopted, only if it still bills as we left it."""
        undo = {int(thing.ref): thing.undo for thing in things}
        there = IdTagMapping.objects.in_bulk(list(undo))
        ours = [pk for pk in there if not undo[pk] or _bills_as_left(there[pk], undo[pk])]
        IdTagMapping.objects.filter(pk__in=ours).update(is_active=False)

    def remove_all(self, things: Sequence[Thing], found: Any, *, discard: bool) -> Sequence[Removed]:
        there = IdTagMapping.objects.in_bulk([int(thing.ref) for thing in things])
        made = [int(thing.ref) for thing in things if not thing.undo]
        IdTagMapping.objects.filter(pk__in=made).delete()
        return [_removed(there.get(int(thing.ref)), thing.undo) for thing in things]


def _of(wanted: Wanted, found: Mappings) -> MappingFact | None:
    return found.get(wanted.id_tag.lower()) if wanted.id_tag else None


def _is_as_in_steve(mapping: MappingFact, facts: Facts) -> bool:
    """Tell it from one of a run without SteVe, which knew neither number nor spelling."""
    number = facts.get(Fact.OCPP_TAG_PK)
    if number is None:
        return True
    return (mapping.steve_ocpp_tag_pk, mapping.id_tag) == (number, facts[Fact.SESSION_ID_TAG])


# --- Letting them bill -------------------------------------------------------------------------------


def _billing(thing: Thing) -> IdTagMapping:
    mapping = IdTagMapping(pk=int(thing.ref), is_active=True)
    mapping.lago_subscription_external_id = thing.facts[Fact.SUBSCRIPTION_KEY]
    if Fact.OCPP_TAG_PK in thing.facts:
        mapping.steve_ocpp_tag_pk = thing.facts[Fact.OCPP_TAG_PK]
        mapping.id_tag = thing.facts[Fact.SESSION_ID_TAG]
    return mapping


def _release_numbers(mappings: Sequence[IdTagMapping]) -> None:
    """Take SteVe's numbers from mappings that had them: a SteVe that was set up anew counts from 1 again."""
    numbers = [mapping.steve_ocpp_tag_pk for mapping in mappings]
    IdTagMapping.objects.filter(steve_ocpp_tag_pk__in=numbers).update(steve_ocpp_tag_pk=None)


def _undos(things: Sequence[Thing], mappings: Sequence[IdTagMapping]) -> list[dict[str, Any]]:
    """Return how each was that was only adopted and is about to change. What is known already, stays."""
    adopted = [int(thing.ref) for thing in things if not thing.is_made and not thing.undo]
    before = IdTagMapping.objects.in_bulk(adopted) if adopted else {}
    return [
        _undo(before[mapping.pk], mapping) if mapping.pk in before else dict(thing.undo)
        for thing, mapping in zip(things, mappings, strict=True)
    ]


def _undo(before: IdTagMapping, after: IdTagMapping) -> dict[str, Any]:
    """Return how a mapping is that is about to change, and what it bills to after that."""
    names = BILLED if after.steve_ocpp_tag_pk is None else BILLED + IN_STEVE
    if all(getattr(before, name) == getattr(after, name) for name in names):
        return {}
    was = {name: getattr(before, name) for name in names}
    return {**was, "billed_to": after.lago_subscription_external_id}


# --- Giving them back --------------------------------------------------------------------------------


def _removed(mapping: IdTagMapping | None, undo: Mapping[str, Any]) -> Removed:
    if mapping is None:
        return Removed(Removal.GONE)
    if not undo:
        return Removed(Removal.REMOVED)
    if not _bills_as_left(mapping, undo):
        return ELSEWHERE
    _give_back(mapping, undo)
    return GIVEN_BACK


def _bills_as_left(mapping: IdTagMapping, undo: Mapping[str, Any]) -> bool:
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


# --- What diverges -----------------------------------------------------------------------------------


def _differences(thing: Thing, mapping: IdTagMapping) -> Iterator[Divergence]:
    owner = thing.facts.get(Fact.USER_PK)
    if owner is not None and mapping.user_id != owner:
        remedy = "Sessions are billed to that customer. Move it back, or correct the file."
        yield Divergence("other_owner", thing.wanted.external_id, "another customer", remedy)
    if not mapping.is_active:
        remedy = "Sessions with this idTag are not billed. Activate it, if it was not on purpose."
        yield Divergence("inactive", "active", "inactive", remedy)
    yield from _other_number(thing, mapping)
    key, billed = thing.facts.get(Fact.SUBSCRIPTION_KEY), mapping.lago_subscription_external_id
    if mapping.user_id == owner and key and billed not in ("", key):
        remedy = "Sessions are billed to that subscription. Correct the mapping, if it was not on purpose."
        yield Divergence("other_subscription", f"billed to {key}", f"billed to {billed}", remedy)


def _other_number(thing: Thing, mapping: IdTagMapping) -> Iterator[Divergence]:
    number = thing.facts.get(Fact.OCPP_TAG_PK)
    if number is None or mapping.steve_ocpp_tag_pk == number:
        return
    remedy = "Its sessions do not show for the customer. Run the same file again with --skip-existing."
    known = f"number {mapping.steve_ocpp_tag_pk or 'none'}"
    yield Divergence("other_number", f"number {number} in SteVe", known, remedy)


def _extra(id_tags: Sequence[str]) -> Divergence:
    remedy = "Made by hand, or by no run that is known. Remove it if it should not be there."
    return Divergence("extra", "the idTags of the run", f"also {', '.join(id_tags)}", remedy)


def _unknown_to_any_run(owners: Iterable[int]) -> dict[int, list[str]]:
    """Find idTags that these customers have, and that no run knows of."""
    extra: dict[int, list[str]] = {}
    unknown = IdTagMapping.objects.filter(user_id__in=list(owners), backfill_rows__isnull=True)
    for user_pk, id_tag in unknown.values_list("user_id", "id_tag").order_by("pk"):
        extra.setdefault(user_pk, []).append(mask_id_tag(id_tag))
    return extra
