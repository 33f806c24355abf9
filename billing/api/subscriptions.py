"""Subscriptions of Lago: where a careless call bills somebody."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from billing.api.addresses import path_id, without_blanks
from billing.api.customers import Customers
from billing.api.narrowing import MOST_IN_A_ROW, is_broken
from billing.api.pages import spread
from billing.api.replies import Reply
from billing.api.resources import is_absent, named, unusable, wire
from billing.api.transport import Params
from billing.errors import ID_MISMATCH, UNEXPECTED, LagoError, proxy_cuts_ids
from billing.normal import same_instant
from billing.shelf import Shelf
from billing.values import Json, Subscription, text

PREFIX = "backfill-"  # of our subscriptions' external ids; the kernel's Wanted makes them
LIVE = ("active", "pending")
LIVE_PARAMS: Params = [("status[]", status) for status in LIVE]  # without its brackets it is ignored
ENDED_PARAMS: Params = [("status[]", "terminated"), ("status[]", "canceled")]
SKIPS: Params = [("on_termination_invoice", "skip"), ("on_termination_credit_note", "skip")]
READS_PER_ID = 3


class Subscribed(Mapping[str, list[Subscription]]):
    """What is active or pending, by customer. Who is in `unread` may have more, which Lago cannot show.

    `places` are those of all that it cannot show, whosever it is, from 1, in its list of `total_count`.
    """

    def __init__(
        self,
        found: Mapping[str, list[Subscription]],
        unread: frozenset[str] = frozenset(),
        places: Sequence[int] = (),
        total_count: int = 0,
    ) -> None:
        self._found = found
        self.unread, self.places, self.total_count = unread, places, total_count

    def __getitem__(self, external_id: str) -> list[Subscription]:
        return self._found[external_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __contains__(self, external_id: object) -> bool:
        return external_id in self._found

    def has_none(self, external_id: str) -> bool:
        """Return whether somebody was asked for and has nothing."""
        found = self._found
        if isinstance(found, Shelf):
            return external_id in found and not found.has(external_id)
        return found.get(external_id) == []


class Ended(dict[str, Subscription]):
    """What has ended, by lago_id. Who is in `unread` may have had more, which Lago cannot show."""

    def __init__(self, found: Mapping[str, Subscription], unread: frozenset[str] = frozenset()) -> None:
        super().__init__(found)
        self.unread = unread


class Subscriptions(Customers):
    def subscription(self, external_id: str, *, status: str = "active") -> Subscription | None:
        path = f"subscriptions/{path_id(external_id)}"
        if "." in external_id:
            return self._search("subscriptions", Subscription.of, external_id, [("status[]", status)])
        return self._find_named(path, "subscription", Subscription.of, external_id, [("status", status)])

    def subscriptions_of(self, external_ids: Iterable[str]) -> Subscribed:
        """Return what is active or pending for each customer, with as few calls as possible.

        They are best gone through in the order in which they are asked for, as on a `Shelf`.

        A subscription under the external id that ours would have is listed too, whoever owns it: it is in
        the way. Of what Lago cannot show it is found out whether it is one of these customers'; where that is
        too much of the list, each customer is asked for.
        """
        shelf = Shelf(Subscription, external_ids)
        if not shelf:
            return Subscribed({})
        try:
            return self._listed(shelf)
        except LagoError as error:
            few = list(islice(shelf, MOST_IN_A_ROW))
            if not is_broken(error) or len(self._one_by_one(few).unread) == len(few):
                raise  # it is not some records that are broken
        return self._one_by_one(shelf)

    def _listed(self, shelf: Shelf[Subscription]) -> Subscribed:
        def keep(data: Mapping[str, Any]) -> Subscription | None:
            subscription = Subscription.of(data)
            return subscription if any(one in shelf for one in _concerns(subscription)) else None

        def put(subscription: Subscription) -> None:
            shelf.put(_concerns(subscription), subscription)

        first = self._readable_page("subscriptions", keep, LIVE_PARAMS)
        if first.total_pages - 1 > READS_PER_ID * len(shelf):
            return self._one_by_one(shelf)
        listing = self._all_readable("subscriptions", keep, LIVE_PARAMS, first, put)
        found = Subscribed(shelf.closed())
        unread = self._unread(found) if listing.unread else frozenset()
        return Subscribed(shelf, unread, listing.unread, listing.total_count)

    def _unread(self, found: Subscribed) -> frozenset[str]:
        """Name the customers whose own list Lago cannot show, of those of whom nothing was found.

        Only of those who are there, by a call each: what cannot be shown is some customer's.
        """
        there = self.customers_by_id(filter(found.has_none, found))
        return self._one_by_one(there).unread

    def _one_by_one(self, external_ids: Iterable[str]) -> Subscribed:
        asked = sorted(external_ids)
        answers = self._each_if_readable(self._about, asked)
        found = _grouped((one for some in answers.values() for one in some or ()), asked)
        return Subscribed(found, frozenset(who for who in asked if answers[who] is None))

    def _each_if_readable(
        self, ask: Callable[[str], list[Subscription]], external_ids: Sequence[str]
    ) -> dict[str, list[Subscription] | None]:
        """Ask for each customer; None of those of whom Lago cannot show something."""

        def answer(external_id: str) -> list[Subscription] | None:
            try:
                return ask(external_id)
            except LagoError as error:
                if not is_broken(error):
                    raise
                return None

        return dict(zip(external_ids, spread(answer, external_ids, self._workers), strict=True))

    def _about(self, external_id: str) -> list[Subscription]:
        named_so = [self.subscription(PREFIX + external_id, status=status) for status in LIVE]
        return [*self.subscriptions_of_customer(external_id), *filter(None, named_so)]

    def subscriptions_of_customer(self, external_id: str) -> list[Subscription]:
        """Return what one customer has active or pending."""
        params = [("external_customer_id", external_id), *LIVE_PARAMS]
        found = self._all("subscriptions", Subscription.of, params)
        return [subscription for subscription in found if subscription.external_customer_id == external_id]

    def ended_subscriptions(self, external_customer_ids: Collection[str]) -> Ended:
        """Return what has ended of these customers, by lago_id, with as few calls as possible.

        Where Lago cannot show one of the list, by a call for each customer.
        """
        try:
            return Ended(_by_lago_id(self._ended_of(external_customer_ids)))
        except LagoError as error:
            if not is_broken(error):
                raise
        asked = sorted(set(external_customer_ids))
        answers = self._each_if_readable(lambda who: self._ended_of([who]), asked)
        found = _by_lago_id(one for some in answers.values() for one in some or ())
        return Ended(found, frozenset(who for who in asked if answers[who] is None))

    def _ended_of(self, external_customer_ids: Collection[str]) -> list[Subscription]:
        return self._of_customers(
            "subscriptions", Subscription.of, _customer_of, external_customer_ids, ENDED_PARAMS
        )

    def create_subscription(
        self,
        *,
        external_id: str,
        external_customer_id: str,
        plan_code: str,
        subscription_at: datetime,
        billing_time: str,
        ending_at: datetime | None = None,
    ) -> Subscription:
        """Make a subscription, or return the equal one that exists.

        Read first: where the external id is in use with another plan, Lago changes that plan and bills.
        """
        body = {
            "external_id": without_blanks(external_id),
            "external_customer_id": without_blanks(external_customer_id),
            "plan_code": plan_code,
            "subscription_at": wire(subscription_at),
            "billing_time": billing_time,
        }
        if ending_at:
            body["ending_at"] = wire(ending_at)
        reply = self._send("POST", "subscriptions", "subscription", body=body)
        made = named(reply, "subscription", Subscription.of, external_id, sent=True)
        _check_made(reply, made, external_customer_id, plan_code, subscription_at, ending_at)
        return made

    def terminate_subscription(self, external_id: str, *, pending: bool) -> Subscription | None:
        """End the active or the pending subscription without billing; None if there is none.

        Lago bills all the same if it is too old: ask `supports_skip` first.
        """
        path = f"subscriptions/{path_id(external_id)}"
        params: Params = [("status", "pending" if pending else "active")]
        if "." in external_id and not self._reaches_subscription(path, external_id, params):
            return None
        try:
            reply: Reply | None = self._send("DELETE", path, "subscription", params=[*params, *SKIPS])
        except LagoError as error:
            if not is_absent(error, "subscription"):
                raise
            # After a lost answer, absence is our own work: what the lost try did is read back.
            reply = self._find(path, "subscription", _ended(pending)) if error.sent else None
        if reply is None:
            return None
        ended = named(reply, "subscription", Subscription.of, external_id, sent=True)
        _check_unbilled(reply, pending=pending)
        return ended

    def _reaches_subscription(self, path: str, external_id: str, params: Params) -> bool:
        """Prove that an address with a dot means this subscription, for a proxy may cut it short."""
        if self._find_named(path, "subscription", Subscription.of, external_id, params):
            return True
        if self._search("subscriptions", Subscription.of, external_id, [("status[]", params[0][1])]):
            raise proxy_cuts_ids("subscription")
        return False


def _concerns(subscription: Subscription) -> tuple[str, ...]:
    """Return the customers' ids that a subscription matters to."""
    owner, key = subscription.external_customer_id, subscription.external_id
    named = key.removeprefix(PREFIX)
    return (owner,) if named in (key, owner) else (owner, named)


def _by_lago_id(subscriptions: Iterable[Subscription]) -> dict[str, Subscription]:
    return {subscription.lago_id: subscription for subscription in subscriptions}


def _grouped(subscriptions: Iterable[Subscription], wanted: Collection[str]) -> dict[str, list[Subscription]]:
    groups: dict[str, list[Subscription]] = {external_id: [] for external_id in wanted}
    for subscription in subscriptions:
        for external_id in _concerns(subscription):
            if external_id in groups:
                _put(groups[external_id], subscription)
    return groups


def _put(group: list[Subscription], subscription: Subscription) -> None:
    """Add one, or put it in the place of what it was when it was read before."""
    for place, one in enumerate(group):
        if one.lago_id == subscription.lago_id:
            group[place] = subscription
            return
    group.append(subscription)


def _customer_of(subscription: Json) -> str:
    return text(subscription, "external_customer_id")


def _check_made(
    reply: Reply,
    made: Subscription,
    external_customer_id: str,
    plan_code: str,
    subscription_at: datetime,
    ending_at: datetime | None,
) -> None:
    """Raise LagoError if Lago returned or changed an older subscription instead of making this one."""
    if made.external_customer_id != external_customer_id:
        message = "Lago put the subscription under another customer than was asked for"
        raise LagoError(ID_MISMATCH, message, status=reply.status, sent=True)
    if made.subscription_at is None:
        raise unusable(reply, "subscription", sent=True)
    differs = {
        "plan_code": made.plan_code != plan_code,
        "subscription_at": not same_instant(made.subscription_at, subscription_at),
        "ending_at": not same_instant(made.ending_at, ending_at),
        "status": made.status not in LIVE,
        "previous_plan_code": bool(reply.body["subscription"].get("previous_plan_code")),
    }
    if any(differs.values()):
        fields = ", ".join(field for field, other in differs.items() if other)
        message = f"Lago answered with another subscription than was asked for: {fields}"
        raise LagoError(UNEXPECTED, message, status=reply.status, sent=True)


def _ended(pending: bool) -> Params:
    return [("status", "canceled" if pending else "terminated")]


def _check_unbilled(reply: Reply, *, pending: bool) -> None:
    """Raise LagoError unless the reply shows that no closing invoice or credit note was made.

    One that never started is not billed, whatever its options say. Credit notes go with payment in advance.
    """
    data = reply.body["subscription"]
    if pending and data["status"] == "canceled":
        return
    plan = data.get("plan")
    in_advance = not isinstance(plan, dict) or bool(plan.get("pay_in_advance"))
    note = data.get("on_termination_credit_note")
    unnoted = note == "skip" or (note is None and not in_advance)
    if data.get("on_termination_invoice") != "skip" or not unnoted or data["status"] != "terminated":
        message = "Lago ended the subscription but does not confirm that it skipped the closing bill"
        raise LagoError(UNEXPECTED, message, status=reply.status, sent=True)
