"""Compare what a run recorded with what Lago has now, in the words of `billing.reports`. Reads only."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Protocol, TypeVar

from billing import details, reports
from billing.api.subscriptions import PREFIX, Ended, Subscribed
from billing.client import LagoClient
from billing.normal import same_email, same_instant, same_name
from billing.values import Customer, Subscription
from kernel import Divergence, Thing, Wanted
from kernel.columns import END_DATE


class Known(Protocol):
    """Something with an id of Lago's own."""

    @property
    def lago_id(self) -> str: ...


K = TypeVar("K", bound=Known)
V = TypeVar("V")


def recorded(ref: str, found: Iterable[K]) -> K | None:
    """Return the very thing that a run recorded, among those of its customer."""
    return next((one for one in found if one.lago_id == ref), None)


def among(found: Mapping[str, V], things: Iterable[Thing]) -> dict[str, V]:
    """Return what was found of the customers of some things, by their external_id."""
    return {who: found[who] for who in {thing.wanted.external_id for thing in things} if who in found}


def differing(wanted: Wanted, customer: Customer) -> list[str]:
    """Name what differs, as Lago stores it; a blank value of ours is unknown, not different."""
    return [*_besides_details(wanted, customer), *details.differing(wanted, customer)]


def _besides_details(wanted: Wanted, customer: Customer) -> list[str]:
    same = {
        "email": not wanted.email or same_email(wanted.email, customer.email),
        "name": not wanted.display_name or same_name(wanted.display_name, customer.name),
    }
    return [name for name in same if not same[name]]


def looks_made(wanted: Wanted, customer: Customer) -> bool:
    """Return whether a customer may be what making the row's gave; `details` says what may be missing."""
    return not _besides_details(wanted, customer) and details.may_be_made(wanted, customer)


def compare_customer(wanted: Wanted, ref: str, customer: Customer | None) -> list[Divergence]:
    if customer is None:
        return [reports.customer_missing()]
    if customer.lago_id != ref:
        return [reports.customer_replaced(ref, customer)]
    return [reports.drifted(name) for name in differing(wanted, customer)]


def asked_end(wanted: Wanted) -> datetime | None:
    """Return when the row wants its subscription to end by itself."""
    end = END_DATE.of(wanted)
    return end.begins if end else None


def ends_otherwise(wanted: Wanted, subscription: Subscription) -> bool:
    """Return whether a subscription does not end when the row says so; a row without an end says nothing."""
    end = asked_end(wanted)
    return end is not None and not same_instant(end, subscription.ending_at)


class Live(Mapping[str, list[Subscription]]):
    """What is active or pending, by customer; and on demand what has ended of those who have nothing.

    Of who is in `seen.unread` nobody knows what is there: neither that it is, nor that it is not.
    """

    def __init__(self, seen: Subscribed, client: LagoClient, customers: Iterable[str] = ()) -> None:
        """Take what was found; `customers` are those of whom it is known that Lago has them."""
        self.seen = seen
        self._client, self._customers = client, customers

    def __getitem__(self, external_id: str) -> list[Subscription]:
        return self.seen[external_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self.seen)

    def __len__(self) -> int:
        return len(self.seen)

    def __contains__(self, external_id: object) -> bool:
        return external_id in self.seen

    @cached_property
    def ended(self) -> Ended:
        """Read it once for all of them, by lago_id: it is asked for only where something is amiss."""
        return self._client.ended_subscriptions(list(filter(self.seen.has_none, self)))

    @cached_property
    def returning(self) -> Ended:
        """Read what has ended of customers that were there and have nothing now: of new ones, no call."""
        returning = list(filter(self.seen.has_none, self._customers))
        return self._client.ended_subscriptions(returning) if returning else Ended({})

    @cached_property
    def billed(self) -> Mapping[str, datetime]:
        """Say until when what has ended under our id is billed, by customer; read once for all of them."""
        return self._client.billed_until([one for one in self.returning.values() if _was_ours(one)])


def _was_ours(ended: Subscription) -> bool:
    return ended.status == "terminated" and ended.external_id == f"{PREFIX}{ended.external_customer_id}"


def compare_subscription(wanted: Wanted, ref: str, found: Live, now: datetime) -> list[Divergence]:
    live = found.get(wanted.external_id, [])
    ours = recorded(ref, live)
    if ours is None and wanted.external_id in found.seen.unread:
        return [reports.subscription_unread()]
    if ours is None and not live and wanted.external_id in found.ended.unread:
        return [reports.subscription_unread()]
    if ours is None:
        return [] if _ended_as_asked(wanted, ref, found) else [_vanished(wanted, ref, found)]
    return [*_differences(wanted, ours, now), *_besides(wanted, ours, live)]


def _differences(wanted: Wanted, subscription: Subscription, now: datetime) -> Iterator[Divergence]:
    if subscription.external_customer_id != wanted.external_id:
        yield reports.other_owner(wanted, subscription)
    if subscription.plan_code != wanted.plan_code:
        yield reports.plan_changed(wanted, subscription)
    if subscription.external_id != wanted.subscription_external_id:
        return  # adopted from elsewhere: its start was never ours to choose
    if ends_otherwise(wanted, subscription):
        yield reports.end_changed(wanted, subscription)
    if subscription.subscription_at != wanted.subscription_at:
        yield reports.start_changed(wanted, subscription)
    elif subscription.status == "pending" and wanted.subscription_at and now > wanted.subscription_at:
        yield reports.still_pending(wanted)


def _besides(wanted: Wanted, recorded: Subscription, live: Sequence[Subscription]) -> Iterator[Divergence]:
    """Tell of the customer's others. One under the same id is a downgrade that waits for the period's end."""
    others = [one for one in live if one is not recorded and one.external_customer_id == wanted.external_id]
    next_plan = next((one for one in others if one.external_id == recorded.external_id), None)
    if next_plan is not None:
        yield reports.plan_change_scheduled(wanted, next_plan)
    if any(one is not next_plan for one in others):
        yield reports.more_than_one([recorded, *others])


def _ended_as_asked(wanted: Wanted, ref: str, found: Live) -> bool:
    """Return whether it lived until its day. Lago ends it on that day of UTC, wherever it is billed."""
    end = asked_end(wanted)
    if end is None or found.get(wanted.external_id):
        return False
    ended = found.ended.get(ref)
    return bool(ended and ended.terminated_at and ended.terminated_at >= end - timedelta(days=1))


def _vanished(wanted: Wanted, ref: str, found: Live) -> Divergence:
    """Say what became of it; one that changed plan in Lago has a new id under the same key."""
    others = found.get(wanted.external_id, [])
    same_key = next((one for one in others if one.external_id == wanted.subscription_external_id), None)
    if same_key is None:
        return reports.subscription_missing(None if others else found.ended.get(ref), others)
    if same_key.external_customer_id != wanted.external_id:
        return reports.other_owner(wanted, same_key)
    if same_key.plan_code != wanted.plan_code:
        return reports.plan_changed(wanted, same_key)
    if same_key.subscription_at != wanted.subscription_at:
        return reports.start_changed(wanted, same_key)
    return reports.subscription_replaced(same_key)
