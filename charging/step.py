"""The step `steve_id_tag`: an idTag that SteVe lets charge."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from charging import cost, reports
from charging.client import SteveClient
from charging.values import BLOCKED, UNLIMITED, OcppTag, Transaction, folded
from charging.wire import SteveError
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
)

# Tells our own idTag after a lost answer. The platform overwrites notes later, so it is good for that only.
OUR_NOTE = "Made by Polaris Backfill"

EXISTS_ALREADY = 422
UNBLOCKED = {"unblocked": True}  # what a removal must know: it blocks such an idTag again
CLOCK_TOLERANCE = timedelta(minutes=10)  # between our clock and SteVe's
LONG_S = 3600
OURS = re.compile(r"[A-Za-z0-9_-]{1,20}")  # what an idTag of the platform can be; SteVe keeps others too
READ_BACK = timedelta(days=1)  # a session that began before the run may have ended in it

Found = Mapping[str, OcppTag]  # by `folded` idTag
Sessions = Mapping[str, Sequence[Transaction]]  # by SteVe's number of the idTag


class SteveIdTagStep(Step):
    """Make sure that SteVe knows an idTag and authorises it.

    `remove` takes an idTag away only if nothing was ever charged with it: with the idTag, SteVe would
    delete its charging history.
    """

    name = "steve_id_tag"
    noun = "idTag"
    system = "SteVe"
    per = Per.CARD
    variables = ("STEVE_BASE_URL", "STEVE_API_USERNAME", "STEVE_API_KEY")
    alters = "steve_id_tag_unblocked"

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
        self, client: SteveClient, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._client = client
        self._now = now

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

    def look_up(self, rows: Iterable[Wanted]) -> Found:
        """Read all idTags: SteVe has no paging, so one call serves all rows."""
        return self._client.id_tags()

    def check(self, wanted: Wanted, found: Found) -> Verdict:
        if not wanted.id_tag:
            return Verdict(None)
        tag = found.get(folded(wanted.id_tag))
        if tag is None:
            return Verdict(Action.CREATE)
        problems = self._problems(tag)
        if not OURS.fullmatch(tag.id_tag):  # it cannot be adopted, and SteVe refuses ours as its double
            return Verdict(None, ref=str(tag.ocpp_tag_pk), problems=problems)
        return Verdict(
            None if problems else Action.ADOPT,
            ref=str(tag.ocpp_tag_pk),
            problems=problems,
            warnings=_warnings(wanted, tag),
            exists=() if tag.was_auto_inserted else (reports.exists(tag),),
            change=tag.is_blocked,
            key=_key(wanted, tag),
            undo=UNBLOCKED if tag.is_blocked else None,
            once_finished=self._once_finished(tag),
        )

    def tell(self, wanted: Wanted, ref: str, key: str) -> Facts:
        facts: dict[str, Any] = {Fact.SESSION_ID_TAG: key or wanted.id_tag}
        return facts | {Fact.OCPP_TAG_PK: int(ref)} if ref else facts

    def altered(self, wanted: Wanted, ref: str) -> Problem:
        return reports.unblocked(wanted.id_tag, ref)

    def expected_s(self, new: int, altered: int, found: Found) -> float | None:
        call_s = self._client.call_s
        if call_s is None:
            return None
        there = len(found)
        return cost.creates_s(new, there=there, call_s=call_s) + cost.unblocking_s(altered, call_s=call_s)

    def expected_removal_s(self, number: int, found: Found) -> float | None:
        call_s = self._client.call_s
        return None if call_s is None else cost.removals_s(number, there=len(found), call_s=call_s)

    def create(self, task: Task) -> Made:
        """Make the idTag, or unblock the one that the verdict found: adopted, or ours and blocked since."""
        wanted, verdict = task.wanted, task.verdict
        if verdict.change:
            found = self._client.get_id_tag(int(verdict.ref))
            return self._put_right(wanted, found, ours=verdict.action is Action.DONE)
        try:
            tag = self._client.create_id_tag(
                wanted.id_tag, max_active_transaction_count=UNLIMITED, note=OUR_NOTE
            )
        except SteveError as error:
            return self._settle(wanted, error)
        if tag.id_tag != wanted.id_tag or tag.is_blocked:
            raise SteveError("steve_unexpected", "SteVe made another idTag than the one asked for", sent=True)
        return Made(ref=str(tag.ocpp_tag_pk))

    def remove(self, thing: Thing, found: Found) -> Removed:
        """Delete what we made, block again what we unblocked; `found` may be old, so it is read again."""
        tag = self._client.get_id_tag(int(thing.ref))
        if tag is None:
            return Removed(Removal.GONE)
        if not thing.wanted.id_tag:
            why = f"our mapping of it has gone; look at number {thing.ref} in SteVe by hand"
            return Removed(Removal.KEPT, why)
        if folded(tag.id_tag) != folded(thing.wanted.id_tag):
            return Removed(Removal.KEPT, "SteVe has another idTag under this number now")
        if thing.undo.get("unblocked"):
            self._block(tag)
            return Removed(Removal.KEPT, "it was there before the run; it is blocked again")
        return self._delete_unless_used(tag)

    def look_back(self, things: Sequence[Thing], since: Since) -> Sessions:
        """Read the newer charging sessions, in one call."""
        numbers = {thing.ref for thing in things}
        found: dict[str, list[Transaction]] = defaultdict(list)
        for session in self._client.transactions(since=since.started_at - READ_BACK) if numbers else ():
            if str(session.ocpp_tag_pk) in numbers:
                found[str(session.ocpp_tag_pk)].append(session)
        return found

    def activity(
        self, things: Sequence[Thing], found: Found, back: Sessions, since: Since
    ) -> Iterator[tuple[str, str]]:
        """A session that ended before the run was over before anybody could be billed for it."""
        began = since.started_at - CLOCK_TOLERANCE
        for thing in things:
            sessions = back.get(thing.ref, ())
            if any(session.stopped_at is None or session.stopped_at >= began for session in sessions):
                yield thing.wanted.external_id, "charged since"

    def forecast(self, thing: Thing, back: Sessions) -> str:
        if thing.undo:
            return "it was there before the run; it is blocked again"
        return "it has charged; it is blocked, and kept with its history" if back.get(thing.ref) else ""

    def compare(self, thing: Thing, found: Found) -> Sequence[Divergence]:
        wanted = thing.wanted
        if not wanted.id_tag:
            return []  # our mapping of it is missing, which is told already
        tag = found.get(folded(wanted.id_tag))
        if tag is None:
            return [reports.missing(wanted)]
        divergences = [
            reports.replaced(thing.ref, tag) if str(tag.ocpp_tag_pk) != thing.ref else None,
            reports.blocked(tag) if tag.is_blocked else None,
            reports.expired_since(tag) if tag.is_expired(self._now()) else None,
            reports.respelled(wanted, tag) if tag.id_tag != wanted.id_tag else None,
        ]
        return [divergence for divergence in divergences if divergence is not None]

    def _problems(self, tag: OcppTag) -> tuple[Problem, ...]:
        if not OURS.fullmatch(tag.id_tag):
            return (reports.unusable(tag),)
        taken = [reports.taken(tag)] if tag.is_under_platform_customer else []
        expired = [reports.expired(tag)] if tag.is_expired(self._now()) else []
        return (*taken, *expired)

    def _once_finished(self, tag: OcppTag) -> tuple[Problem, ...]:
        """Say what keeps the idTag of a finished row from charging; the platform's parents do not."""
        if tag.is_expired(self._now()):
            return (reports.left_expired(tag),)
        return (reports.left_blocked(tag),) if tag.is_blocked else ()

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
        if _is_as_we_make_it(wanted, tag):
            return Made(ref=str(tag.ocpp_tag_pk))
        if self._problems(tag):
            raise SteveError("steve_refused", "Somebody else has made this idTag in SteVe meanwhile")
        return self._put_right(wanted, tag)

    def _put_right(self, wanted: Wanted, tag: OcppTag | None, *, ours: bool = False) -> Made:
        if tag is None:
            raise SteveError("steve_refused", "The idTag has gone from SteVe since the plan was made")
        if tag.is_blocked:
            self._client.update_id_tag(tag, max_active_transaction_count=UNLIMITED)
        undo = UNBLOCKED if tag.is_blocked and not ours else None
        return Made(ref=str(tag.ocpp_tag_pk), adopted=not ours, key=_key(wanted, tag), undo=undo)

    def _delete_unless_used(self, tag: OcppTag) -> Removed:
        """Block first and look then, so that no session begins between looking and deleting."""
        self._block(tag)
        sessions = self._client.transactions(id_tag=tag.id_tag)
        used = sum(session.ocpp_tag_pk == tag.ocpp_tag_pk for session in sessions)
        if used:
            why = f"its charging history (sessions: {used}) would be deleted with it; it is blocked instead"
            return Removed(Removal.KEPT, why)
        there = self._client.delete_id_tag(tag.ocpp_tag_pk)
        return Removed(Removal.REMOVED if there else Removal.GONE)

    def _block(self, tag: OcppTag) -> None:
        # SteVe takes no PUT with an expiry in the past, and an expired idTag does not charge anyway.
        if not tag.is_blocked and not tag.is_expired(self._now()):
            self._client.update_id_tag(tag, max_active_transaction_count=BLOCKED)


def _is_as_we_make_it(wanted: Wanted, tag: OcppTag) -> bool:
    return (
        tag.id_tag == wanted.id_tag
        and tag.max_active_transaction_count == UNLIMITED
        and tag.note == OUR_NOTE
        and tag.parent_id_tag is None
        and tag.expiry_date is None
    )


def _warnings(wanted: Wanted, tag: OcppTag) -> tuple[Problem, ...]:
    warnings = [
        reports.unblocks(tag.id_tag, str(tag.ocpp_tag_pk)) if tag.is_blocked else None,
        reports.spelling(wanted, tag) if tag.id_tag != wanted.id_tag else None,
        reports.in_transaction(tag) if tag.in_transaction else None,
        reports.has_user(tag) if tag.user_pk is not None else None,
    ]
    return tuple(warning for warning in warnings if warning is not None)


def _key(wanted: Wanted, tag: OcppTag) -> str:
    return tag.id_tag if tag.id_tag != wanted.id_tag else ""
