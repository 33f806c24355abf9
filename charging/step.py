"""The step `steve_id_tag`: an idTag that SteVe lets charge."""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from charging import cost, reports
from charging.changes import IS_BLOCKED, OUR_NOTE, as_left, is_as_made
from charging.client import SteveClient
from charging.found import LONG_AGO, Closer, Sessions, Tags, sorted_out
from charging.values import BLOCKED, UNLIMITED, OcppTag, Transaction, folded
from charging.wire import SteveError
from charging.withdrawal import Withdrawal, by_number, changed_since, why_kept
from kernel import (
    Action,
    Divergence,
    Fact,
    Facts,
    Made,
    Per,
    Problem,
    Removed,
    Since,
    Step,
    Task,
    Thing,
    Verdict,
    Wanted,
)

EXISTS_ALREADY = 422
CLOCK_TOLERANCE = timedelta(minutes=10)  # between our clock and SteVe's
LONG_S = 3600
OwnParents = Callable[[Iterable[str]], Mapping[str, Iterable[str]]]  # idTags by external_id
OURS = re.compile(r"[A-Za-z0-9_-]{1,20}")  # what an idTag of the platform can be; SteVe keeps others too
READ_BACK = timedelta(days=1)  # a session that began before the run may have ended in it


class SteveIdTagStep(Step):
    """Make sure that SteVe knows an idTag and authorises it; `Withdrawal` takes that back."""

    name = "steve_id_tag"
    noun = "idTag"
    system = "SteVe"
    per = Per.CARD
    stops = True
    looks_closer = True
    variables = ("STEVE_BASE_URL", "STEVE_API_USERNAME", "STEVE_API_KEY")
    alters = "steve_id_tag_unblocked"
    repairs = frozenset({"missing"})
    consequences = {
        "missing": "Chargers refuse the card.",
        "blocked": "Chargers refuse the card.",
        "expired": "Chargers refuse the card.",
        "other_spelling": "What is charged with the card is billed to nobody.",
        "sessions_misspelt": "Those sessions are billed to nobody.",
    }

    @classmethod
    def stays(cls, number: int) -> str:
        return (
            f"{super().stays(number)} They may charge without being billed. If that SteVe still works, block"
            " them there; the manifest gives the number of each."
        )

    @classmethod
    def altering(cls, number: int) -> str:
        return reports.unblocking(number)

    @classmethod
    def takes_long(cls, seconds: float) -> Problem | None:
        return reports.takes_long() if seconds > LONG_S else None

    def __init__(
        self,
        client: SteveClient,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
        own_parents: OwnParents | None = None,
    ) -> None:
        """`own_parents` finds what the platform made of customers; None where no platform is beside."""
        self._client = client
        self._now = now
        self._own_parents = own_parents
        # Beside a platform, blocked is what its own mapping makes of it at each sync.
        self.harmless = ("sessions_misspelt",) if own_parents is None else ("sessions_misspelt", "blocked")
        self._withdrawal = Withdrawal(client, now=now, clock=clock)

    def preflight(self) -> None:
        self._client.preflight()

    def close(self) -> None:
        self._client.close()

    def identity(self) -> str:
        return self._client.url

    def is_same(self, identity: str, things: Sequence[Thing]) -> bool:
        """Know it by what the run made in it: one SteVe has many addresses, as seen from here and there."""
        if super().is_same(identity, things) or not things:
            return True
        tags = [(self._client.get_id_tag(int(thing.ref)), thing.wanted.id_tag) for thing in things]
        return any(tag and folded(tag.id_tag) == folded(id_tag) for tag, id_tag in tags)

    def look_up(self, rows: Iterable[Wanted]) -> Tags:
        """Read all idTags: SteVe has no paging, so one call serves all rows."""
        tags = self._withdrawal.read()
        if self._own_parents is None:
            return tags
        parents = self._own_parents({row.external_id for row in rows if row.external_id})
        folded_parents = {key: {folded(parent) for parent in some} for key, some in parents.items()}
        return replace(tags, own_parents=folded_parents)

    def check(self, wanted: Wanted, found: Tags) -> Verdict:
        if not wanted.id_tag:
            return Verdict(None)
        tag = found.named(wanted.id_tag)
        if tag is None:
            return Verdict(Action.CREATE, warnings=found.alike.warnings(wanted.id_tag))
        problems = self._problems(wanted, tag, found)
        if not OURS.fullmatch(tag.id_tag):  # it cannot be adopted, and SteVe refuses ours as its double
            return Verdict(None, ref=str(tag.ocpp_tag_pk), problems=problems)
        unblocks = tag.is_blocked and not self._waits(wanted)
        return Verdict(
            None if problems else Action.ADOPT,
            ref=str(tag.ocpp_tag_pk),
            problems=problems,
            warnings=_warnings(wanted, tag, unblocks=unblocks),
            exists=() if tag.was_auto_inserted else (reports.exists(tag),),
            change=unblocks,
            key=_key(wanted, tag),
            undo=_undo(tag) if unblocks else None,
            once_finished=self._once_finished(tag),
            tells=_tells(tag),
            looks_made=self._looks_made(wanted, tag, found),
        )

    def reconsider(self, wanted: Wanted, found: Tags, verdict: Verdict, facts: Facts) -> Verdict:
        """Warn of a card that is open already and paid for later: what was there is not blocked by us."""
        tag = found.numbered(verdict.ref) if verdict.action is Action.ADOPT else None
        begins = facts.get(Fact.PAYS_FROM) or wanted.subscription_at
        if tag is None or tag.is_blocked or self._own_parents is None:
            return verdict
        if begins is None or begins <= self._now():
            return verdict
        return replace(verdict, warnings=(*verdict.warnings, reports.open_early(tag, begins)))

    @staticmethod
    def _looks_made(wanted: Wanted, tag: OcppTag, found: Tags) -> bool:
        under_stranger = tag.parent_id_tag is not None and not found.is_under_own(tag, wanted.external_id)
        return tag.id_tag == wanted.id_tag and is_as_made(tag) and not under_stranger

    def _waits(self, wanted: Wanted) -> bool:
        """Return whether the platform will open the card itself, on the day from which it is paid for."""
        begins = wanted.subscription_at
        return self._own_parents is not None and begins is not None and begins > self._now()

    def tell(self, wanted: Wanted, ref: str, key: str) -> Facts:
        facts: dict[str, Any] = {Fact.SESSION_ID_TAG: key or wanted.id_tag}
        return facts | {Fact.OCPP_TAG_PK: int(ref)} if ref else facts

    def altered(self, wanted: Wanted, ref: str) -> Problem:
        return reports.unblocked(wanted.id_tag, ref)

    def expected_s(self, new: int, altered: int, found: Tags) -> float | None:
        call_s = self._client.call_s
        if call_s is None:
            return None
        there = len(found.by_pk)
        return cost.creates_s(new, there=there, call_s=call_s) + cost.unblocking_s(altered, call_s=call_s)

    def expected_removal_s(self, number: int, found: Tags) -> float | None:
        call_s = self._client.call_s
        return None if call_s is None else cost.removals_s(number, there=len(found.by_pk), call_s=call_s)

    def create(self, task: Task) -> Made:
        """Make the idTag, or unblock the one that the verdict found: adopted, or ours and blocked since."""
        wanted, verdict = task.wanted, task.verdict
        if verdict.change:
            found = self._client.get_id_tag(int(verdict.ref))
            return self._put_right(wanted, found, ours=verdict.action is Action.DONE)
        limit = BLOCKED if self._waits(wanted) else UNLIMITED
        try:
            tag = self._client.create_id_tag(wanted.id_tag, max_active_transaction_count=limit, note=OUR_NOTE)
        except SteveError as error:
            return self._settle(wanted, error)
        if tag.id_tag != wanted.id_tag or tag.max_active_transaction_count != limit:
            raise SteveError("steve_unexpected", "SteVe made another idTag than the one asked for", sent=True)
        return Made(ref=str(tag.ocpp_tag_pk))

    # --- Reconcile -----------------------------------------------------------------------------------

    def look_again(self, things: Iterable[Thing], since: Since) -> Tags:
        """Read all idTags, and the newer sessions: what is spelled otherwise than we do, nobody bills."""
        tags = self._withdrawal.read()
        ours = {int(thing.ref): thing.wanted.id_tag for thing in things if thing.ref and thing.wanted.id_tag}
        sessions = self._client.transactions(since=since.started_at) if ours else ()
        misspelt = Counter(
            session.ocpp_tag_pk
            for session in sessions
            if session.has_charged and ours.get(session.ocpp_tag_pk, session.id_tag) != session.id_tag
        )
        return replace(tags, misspelt=misspelt)

    def compare(self, thing: Thing, found: Tags) -> Sequence[Divergence]:
        wanted = thing.wanted
        if not wanted.id_tag:
            return []  # our mapping of it is missing, which is told already
        tag = found.named(wanted.id_tag)
        if tag is None:
            return [reports.missing(wanted)]
        misspelt = found.misspelt.get(tag.ocpp_tag_pk, 0)
        divergences = [
            reports.replaced(thing.ref, tag) if str(tag.ocpp_tag_pk) != thing.ref else None,
            self._blocked(tag) if tag.is_blocked and not self._waits(wanted) else None,
            reports.expired_since(tag) if tag.is_expired(self._now()) else None,
            reports.respelled(wanted, tag) if tag.id_tag != wanted.id_tag else None,
            reports.misspelt_sessions(tag, misspelt) if misspelt else None,
        ]
        return [divergence for divergence in divergences if divergence is not None]

    def id_tag_of(self, thing: Thing, found: Tags) -> str:
        tag = found.numbered(thing.ref)
        return tag.id_tag if tag and OURS.fullmatch(tag.id_tag) else ""

    # --- Revert --------------------------------------------------------------------------------------

    def part_of(self, found: Tags, things: Sequence[Thing]) -> Tags:
        """Take the idTags of these things, and what stands under them: how old, another clock cannot tell."""
        named = (found.named(thing.wanted.id_tag) for thing in things if thing.wanted.id_tag)
        tags = {tag for tag in (*named, *(found.numbered(thing.ref) for thing in things)) if tag}
        below = {found.by_pk[number] for tag in tags for number in found.below(tag)}
        owners = {thing.wanted.external_id for thing in things} & found.own_parents.keys()
        parents = {who: found.own_parents[who] for who in owners}
        return replace(sorted_out([*tags | below], read_at=LONG_AGO), own_parents=parents)

    def look_back(self, things: Iterable[Thing], since: Since) -> Sessions:
        """Read the newer charging sessions, in one call."""
        numbers = {int(thing.ref) for thing in things if thing.ref}
        sessions = self._client.transactions(since=since.started_at - READ_BACK) if numbers else ()
        return by_number(session for session in sessions if session.ocpp_tag_pk in numbers)

    def activity(
        self, things: Sequence[Thing], found: Tags, back: Sessions, since: Since
    ) -> Iterator[tuple[str, str]]:
        for thing in things:
            if (tag := found.numbered(thing.ref)) is None:
                continue
            if any(_is_since(session, thing, since) for session in back.get(tag.ocpp_tag_pk, ())):
                yield thing.wanted.external_id, "charged since"
            if not thing.is_made and not thing.undo:
                continue  # it stays as it is
            changed = changed_since(thing, tag, found)
            if since.reverting or thing.undo:  # a revert does so, and so it was before
                changed = [what for what in changed if what != IS_BLOCKED]
            if changed:
                yield thing.wanted.external_id, f"changed in SteVe: {', '.join(changed)}"
            if below := found.below(tag):
                yield thing.wanted.external_id, f"other idTags stand under it in SteVe: {len(below)}"

    def forecast(self, thing: Thing, found: Tags, back: Sessions) -> str:
        tag = found.numbered(thing.ref)
        return why_kept(thing, tag, Closer(found, back), self._now()) if tag else ""

    def stop(self, thing: Thing, found: Tags) -> None:
        self._withdrawal.stop(thing, found)

    def look_closer(self, things: Sequence[Thing], found: Tags) -> Closer:
        return self._withdrawal.look_closer(things, found)

    def remove(self, thing: Thing, closer: Closer) -> Removed:
        return self._withdrawal.remove(thing, closer)

    # --- Create --------------------------------------------------------------------------------------

    def _blocked(self, tag: OcppTag) -> Divergence:
        return reports.blocked(tag) if self._own_parents is None else reports.blocked_beside_platform(tag)

    def _problems(self, wanted: Wanted, tag: OcppTag, found: Tags) -> tuple[Problem, ...]:
        if not OURS.fullmatch(tag.id_tag):
            return (reports.unusable(tag),)
        taken = [reports.taken(tag)] if found.is_under_another(tag, wanted.external_id) else []
        expired = [reports.expired(tag)] if tag.is_expired(self._now()) else []
        return (*taken, *expired)

    def _once_finished(self, tag: OcppTag) -> tuple[Problem, ...]:
        """Say what keeps the idTag of a finished row from charging; the platform's parents do not."""
        if tag.is_expired(self._now()):
            return (reports.left_expired(tag),)
        beside = self._own_parents is not None
        return (reports.left_blocked(tag, beside_platform=beside),) if tag.is_blocked else ()

    def _settle(self, wanted: Wanted, error: SteveError) -> Made:
        """Look what became of a create without a usable answer, or of one that SteVe refused as a double."""
        if not error.sent and error.status != EXISTS_ALREADY:
            raise error
        try:
            tag = self._client.find_id_tag(wanted.id_tag)
        except SteveError:
            raise error from None  # still in doubt, which a look-up that never left would hide
        if tag is None:
            raise error
        # The platform overwrites notes within seconds: absent before, and under our own intent, is proof.
        if self._looks_made(wanted, tag, Tags()) and (error.sent or tag.note == OUR_NOTE):
            return self._put_right(wanted, tag, ours=True)
        if self._problems(wanted, tag, Tags()):
            raise SteveError("steve_refused", "Somebody else has made this idTag in SteVe meanwhile")
        return self._put_right(wanted, tag)

    def _put_right(self, wanted: Wanted, tag: OcppTag | None, *, ours: bool = False) -> Made:
        if tag is None:
            raise SteveError("steve_refused", "The idTag has gone from SteVe since the plan was made")
        unblocks = tag.is_blocked and not self._waits(wanted)
        if unblocks:
            self._client.update_id_tag(tag, max_active_transaction_count=UNLIMITED)
        undo = _undo(tag) if unblocks and not ours else None
        ref, key = str(tag.ocpp_tag_pk), _key(wanted, tag)
        return Made(ref, adopted=not ours, key=key, undo=undo, tells=_tells(tag))


def _undo(tag: OcppTag) -> dict[str, Any]:
    """Return what a removal must know of an idTag that is unblocked: to block it again, unless it changed."""
    return {"unblocked": True, "left": as_left(tag)}


def _is_since(session: Transaction, thing: Thing, since: Since) -> bool:
    """Return whether a session belongs to the time after the run.

    On what the run made, every session does. On what was there before, those that ended before it were over
    before anybody could be billed; clocks differ, so one that charged shortly before it counts too.
    """
    if session.stopped_at is None or (thing.is_made and not thing.undo):
        return True
    tolerance = CLOCK_TOLERANCE if session.has_charged else timedelta(0)
    return session.stopped_at >= since.started_at - tolerance


def _warnings(wanted: Wanted, tag: OcppTag, *, unblocks: bool) -> tuple[Problem, ...]:
    warnings = [
        reports.unblocks(tag.id_tag, str(tag.ocpp_tag_pk)) if unblocks else None,
        reports.spelling(wanted, tag) if tag.id_tag != wanted.id_tag else None,
        reports.in_transaction(tag) if tag.in_transaction else None,
        reports.has_user(tag) if tag.user_pk is not None else None,
    ]
    return tuple(warning for warning in warnings if warning is not None)


def _tells(tag: OcppTag) -> Facts:
    return {Fact.PARENT_ID_TAG: tag.parent_id_tag, Fact.EXPIRES_AT: tag.expires_at}


def _key(wanted: Wanted, tag: OcppTag) -> str:
    return tag.id_tag if tag.id_tag != wanted.id_tag else ""
