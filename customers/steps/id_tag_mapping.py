"""The step `id_tag_mapping`: whose an idTag is, and what its sessions are billed to.

A mapping is made inactive. It bills once its row is whole, and stops first when a run is taken back.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet
from django.db.models.functions import Lower

from customers import bulk
from customers.models import IdTagMapping
from customers.models.people import STRIPPED_ID_TAG
from customers.steps import activation, reports
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
from kernel.alike import Alike
from kernel.chunks import chunks
from kernel.invoice_columns import CARD_NAME
from kernel.masking import mask_id_tag
from kernel.notation import bare, readings, stripped

NEW = Verdict(Action.CREATE)
AGAIN = "Run the same file again with --skip-existing: it is made again."


class MappingFact(NamedTuple):
    pk: int
    id_tag: str
    owner: str | None  # the customer's external_id
    is_active: bool
    steve_ocpp_tag_pk: int | None


class MappingNow(NamedTuple):
    pk: int
    user_id: int
    is_active: bool
    lago_subscription_external_id: str
    steve_ocpp_tag_pk: int | None


# By idTag in lower case; what is there of the same card in another notation, by `_ALIKE` and its bare form.
Mappings = Mapping[str, MappingFact]

_ALIKE = "="  # which no idTag begins with


@dataclass(slots=True)
class Recorded:
    """What is there of a run's mappings, by their number, and what else their customers have."""

    mappings: dict[str, MappingNow] = field(default_factory=dict)
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
    repairs = frozenset({"missing", "inactive", "other_number"})
    harmless = ("extra",)
    consequences = {
        "missing": "What is charged with the card is billed to nobody.",
        "inactive": "What is charged with the card is billed to nobody.",
        "other_owner": "Somebody else pays for what is charged with the card.",
        "other_subscription": "Another subscription pays for what is charged with the card.",
        "extra": "What is charged with that card is billed to this customer.",
    }
    gives = (CARD_NAME.name,)
    stops = True

    # --- Plan ----------------------------------------------------------------------------------------

    def look_up(self, rows: Iterable[Wanted]) -> Mappings:
        found: dict[str, MappingFact] = {}
        for some in chunks({row.id_tag.lower() for row in rows if row.id_tag}):
            exact = set(some)
            for values in _same_or_alike(some).values_list(
                "pk", "id_tag", "user__external_id", "is_active", "steve_ocpp_tag_pk"
            ):
                fact = MappingFact(*values)
                key = fact.id_tag.lower()
                found[key if key in exact else f"{_ALIKE}{bare(key)}"] = fact
        return found

    def check(self, wanted: Wanted, found: Mappings) -> Verdict:
        mapping = _of(wanted, found)
        if mapping is None:
            alike = _alike(wanted.id_tag, found)
            return Verdict(Action.CREATE, warnings=alike) if alike else NEW
        if mapping.owner != wanted.external_id:
            return Verdict(None, problems=(reports.id_tag_of_another(wanted),))
        exists = (reports.id_tag_exists(wanted),)
        return Verdict(Action.ADOPT, ref=str(mapping.pk), key=mapping.id_tag, exists=exists)

    def is_whole(self, wanted: Wanted, found: Mappings, facts: Facts, *, finished: bool) -> bool:
        """Return whether it bills, as SteVe has the idTag, or was switched off after a run was done."""
        mapping = _of(wanted, found)
        if mapping is None:
            return False
        return _is_as_in_steve(mapping, facts) if mapping.is_active else finished

    # --- Apply ---------------------------------------------------------------------------------------

    def create_all(self, tasks: Sequence[Task]) -> Sequence[Made]:
        made = bulk.insert(IdTagMapping, [_mapping(task) for task in tasks])
        return [Made(str(pk)) for pk in made]

    def activate_all(self, things: Sequence[Thing]) -> Sequence[dict[str, Any]]:
        """Let them bill; of one that was only adopted, give how it was.

        A run without SteVe leaves alone what an earlier one knew of it.
        """
        return activation.activate(things)

    # --- Reconcile -----------------------------------------------------------------------------------

    def look_again(self, things: Iterable[Thing], since: Since) -> Recorded:
        things = list(things)
        pks = [int(thing.ref) for thing in things if thing.ref]
        owners = {pk for thing in things if (pk := thing.facts.get(Fact.USER_PK))}
        found = IdTagMapping.objects.filter(pk__among=pks).values_list(*MappingNow._fields)
        there = {str(values[0]): MappingNow(*values) for values in found}
        return Recorded(there, _unknown_to_any_run(owners))

    def compare(self, thing: Thing, found: Recorded) -> list[Divergence]:
        mapping, owner = found.mappings.get(thing.ref), thing.facts.get(Fact.USER_PK)
        besides = found.extra.get(owner, []) if owner and thing.facts.get(Fact.IS_FIRST) else []
        told = [reports.beside_the_run(besides)] if besides else []
        if mapping is None:
            return [*told, Divergence("missing", "a mapping", "none", AGAIN)]
        return [*told, *_differences(thing, mapping)]

    # --- Revert --------------------------------------------------------------------------------------

    def activity(
        self, things: Sequence[Thing], found: Any, back: Any, since: Since
    ) -> Iterator[tuple[str, str]]:
        by_pk = {int(thing.ref): thing for thing in things if thing.ref}
        for some in chunks(by_pk):
            for pk, owner in IdTagMapping.objects.filter(pk__among=some).values_list("pk", "user_id"):
                if owner != by_pk[pk].facts.get(Fact.USER_PK):
                    yield by_pk[pk].wanted.external_id, "gave an idTag away"

    def forecast(self, thing: Thing, found: Any, back: Any) -> str:
        return "it was there before the run; it is given back as it was" if thing.undo else ""

    def stop_all(self, things: Sequence[Thing], found: Any) -> None:
        """Stop billing by these mappings; by what was adopted, only if it still bills as we left it."""
        adopted = {int(thing.ref): thing.undo for thing in things if thing.undo}
        ours = [int(thing.ref) for thing in things if not thing.undo]
        ours += [pk for pk, one in _there(adopted).items() if activation.bills_as_left(one, adopted[pk])]
        IdTagMapping.objects.filter(pk__in=ours).update(is_active=False)

    def remove_all(self, things: Sequence[Thing], found: Any, *, discard: bool) -> Sequence[Removed]:
        adopted = _there([int(thing.ref) for thing in things if thing.undo])
        gone = bulk.delete(IdTagMapping, [int(thing.ref) for thing in things if not thing.undo])
        return [
            activation.given_back(adopted.get(int(thing.ref)), thing.undo)
            if thing.undo
            else Removed(Removal.REMOVED if int(thing.ref) in gone else Removal.GONE)
            for thing in things
        ]


def _there(pks: Collection[int]) -> Mapping[int, IdTagMapping]:
    return IdTagMapping.objects.in_bulk(pks) if pks else {}


def _mapping(task: Task) -> dict[str, Any]:
    wanted = task.wanted
    return {
        "user_id": task.facts[Fact.USER_PK],
        "id_tag": wanted.id_tag,
        "name": CARD_NAME.of(wanted) or "",
    }


def _of(wanted: Wanted, found: Mappings) -> MappingFact | None:
    return found.get(wanted.id_tag.lower()) if wanted.id_tag else None


def _same_or_alike(cards: Sequence[str]) -> QuerySet[IdTagMapping]:
    """Select mappings of these cards, and of what they may be in another notation; two indexes serve it."""
    forms = {stripped(card) for card in cards}.union(*(readings(card) for card in cards))
    keyed = IdTagMapping.objects.alias(key=Lower("id_tag"), digits=STRIPPED_ID_TAG)
    return keyed.filter(Q(key__among=cards) | Q(digits__among=forms))


def _alike(id_tag: str, found: Mappings) -> tuple[Problem, ...]:
    if not id_tag or not found:
        return ()
    cards = Alike()
    for form in (bare(id_tag), *readings(id_tag)):
        if there := found.get(f"{_ALIKE}{form}"):
            cards.add(there.id_tag, f"here, of the customer {there.owner or 'without external_id'}")
    return cards.warnings(id_tag)


def _is_as_in_steve(mapping: MappingFact, facts: Facts) -> bool:
    """Tell it from one of a run without SteVe, which knew neither number nor spelling."""
    number = facts.get(Fact.OCPP_TAG_PK)
    if number is None:
        return True
    return (mapping.steve_ocpp_tag_pk, mapping.id_tag) == (number, facts[Fact.SESSION_ID_TAG])


# --- What diverges -----------------------------------------------------------------------------------


def _differences(thing: Thing, mapping: MappingNow) -> Iterator[Divergence]:
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


def _other_number(thing: Thing, mapping: MappingNow) -> Iterator[Divergence]:
    number = thing.facts.get(Fact.OCPP_TAG_PK)
    if number is None or mapping.steve_ocpp_tag_pk == number:
        return
    remedy = "Its sessions do not show for the customer. Run the same file again with --skip-existing."
    known = f"number {mapping.steve_ocpp_tag_pk or 'none'}"
    yield Divergence("other_number", f"number {number} in SteVe", known, remedy)


def _unknown_to_any_run(owners: Iterable[int]) -> dict[int, list[str]]:
    """Find idTags that these customers have, and that no run knows of."""
    extra: dict[int, list[str]] = {}
    unknown = IdTagMapping.objects.filter(user_id__among=owners, backfill_rows__isnull=True)
    for user_pk, id_tag in unknown.values_list("user_id", "id_tag").order_by("pk"):
        extra.setdefault(user_pk, []).append(mask_id_tag(id_tag))
    return extra
