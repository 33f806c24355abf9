"""Take idTags out of SteVe again: block, look, delete, and leave what has a history or is not ours alone."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Lock

from charging.changes import AS_MADE, IS_BLOCKED, PARENT, as_left, changes
from charging.client import SteveClient
from charging.found import LONG_AGO, Closer, Sessions, Tags, sorted_out
from charging.values import BLOCKED, OcppTag, Transaction, folded
from charging.wire import SteveError
from kernel import Removal, Removed, Thing

STALE_S = 30.0  # how old the list may be that a removal goes by
DELETE_FAILED = 500  # what SteVe says of an idTag with others below it, for ever

OURS_NO_MORE = "our mapping of it has gone, and it changed in SteVe: block number {ref} there by hand"
UNMAPPED = "our mapping of it has gone; whether it is the same idTag, number {ref} in SteVe tells"
ANOTHER = "SteVe has another idTag under this number now"
WAS_THERE = "it was there before the run"
WITH_OTHERS = "other idTags stand under it in SteVe (idTags: {number})"
OF_ANOTHER = "it stands under another customer of the platform"
WITH_HISTORY = "its charging history (sessions: {number}) would be deleted with it"


def changed_since(thing: Thing, tag: OcppTag, tags: Tags) -> list[str]:
    """Name what people changed of an idTag that a run made or unblocked."""
    left = thing.undo.get("left", {}) if thing.undo else AS_MADE
    by_platform = {PARENT} if tags.is_under_own(tag, thing.wanted.external_id) else set()
    return [what for what in changes(left, tag) if what not in by_platform]


def by_number(sessions: Iterable[Transaction]) -> Sessions:
    found: dict[int, list[Transaction]] = defaultdict(list)
    for session in sessions:
        found[session.ocpp_tag_pk].append(session)
    return found


def why_kept(thing: Thing, tag: OcppTag, closer: Closer, now: datetime, gone: Set[int] = frozenset()) -> str:
    """Say why an idTag stays in SteVe, blocked where it can be; blank where it goes.

    `gone` are the numbers of those that went since the look.
    """
    if why := _why_not_ours(thing, tag, closer.tags):
        return why
    if not thing.wanted.id_tag:
        return _and_blocked(UNMAPPED.format(ref=thing.ref), thing, tag, now)
    why = _why_not_deleted(thing, tag, closer, gone)
    return _and_blocked(why, thing, tag, now) if why else ""


def _and_blocked(why: str, thing: Thing, tag: OcppTag, now: datetime) -> str:
    if _cannot_be_blocked(tag, now):
        return f"{why}; it has expired there, and SteVe blocks no such idTag"
    return f"{why}; it is blocked {'again' if thing.undo else 'instead'}"


def _why_not_deleted(thing: Thing, tag: OcppTag, closer: Closer, gone: Set[int]) -> str:
    if thing.undo:
        return WAS_THERE
    if below := closer.tags.below(tag) - gone:
        return WITH_OTHERS.format(number=len(below))
    if closer.tags.is_under_another(tag, thing.wanted.external_id):
        return OF_ANOTHER
    if used := len(closer.sessions.get(tag.ocpp_tag_pk, ())):
        return WITH_HISTORY.format(number=used)
    return ""


@dataclass(slots=True)
class Withdrawal:
    """Shared by threads. It goes by one list of all idTags, read again only where a revert takes long."""

    client: SteveClient
    now: Callable[[], datetime]
    clock: Callable[[], float]
    _newest: Tags = field(default_factory=lambda: Tags(read_at=LONG_AGO))
    _gone: set[int] = field(default_factory=set)  # deleted by now: they stand under nothing any more
    _lock: Lock = field(default_factory=Lock)

    def read(self) -> Tags:
        """Read all idTags: SteVe has no paging."""
        read_at = self.clock()
        return sorted_out(self.client.id_tags(), read_at)

    def stop(self, thing: Thing, found: Tags) -> None:
        """Block the idTag, so that no session begins that nobody pays or that a deletion would take along.

        Whoever changed it after the plan was made has not been asked about: that is an error of the row.
        """
        tags = self._fresh(found)
        tag = tags.numbered(thing.ref)
        if tag is None:
            self._require_gone(thing)
            return
        if _why_not_ours(thing, tag, tags):
            return
        if tags is not found and _newly_changed(thing, found, tags):
            raise SteveError("steve_changed", "Somebody changed the idTag in SteVe while the revert ran")
        if _is_to_be_freed(thing, tag, tags):  # under its parent the platform would open it again
            self._block(replace(tag, parent_id_tag=None), changed=True)
        else:
            self._block(tag)

    def look_closer(self, things: Sequence[Thing], found: Tags) -> Closer:
        """Read the sessions of the idTags that could be deleted, in one call."""
        tags = self._fresh(found)
        ours = [tag for thing in things if (tag := tags.numbered(thing.ref)) and not thing.undo]
        return Closer(tags, by_number(self.client.transactions_of(tag.id_tag for tag in ours)))

    def remove(self, thing: Thing, closer: Closer) -> Removed:
        """Delete what we made and nobody used. What else is ours stays, as `stop` left it: blocked."""
        tag = closer.tags.numbered(thing.ref)
        if tag is None:
            return Removed(Removal.GONE)
        if why := why_kept(thing, tag, closer, self.now(), self._gone):
            may_charge = bool(_why_not_ours(thing, tag, closer.tags)) and not tag.is_blocked
            return Removed(Removal.KEPT, why, in_use=may_charge and why != ANOTHER)
        return self._delete(thing, tag)

    def _delete(self, thing: Thing, tag: OcppTag) -> Removed:
        try:
            there = self.client.delete_id_tag(tag.ocpp_tag_pk)
        except SteveError as error:
            if error.status != DELETE_FAILED or not (below := self.client.children_of(tag.id_tag)):
                raise
            why = WITH_OTHERS.format(number=len(below))
            return Removed(Removal.KEPT, _and_blocked(why, thing, tag, self.now()))
        self._gone.add(tag.ocpp_tag_pk)
        return Removed(Removal.REMOVED if there else Removal.GONE)

    def _block(self, tag: OcppTag, *, changed: bool = False) -> None:
        """Write the idTag blocked, unless it is so already and nothing else of it is `changed`."""
        if tag.is_expired(self.now()) or (tag.is_blocked and not changed):
            return
        try:
            self.client.update_id_tag(tag, max_active_transaction_count=BLOCKED)
        except SteveError as error:
            if not error.is_not_found:  # it has gone since the list was read
                raise

    def _require_gone(self, thing: Thing) -> None:
        """Take no list's word for it: one that is only left out would charge with nobody to pay."""
        if self.client.get_id_tag(int(thing.ref)) is not None:
            raise SteveError("steve_unexpected", "SteVe has the idTag, but its list leaves it out", down=True)

    def _fresh(self, found: Tags) -> Tags:
        """Return `found`, or a newer list where that is old: a PUT writes back all that it says."""
        with self._lock:
            newest = max(found, self._newest, key=lambda tags: tags.read_at)
            if self.clock() - newest.read_at > STALE_S:
                newest = self._newest = self.read()
            # What is found may be a part: then of other customers than the newest was read for.
            return newest if newest is found else replace(newest, own_parents=found.own_parents)


def _is_to_be_freed(thing: Thing, tag: OcppTag, tags: Tags) -> bool:
    """Return whether the platform has put the idTag under its parent since the run."""
    if not tags.is_under_own(tag, thing.wanted.external_id):
        return False
    alone = as_left(replace(tag, parent_id_tag=None))["parent"]
    return not thing.undo or thing.undo.get("left", {}).get("parent") == alone


def _cannot_be_blocked(tag: OcppTag, now: datetime) -> bool:
    """SteVe takes no PUT with an expiry in the past, and an expired idTag does not charge anyway."""
    return not tag.is_blocked and tag.is_expired(now)


def _why_not_ours(thing: Thing, tag: OcppTag, tags: Tags) -> str:
    if not thing.wanted.id_tag:  # only that nobody has touched it says that it is the one we made
        return OURS_NO_MORE.format(ref=thing.ref) if _may_be_another(thing, tag, tags) else ""
    return "" if folded(tag.id_tag) == folded(thing.wanted.id_tag) else ANOTHER


def _may_be_another(thing: Thing, tag: OcppTag, tags: Tags) -> bool:
    return any(what != IS_BLOCKED for what in changed_since(thing, tag, tags))


def _newly_changed(thing: Thing, found: Tags, newer: Tags) -> bool:
    before, tag = found.numbered(thing.ref), newer.numbered(thing.ref)
    known = set(changed_since(thing, before, found)) if before else set()
    now = set(changed_since(thing, tag, newer)) if tag else set()
    return bool(now - known - {IS_BLOCKED})
