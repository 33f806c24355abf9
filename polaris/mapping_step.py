"""The step `platform_mapping`: a card as the platform knows one, and which subscription pays for it.

It is made inactive, before there is anybody who pays, and carries the subscription's id already: so the
platform's own webhook can put it to use, and the parent that the platform makes with it.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from kernel import (
    Action,
    Divergence,
    Fact,
    Facts,
    Made,
    Per,
    RemoteError,
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
from kernel.invoice_columns import CARD_NAME
from polaris import mappings, reports, sync, users
from polaris.activity import Used, used
from polaris.database import Cursor, PlatformDatabase
from polaris.errors import PolarisError
from polaris.mappings import COMPED, STANDARD, Change, Mappings, NewMapping, PlatformMapping
from polaris.schema import TIER
from polaris.user_step import SYSTEM, VARIABLES
from polaris.users import Users

HAS_BILLED = Removed(Removal.KEPT, "sessions were billed by it, or a card was issued; it stays, inactive")
GIVEN_BACK = Removed(Removal.KEPT, "it was there before the run, and is again as it was")
ELSEWHERE = Removed(Removal.KEPT, "it was there before the run, and bills elsewhere by now")


@dataclass(frozen=True, slots=True)
class Found:
    mappings: Mappings
    users: Users


class PlatformMappingStep(Step):
    name = "platform_mapping"
    noun = "mapping"
    system = SYSTEM
    per = Per.CARD
    works = Works.PER_BATCH
    variables = VARIABLES
    is_missed = False
    activates = True
    stops = True
    finds_unrecorded = True
    repairs = frozenset({"missing", "inactive", "other_number"})
    carries = True
    consequences = {
        "missing": "The platform bills nothing of the card, and its sync does not open it.",
        "inactive": "The platform bills nothing of the card, and its sync blocks it.",
        "other_owner": "Somebody else is shown the card, and may pay for it.",
        "other_subscription": "Another subscription pays for what is charged with the card.",
    }

    def __init__(
        self,
        database: PlatformDatabase,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._database = database
        self._now = now
        self._sleep = sleep

    def identity(self) -> str:
        return self._database.identity

    def address(self) -> str:
        return self._database.place

    def is_same(self, identity: str, things: Sequence[Thing]) -> bool:
        """Know it by what the run made in it: number and customer together."""
        if super().is_same(identity, things) or not things:
            return True
        found = mappings.find(self._database, ids=[int(thing.ref) for thing in things if thing.ref])
        there = {str(number): mapping.external_id for number, mapping in found.by_id.items()}
        return any(there.get(thing.ref) == thing.wanted.external_id for thing in things)

    # --- Plan ----------------------------------------------------------------------------------------

    def look_up(self, rows: Iterable[Wanted]) -> Found:
        rows = list(rows)
        return Found(
            mappings.everything(self._database),
            users.find(self._database, {row.external_id for row in rows if row.external_id}),
        )

    def check(self, wanted: Wanted, found: Found) -> Verdict:
        if not wanted.id_tag:
            return Verdict(None)
        there = found.mappings.by_id_tag.get(wanted.id_tag.lower(), [])
        if not there:
            return Verdict(Action.CREATE, warnings=found.mappings.alike.warnings(wanted.id_tag))
        user = found.users.by_external_id.get(wanted.external_id)
        if why := _conflict(wanted, there, user.id if user else None):
            return Verdict(None, problems=(reports.mapping_conflict(wanted, why),))
        return Verdict(Action.ADOPT, ref=str(there[0].id), exists=(reports.mapping_exists(wanted),))

    def reconsider(self, wanted: Wanted, found: Found, verdict: Verdict, facts: Facts) -> Verdict:
        """Say whether one that is there has to be completed, by what SteVe and Lago have of the row."""
        if verdict.action is None:
            return verdict
        if _is_number_taken(found, verdict.ref, facts.get(Fact.OCPP_TAG_PK)):
            problem = reports.mapping_conflict(
                wanted, "under a number that SteVe gave to another card before"
            )
            return Verdict(None, problems=(problem,))
        if facts.get(Fact.CHARGES_FREE) and self._may_not_mark():
            return Verdict(None, ref=verdict.ref, problems=(reports.may_not_mark(),))
        if verdict.action is not Action.ADOPT:
            return verdict
        mapping = found.mappings.by_id[int(verdict.ref)]
        subscription = facts.get(Fact.SUBSCRIPTION_KEY, "")
        if mapping.is_active and mapping.subscription_key not in (None, subscription):
            problem = reports.mapping_conflict(wanted, "billed to another subscription")
            return Verdict(None, problems=(problem,))
        change = not _is_as_it_should_be(mapping, facts) or self._is_to_activate(wanted, mapping, facts)
        undo = _undo(mapping, subscription)
        if _is_to_mark(mapping, facts):
            change, undo = True, undo | {TIER: mapping.billing_tier}
            warnings = (reports.tier_changes(wanted, str(mapping.billing_tier)),)
            verdict = replace(verdict, warnings=warnings)
        return replace(verdict, change=change, undo=undo if change else None)

    def _may_not_mark(self) -> bool:
        columns = self._database.columns
        return columns.has_tier and not columns.may_mark

    def is_whole(self, wanted: Wanted, found: Found, facts: Facts, *, finished: bool) -> bool:
        (mapping, *_) = found.mappings.by_id_tag.get(wanted.id_tag.lower(), [None])
        return mapping is not None and (finished or not self._is_to_activate(wanted, mapping, facts))

    def _is_to_activate(self, wanted: Wanted, mapping: PlatformMapping, facts: Facts) -> bool:
        return not mapping.is_active and self._pays(wanted, facts)

    def _pays(self, wanted: Wanted, facts: Facts) -> bool:
        """Return whether sessions are paid for by now; before, an active card would charge for nothing."""
        begins = facts.get(Fact.PAYS_FROM) or wanted.subscription_at
        return begins is None or begins <= self._now()

    # --- Apply ---------------------------------------------------------------------------------------

    def create_all(self, tasks: Sequence[Task]) -> Sequence[Made | RemoteError]:
        changed = [task for task in tasks if task.verdict.change]
        new = [task for task in tasks if not task.verdict.change]
        made = self._database.write(lambda cursor: self._write(cursor, new, changed))
        missing = [task for task in new if task.wanted.line not in made]
        if missing:
            id_tags = {task.wanted.id_tag.lower() for task in missing}
            owners = {task.wanted.external_id for task in missing}
            found = Found(mappings.find(self._database, id_tags), users.find(self._database, owners))
            made |= {task.wanted.line: one for task in missing if (one := _adopted(task, found))}
        return [made.get(task.wanted.line) or _taken() for task in tasks]

    def _write(self, cursor: Cursor, new: Sequence[Task], changed: Sequence[Task]) -> dict[int, Made]:
        columns = self._database.columns
        if new and "lago_subscriptions" in columns.may_clear:
            keys = [task.facts[Fact.SUBSCRIPTION_KEY] for task in new]
            users.clear_cache(cursor, "lago_subscriptions", keys)
        numbers = (
            mappings.make(cursor, [_new(task) for task in new], has_mirror=columns.has_mirror) if new else {}
        )
        changes = [_change(task) for task in changed]
        completed = mappings.complete(cursor, changes, has_mirror=columns.has_mirror) if changes else set()
        made = {
            task.wanted.line: Made(str(numbers[pk]))
            for task in new
            if (pk := task.facts[Fact.OCPP_TAG_PK]) in numbers
        }
        made |= {
            task.wanted.line: _completed(task.verdict)
            for task in changed
            if int(task.verdict.ref) in completed
        }
        self._mark(cursor, (task for task in (*new, *changed) if task.facts.get(Fact.CHARGES_FREE)), made)
        return made

    def _mark(self, cursor: Cursor, tasks: Iterable[Task], made: Mapping[int, Made]) -> None:
        """Tell the platform of cards whose customers charge for free; of the others nothing is touched."""
        lines = [task.wanted.line for task in tasks] if self._database.columns.has_tier else []
        mappings.set_tiers(cursor, {int(made[line].ref): COMPED for line in lines if line in made})

    def activate_all(self, things: Sequence[Thing]) -> Sequence[dict[str, Any]]:
        """Let cards be billed whose subscription pays by now; the platform does so itself for the others."""
        due = {
            int(thing.ref): str(thing.facts[Fact.SUBSCRIPTION_KEY])
            for thing in things
            if self._pays(thing.wanted, thing.facts)
        }
        if due:
            self._database.write(lambda cursor: mappings.activate(cursor, due))
        return [dict(thing.undo) for thing in things]

    # --- Reconcile -----------------------------------------------------------------------------------

    def look_again(self, things: Iterable[Thing], since: Since) -> Found:
        things = list(things)
        return Found(
            mappings.find(self._database, ids={int(thing.ref) for thing in things if thing.ref}),
            users.find(self._database, {thing.wanted.external_id for thing in things}),
        )

    def compare(self, thing: Thing, found: Found) -> Sequence[Divergence]:
        mapping = found.mappings.by_id.get(int(thing.ref)) if thing.ref else None
        if mapping is None:
            return [reports.mapping_missing()]
        user = found.users.by_external_id.get(thing.wanted.external_id)
        told = reports.mapping_differences(
            thing,
            mapping,
            user=user.id if user else "",  # where there is none, the other step says so
            subscription=thing.facts.get(Fact.SUBSCRIPTION_KEY, ""),
            pk=thing.facts.get(Fact.OCPP_TAG_PK),
            begins_later=not self._pays(thing.wanted, thing.facts),
            is_to_mark=_is_to_mark(mapping, thing.facts),
        )
        return list(told)

    def id_tag_of(self, thing: Thing, found: Found) -> str:
        mapping = found.mappings.by_id.get(int(thing.ref)) if thing.ref else None
        is_own = mapping is not None and mapping.external_id == thing.wanted.external_id
        return mapping.id_tag if mapping and is_own and not mapping.is_of_platform else ""

    # --- Revert --------------------------------------------------------------------------------------

    def look_back(self, things: Iterable[Thing], since: Since) -> Used:
        return used(self._database, [int(thing.ref) for thing in things if thing.ref], since.started_at)

    def activity(
        self, things: Sequence[Thing], found: Any, back: Used, since: Since
    ) -> Iterator[tuple[str, str]]:
        for thing in things:
            if thing.ref and thing.is_made:
                yield from ((thing.wanted.external_id, words) for words in back.get(int(thing.ref), ()))

    def forecast(self, thing: Thing, found: Any, back: Used) -> str:
        if thing.undo:
            return GIVEN_BACK.why
        return HAS_BILLED.why if _has_billed(back.get(int(thing.ref), ())) else ""

    def unrecorded(self, wanted: Wanted, found: Found) -> Sequence[Thing]:
        """Return the cards that staff linked, and one without a number where there is a parent alone.

        Active, either would have the next sync open in SteVe what the revert blocks there.
        """
        there = found.mappings.by_id_tag.get(wanted.id_tag.lower(), []) if wanted.id_tag else []
        cards = [
            Thing(wanted, str(mapping.id), is_made=False)
            for mapping in there
            if not mapping.is_of_platform and mapping.external_id in (None, wanted.external_id)
        ]
        if not cards and wanted.external_id in found.mappings.with_parent:
            return [Thing(wanted, "", is_made=False)]
        return cards

    @classmethod
    def stays(cls, number: int) -> str:
        return (
            f"{super().stays(number)} If that Polaris still syncs, it opens cards for which nobody pays any"
            " more: connect it again instead, or switch them off there first."
        )

    @classmethod
    def unrecorded_stays(cls) -> str:
        return "the run did not make it; it stays, inactive"

    def stop_all(self, things: Sequence[Thing], found: Any) -> None:
        """Put cards out of use, and the platform's parents of customers for whom nobody will pay any more."""
        there = mappings.find(self._database, ids=[int(thing.ref) for thing in things if thing.undo])
        ours = [
            int(thing.ref)
            for thing in things
            if thing.ref and _bills_as_left(thing, there.by_id.get(int(thing.ref)))
        ]
        ending = {thing.wanted.external_id for thing in things if Fact.SUBSCRIPTION_KEY in thing.facts}
        self._database.write(lambda cursor: mappings.stop(cursor, ours, sorted(ending)))

    def remove_all(self, things: Sequence[Thing], found: Any, *, discard: bool) -> Sequence[Removed]:
        sync.wait_idle(self._database, sleep=self._sleep)
        return self._database.write(lambda cursor: self._remove(cursor, things))

    def _remove(self, cursor: Cursor, things: Sequence[Thing]) -> Sequence[Removed]:
        columns = self._database.columns
        made = [int(thing.ref) for thing in things if not thing.undo]
        gone, kept = mappings.delete(cursor, made, has_issued_cards=columns.may_read("issued_cards"))
        if kept and columns.has_mirror:
            mappings.forget_parents(cursor, sorted(kept))
        free = {int(thing.ref) for thing in things if thing.facts.get(Fact.CHARGES_FREE)}
        if columns.has_tier:  # what stays charges for free no more, as the coupon goes
            mappings.set_tiers(cursor, dict.fromkeys(kept & free, STANDARD))
        before = {int(thing.ref): thing.undo for thing in things if thing.undo}
        given_back = mappings.give_back(cursor, before) if before else set()
        mappings.set_tiers(cursor, {one: before[one][TIER] for one in given_back if TIER in before[one]})
        missed = set(before) - given_back
        elsewhere = mappings.there(cursor, missed) if missed else set()
        outcomes = {
            **dict.fromkeys(gone, Removed(Removal.REMOVED)),
            **dict.fromkeys(kept, HAS_BILLED),
            **dict.fromkeys(given_back, GIVEN_BACK),
            **dict.fromkeys(elsewhere, ELSEWHERE),
        }
        return [outcomes.get(int(thing.ref), Removed(Removal.GONE)) for thing in things]


def _completed(verdict: Verdict) -> Made:
    """What the run had made itself and now goes on with was not there before: it has nothing to undo."""
    if verdict.action is Action.DONE:
        return Made(verdict.ref)
    return Made(verdict.ref, adopted=True, undo=verdict.undo)


def _conflict(wanted: Wanted, there: Sequence[PlatformMapping], user_id: str | None) -> str:
    """Say in whose way the row's card is; blank where it is the customer's own."""
    if len(there) > 1:
        return "twice"
    mapping = there[0]
    if mapping.is_of_platform:
        return "for something else than a card"
    if mapping.external_id != wanted.external_id or mapping.user_id not in (None, user_id):
        return "with another customer"
    return ""


def _is_number_taken(found: Found, ref: str, pk: int | None) -> bool:
    """Return whether another card has the number: SteVe was set up anew since, and counts from 1."""
    mapping = found.mappings.by_pk.get(pk) if pk is not None else None
    return mapping is not None and str(mapping.id) != ref


def _is_as_it_should_be(mapping: PlatformMapping, facts: Facts) -> bool:
    """Return whether it names its user, the subscription, and the idTag as SteVe has it."""
    return (
        mapping.user_id is not None
        and mapping.subscription_key == facts.get(Fact.SUBSCRIPTION_KEY)
        and facts.get(Fact.OCPP_TAG_PK, mapping.ocpp_tag_pk) == mapping.ocpp_tag_pk
        and facts.get(Fact.SESSION_ID_TAG, mapping.id_tag) == mapping.id_tag
    )


def _is_to_mark(mapping: PlatformMapping, facts: Facts) -> bool:
    """Return whether the platform does not know of a card that its customer charges for free."""
    return bool(facts.get(Fact.CHARGES_FREE)) and mapping.billing_tier not in (None, COMPED)


def _undo(mapping: PlatformMapping, subscription: str) -> dict[str, Any]:
    """Return how a mapping is that is about to change, and what it bills to after that."""
    return {
        "ocpp_tag_pk": mapping.ocpp_tag_pk,
        "id_tag": mapping.id_tag,
        "user_id": mapping.user_id,
        "is_active": mapping.is_active,
        "subscription_key": mapping.subscription_key,
        "billed_to": subscription,
    }


def _bills_as_left(thing: Thing, mapping: PlatformMapping | None) -> bool:
    if not thing.undo:
        return True
    return mapping is not None and mapping.subscription_key == thing.undo["billed_to"]


def _has_billed(words: Sequence[str]) -> bool:
    return any(not word.startswith(("other cards", "reservations")) for word in words)


def _new(task: Task) -> NewMapping:
    facts = task.facts
    return NewMapping(
        external_id=task.wanted.external_id,
        ocpp_tag_pk=facts[Fact.OCPP_TAG_PK],
        id_tag=facts[Fact.SESSION_ID_TAG],
        subscription_key=facts[Fact.SUBSCRIPTION_KEY],
        parent_id_tag=facts.get(Fact.PARENT_ID_TAG),
        expires_at=facts.get(Fact.EXPIRES_AT),
        display_name=CARD_NAME.of(task.wanted),
    )


def _change(task: Task) -> Change:
    facts = task.facts
    return Change(
        id=int(task.verdict.ref),
        ocpp_tag_pk=facts[Fact.OCPP_TAG_PK],
        id_tag=facts[Fact.SESSION_ID_TAG],
        user_id=facts.get(Fact.PLATFORM_USER, ""),  # without one it is left alone
        subscription_key=facts[Fact.SUBSCRIPTION_KEY],
        parent_id_tag=facts.get(Fact.PARENT_ID_TAG),
        expires_at=facts.get(Fact.EXPIRES_AT),
    )


def _adopted(task: Task, found: Found) -> Made | None:
    """Return the card that somebody made since the plan, if it is just what we would have made."""
    there = found.mappings.by_id_tag.get(task.wanted.id_tag.lower(), [])
    user = found.users.by_external_id.get(task.wanted.external_id)
    if not there or _conflict(task.wanted, there, user.id if user else None):
        return None
    return Made(str(there[0].id), adopted=True) if _is_as_it_should_be(there[0], task.facts) else None


def _taken() -> PolarisError:
    message = "The platform has the idTag, or SteVe's number of it, with somebody else by now"
    return PolarisError("platform_mapping_conflict", message)
