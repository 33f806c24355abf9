"""After a run or a revert beside a platform: its sync is woken, and what SteVe has then is looked at.

The cards are in the platform's hands: it opens and blocks them. A card that is not as it should be is named,
with its cause and what to do. Nothing is written but the notification.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from django.db.models import Exists, OuterRef, Q

from charging.values import OcppTag
from customers.backfill.engine.stop import Stop
from customers.backfill.ledger.recorded import BY_CHOICE, LEFT_OUT
from customers.backfill.systems import Systems
from customers.models import BackfillRun, BackfillStep
from kernel import RemoteError
from polaris import PlatformDatabase, caches, mappings, sync
from polaris.mappings import PlatformMapping
from polaris.sync import Synced

State = BackfillStep.State
CARD, MAPPING, PAYS = "steve_id_tag", "platform_mapping", "lago_subscription"
UNWELL = ("blocked", "open", "open_early", "parent_active")
OF_CACHES = ("cache_hides", "cache_unseen")  # says nothing of cards
NAMED = 5
NOTIFIED = "notified"  # how the sync went where nobody waited for it


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that is not as it should be: of how many cards, which of them, and what to do."""

    code: str
    number: int
    examples: Sequence[str]  # external_ids
    message: str
    remedy: str

    def as_json(self) -> dict[str, object]:
        return {
            "code": self.code, "number": self.number, "examples": list(self.examples),
            "message": self.message, "remedy": self.remedy,
        }  # fmt: skip

    @property
    def is_unwell(self) -> bool:
        """Return whether cards are open or blocked against what they should be."""
        return self.code in UNWELL

    @property
    def sentence(self) -> str:
        """Say what is not as it should be, and of whom."""
        more = ", …" if self.number > len(self.examples) else ""
        named = f" ({', '.join(self.examples)}{more})" if self.examples else ""
        return f"{self.message.rstrip('.')}{named}."


@dataclass(frozen=True, slots=True)
class SettlingIn:
    """`synced` is how the platform's sync went; blank where there is no platform."""

    synced: str = ""
    remarks: Sequence[Remark] = ()

    @property
    def is_well(self) -> bool:
        """Return whether nothing was seen to be open or blocked against what it should be."""
        return not any(remark.is_unwell for remark in self.remarks)

    @property
    def sentence(self) -> str:
        """Say how the sync went where no card is remarked on; blank where one is, or without a platform."""
        if self.synced == NOTIFIED:
            return "The platform was told to sync; nobody waited for it."
        in_order = "The platform has synced since, and all cards are as they should be."
        return in_order if self.are_cards_in_order else ""

    @classmethod
    def kept(cls, told: Mapping[str, Any]) -> Self:
        """Read what `as_json` gave, and was kept."""
        return cls(str(told.get("sync", "")), [Remark(**remark) for remark in told.get("remarks", ())])

    @property
    def are_cards_in_order(self) -> bool:
        """Return whether all cards were looked at, and there is nothing to say of any."""
        return self.synced == Synced.COMPLETED and all(one.code in OF_CACHES for one in self.remarks)

    def as_json(self) -> dict[str, object] | None:
        if not self.synced:
            return None
        return {"sync": self.synced, "remarks": [remark.as_json() for remark in self.remarks]}


@dataclass(frozen=True, slots=True)
class Card:
    external_id: str
    ref: str
    begins_at: datetime | None

    def is_due(self, now: datetime) -> bool:
        """Return whether its subscription has begun, or was not ours to begin."""
        return self.begins_at is None or self.begins_at <= now


def settle_in(
    run: BackfillRun,
    systems: Systems,
    *,
    stop: Stop,
    tell: Callable[[str], None],
    now: datetime,
    reverted: bool = False,
    waits: bool = True,
    since: datetime | None = None,
    seconds: float | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> SettlingIn:
    """Wake the platform's sync, wait for it, and look; raises nothing. Without a platform, does nothing.

    Who waits in slices says since when, by the platform's clock, and for how many seconds still.
    """
    if systems.platform is None or systems.steve is None:
        return SettlingIn()
    cards = list(_cards(run, reverted=reverted))
    if not cards:
        return SettlingIn()
    seconds = sync.patience_s(len(cards)) if seconds is None else seconds
    try:
        hidden = () if reverted else tuple(_hidden(run, systems.platform, cards))
        if not waits:
            sync.notify(systems.platform)
            return SettlingIn(NOTIFIED, hidden)
        tell(f"Waiting for the platform's sync, for up to {seconds:,.0f} s …")
        synced = sync.wait(
            systems.platform,
            seconds=seconds,
            since=since,
            stopped=lambda: stop.requested,
            sleep=stop.sleep,
            clock=clock,
        )
        if synced is not Synced.COMPLETED:
            return SettlingIn(synced.value, [*hidden, _not_synced(synced, len(cards))])
        tags = {tag.ocpp_tag_pk: tag for tag in systems.steve.id_tags()}
        metas = mappings.metas(systems.platform, {card.external_id for card in cards})
        if reverted:
            return SettlingIn(synced.value, [*_open(cards, tags), *_active_parents(run, cards, metas)])
        early = _open_early(run, systems.platform, cards, tags, now)
        seen = [*_blocked(cards, tags, now), *early, *_lost_races(cards, metas, now)]
        return SettlingIn(synced.value, [*hidden, *seen])
    except RemoteError as error:
        remedy = "Look with backfill_reconcile when it works again."
        return SettlingIn("failed", [Remark("not_looked", len(cards), (), f"{error}.", remedy)])


def cards_to_look_at(run: BackfillRun, *, reverted: bool) -> int:
    return sum(1 for _ in _cards(run, reverted=reverted))


def nobody_waits(run: BackfillRun, *, reverted: bool) -> SettlingIn:
    """Say what it means that somebody ended the wait."""
    cards = cards_to_look_at(run, reverted=reverted)
    return SettlingIn(Synced.STOPPED.value, [_not_synced(Synced.STOPPED, cards)])


def _cards(run: BackfillRun, *, reverted: bool) -> Iterator[Card]:
    """Give the cards that are to be open, or after a revert those for which nobody pays any more."""
    states = (State.KEPT, State.REMOVED) if reverted else (State.CREATED, State.ADOPTED)
    steps = BackfillStep.objects.filter(row__run=run, name=CARD, state__in=states).exclude(ref="")
    if reverted:  # what was told to stay goes on; so may a card that the platform had before the run
        before = BackfillStep.objects.filter(~Q(undo={}) | Q(state=State.ADOPTED), name=MAPPING)
        steps = steps.exclude(code__in=[BY_CHOICE, LEFT_OUT])
        steps = steps.exclude(Exists(before.filter(row=OuterRef("row"))))
    else:
        steps = steps.exclude(row__outcome__in=["", "failed"])
    for external_id, ref, begins_at in steps.order_by("row__line").values_list(
        "row__external_id", "ref", "row__subscription_at"
    ):
        yield Card(external_id, ref, begins_at)


def _hidden(run: BackfillRun, platform: PlatformDatabase, cards: Iterable[Card]) -> Iterator[Remark]:
    """Name what an earlier revert left in the platform's caches, where our role may not clear it."""
    made = BackfillStep.objects.filter(row__run=run, name=MAPPING, state__in=(State.CREATED, State.ADOPTED))
    numbers = {int(ref) for ref in made.exclude(ref="").values_list("ref", flat=True)}
    for one in caches.hidden(platform, {card.external_id for card in cards}, numbers):
        what = f"Rows of {one.cache} that are marked as deleted"
        remedy = f"Have the owner of the platform's tables run: {one.statement}"
        if one.ids is None:
            message = (
                f"{what} would hide customers of the run there, and our role may not look whether any do."
            )
            yield Remark("cache_unseen", 0, (), message, remedy)
        else:
            message = (
                f"{what} hide customers or subscriptions of the run there, and our role may not clear them."
            )
            yield Remark("cache_hides", len(one.ids), one.ids[:NAMED], message, remedy)


def _not_synced(synced: Synced, cards: int) -> Remark:
    why = {
        Synced.FAILED: "The platform's sync began and failed",
        Synced.TOO_LATE: "The platform's sync has not come to its end in time; its worker may be stopped",
        Synced.STOPPED: "Nobody waited for the platform's sync",
    }[synced]
    remedy = "Until a sync is through, cards may be open or blocked otherwise than they should."
    return Remark("not_synced", cards, (), f"{why}.", remedy)


def _seen(cards: Iterable[Card], tags: Mapping[int, OcppTag], *, blocked: bool) -> list[Card]:
    """Return those that SteVe has, and blocks or not."""
    return [
        card for card in cards if (tag := tags.get(int(card.ref))) is not None and tag.is_blocked == blocked
    ]


def _blocked(cards: Iterable[Card], tags: Mapping[int, OcppTag], now: datetime) -> Iterator[Remark]:
    due = (card for card in cards if card.is_due(now))
    yield from _remark(
        "blocked", _seen(due, tags, blocked=True),
        "{n} still blocked in SteVe after the platform's sync",
        "Look at the card and at the errors of the sync on the platform. By hand in SteVe it does not last.",
    )  # fmt: skip


def _open_early(
    run: BackfillRun,
    platform: PlatformDatabase,
    cards: Iterable[Card],
    tags: Mapping[int, OcppTag],
    now: datetime,
) -> Iterator[Remark]:
    left = _seen((card for card in cards if not card.is_due(now)), tags, blocked=False)
    paid = _paid_before(run, platform) if left else set()
    yield from _remark(
        "open_early", [card for card in left if int(card.ref) not in paid],
        "{n} open in SteVe before the start, and until then nobody is billed for it",
        "Look for a mapping or a parent of it that is active on the platform, and switch it off until then.",
    )  # fmt: skip


def _paid_before(run: BackfillRun, platform: PlatformDatabase) -> set[int]:
    """Return SteVe's numbers of active cards whose subscription the run found: it may have begun before."""
    found = BackfillStep.objects.filter(row__run=run, name=PAYS, state=State.ADOPTED)
    theirs = BackfillStep.objects.filter(name=MAPPING, row__in=found.values("row")).exclude(ref="")
    there = mappings.find(platform, ids={int(ref) for ref in theirs.values_list("ref", flat=True)})
    return {mapping.ocpp_tag_pk for mapping in there.by_id.values() if mapping.is_active}


def _open(cards: Iterable[Card], tags: Mapping[int, OcppTag]) -> Iterator[Remark]:
    yield from _remark(
        "open", _seen(cards, tags, blocked=False),
        "{n} open in SteVe after the platform's sync, and nobody is billed for it",
        "Block the card on the platform: look for a mapping or a parent of it that is still active there.",
    )  # fmt: skip


def _lost_races(
    cards: Iterable[Card], metas: Mapping[str, Sequence[PlatformMapping]], now: datetime
) -> Iterator[Remark]:
    due = {card.external_id: card for card in cards if card.is_due(now)}
    lost = [card for key, card in due.items() if any(not meta.is_active for meta in metas.get(key, ()))]
    yield from _remark(
        "parent_inactive", lost, "{n} whose parent on the platform is inactive, although they are billed",
        "Two webhooks came at once. Save the customer in Lago once more, or run the platform's script.",
    )  # fmt: skip


def _active_parents(
    run: BackfillRun, cards: Iterable[Card], metas: Mapping[str, Sequence[PlatformMapping]]
) -> Iterator[Remark]:
    """Name parents that are active still, of customers whose subscription the revert has ended."""
    gone = BackfillStep.objects.filter(row__run=run, name=PAYS, state=State.REMOVED)
    ended = set(gone.values_list("row__external_id", flat=True))
    first = {card.external_id: card for card in cards if card.external_id in ended}
    left = [card for key, card in first.items() if any(meta.is_active for meta in metas.get(key, ()))]
    yield from _remark(
        "parent_active", left, "{n} whose parent on the platform is active, although nobody is billed for it",
        "Switch the parent off on the platform: all idTags under it can charge.",
    )  # fmt: skip


def _remark(code: str, cards: Sequence[Card], message: str, remedy: str) -> Iterator[Remark]:
    if cards:
        what = f"{len(cards):,} {'card is' if len(cards) == 1 else 'cards are'}"
        examples = list(dict.fromkeys(card.external_id for card in cards))[:NAMED]
        yield Remark(code, len(cards), examples, f"{message.format(n=what)}.", remedy)


def wake_platform(systems: Systems) -> None:
    """Have the platform sync, if there is one; nobody waits for it. Raises nothing."""
    if systems.platform is None:
        return
    with suppress(RemoteError):  # it syncs by itself, only later
        sync.notify(systems.platform)
