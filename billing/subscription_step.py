"""The step `lago_subscription`: here it is decided that nobody is billed by accident."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

from billing import prepaid_reports, reports
from billing.api.subscriptions import Subscribed
from billing.bills import Biller
from billing.births import Births, Seen
from billing.client import LagoClient
from billing.comparison import (
    Live,
    among,
    asked_end,
    compare_subscription,
    ends_otherwise,
    recorded,
)
from billing.errors import UNEXPECTED, UNREADABLE, LagoError
from billing.preflight import utc_now
from billing.values import BaseFee, Invoice, Subscription
from kernel import (
    Action,
    Bills,
    Divergence,
    Fact,
    Facts,
    Invoiced,
    Made,
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
from kernel.columns import OPENING_BALANCE

NEW = Verdict(Action.CREATE)
ANEW = (
    "Find out who ended it, and why, before another is made: that one is billed from its own start on, also"
    " for days that this one has billed."
)
NO_LONGER = f"What is charged is billed to nobody. {ANEW}"
CLOCK_TOLERANCE = timedelta(minutes=10)  # between Lago's clock and ours, as far as it was not measured


class LagoSubscriptionStep(Step):
    """One subscription per customer, under a deterministic id, on the row's plan from the row's date."""

    name = "lago_subscription"
    noun = "subscription"
    system = "Lago"
    can_be_left = False
    costs = True
    consequences = {
        "missing": NO_LONGER,
        "terminated": NO_LONGER,
        "other_subscription": "That one pays for nothing that is charged: the cards name the run's.",
        "other_object": "It is another contract than the run's, and may bill days a second time.",
        "other_owner": "Another customer of Lago is billed for what is charged.",
        "other_plan": "The customer pays the price of that plan.",
        "other_start": "Its periods, and so its first invoice, are other than the preview said.",
        "other_end": "Lago makes its last invoice on that day, and bills no session afterwards.",
        "more_than_one": "Each of them bills its base amount: the customer pays it more than once.",
        "pending": "Sessions are billed to nobody until it is active.",
        "unreadable": "Nobody can tell whether it bills, and what.",
    }

    def __init__(
        self,
        client: LagoClient,
        now: Callable[[], datetime] = utc_now,
        births: Births | None = None,
        seen: Seen | None = None,
        zone: tzinfo = UTC,
        biller: Biller | None = None,
        ahead: timedelta = timedelta(),
    ) -> None:
        """`zone` is the one whose days the starts of rows are; `ahead`, by how much Lago's clock is so."""
        self.client = client
        self.seen = seen or Seen()
        self.zone = zone
        self.now = now
        self.ahead = ahead
        self.biller = biller or Biller(client, UTC)
        self.priced_at: datetime | None = None
        self._new_ones: dict[tuple[Any, ...], Verdict] = {}
        self.births = births or Births()
        self.stands_off = self.births.gap_s > 0

    def read_prices(self, rows: Iterable[Wanted], now: datetime) -> None:
        self.biller.read({row.plan_code for row in rows if row.plan_code})
        self.priced_at = now
        self._new_ones.clear()

    def bills_at(self, wanted: Wanted, now: datetime) -> Bills | None:
        return self.biller.of_new(wanted, now, self._zone_of(wanted))

    def _zone_of(self, wanted: Wanted) -> str:
        """Name the zone by whose days Lago bills a customer who was there; blank where it is no other."""
        return self.seen.zone_of(wanted.external_id)

    def look_up(self, rows: Iterable[Wanted]) -> Live:
        found = self.client.subscriptions_of(row.external_id for row in rows if row.external_id)
        live = Live(found, self.client, self.seen)
        self.seen.keep_live(live)
        return live

    def cautions(self, found: Live) -> Sequence[Problem]:
        return (reports.list_unreadable(found.seen),) if found.seen.places or found.seen.unread else ()

    def check(self, wanted: Wanted, found: Live) -> Verdict:
        if wanted.external_id in found.seen.unread:
            return Verdict(None, problems=(reports.subscription_unreadable(wanted),))
        subscriptions = found.get(wanted.external_id, [])
        if any(s.external_customer_id != wanted.external_id for s in subscriptions):
            return Verdict(None, problems=(reports.id_mismatch(wanted),))
        others = [s for s in subscriptions if wanted.plan_code and s.plan_code != wanted.plan_code]
        if others:
            return Verdict(None, problems=(reports.other_plan(wanted, others),))
        if not subscriptions:
            return self._new(wanted, found)
        return self._adopt(wanted, subscriptions)

    def _new(self, wanted: Wanted, found: Live) -> Verdict:
        if wanted.external_id in found.returning.unread:
            return Verdict(None, problems=(reports.ended_unreadable(wanted),))
        verdict = self._billed(wanted)
        more = (*self._billed_twice(wanted, found), *self._billed_before_balance(wanted, verdict.bills))
        return replace(verdict, warnings=(*verdict.warnings, *more)) if more else verdict

    def _billed_before_balance(self, wanted: Wanted, bills: Bills | None) -> tuple[Problem, ...]:
        """Warn where the very creation makes a bill: the wallet, which comes after, does not pay it."""
        if bills is None or not OPENING_BALANCE.of(wanted) or wanted.subscription_at is None:
            return ()
        starts_today = self.biller.day_of(wanted.subscription_at, self._zone_of(wanted)) == bills.as_of
        at_once = [bill for bill in bills.today if bill.amount_cents] if starts_today else []
        return (prepaid_reports.billed_before_balance(at_once[0]),) if at_once else ()

    def _billed(self, wanted: Wanted) -> Verdict:
        """Rows of one plan and start share one verdict."""
        if self.priced_at is None:
            return NEW
        case = (
            wanted.plan_code,
            wanted.billing_time,
            wanted.subscription_at,
            asked_end(wanted),
            self._zone_of(wanted),
        )
        if case not in self._new_ones:
            bills = self.bills_at(wanted, self.priced_at)
            new = Verdict(Action.CREATE, warnings=bills.remarks, bills=bills) if bills else NEW
            self._new_ones[case] = new
        return self._new_ones[case]

    def _billed_twice(self, wanted: Wanted, found: Live) -> tuple[Problem, ...]:
        """Warn where our id was ended with a bill for days after the row's start: they are billed again."""
        until, start = found.billed.get(wanted.external_id), wanted.subscription_at
        if until is None or start is None or start > until:
            return ()
        last = until.astimezone(self.zone).date()
        return (reports.billed_before(wanted, start.astimezone(self.zone).date(), last),)

    def _adopt(self, wanted: Wanted, subscriptions: Sequence[Subscription]) -> Verdict:
        """Take ours first. One under our id that starts otherwise is a conflict: nothing is changed."""
        chosen = next(_under_our_id(wanted, subscriptions), subscriptions[0])
        is_ours = chosen.external_id == wanted.subscription_external_id
        if is_ours and wanted.subscription_at and chosen.subscription_at != wanted.subscription_at:
            return Verdict(None, problems=(reports.other_start(wanted, chosen),))
        otherwise = ends_otherwise(wanted, chosen)
        return Verdict(
            Action.ADOPT,
            ref=chosen.lago_id,
            key=chosen.external_id,
            warnings=(reports.ends_otherwise(wanted, chosen),) if otherwise else _endings(chosen),
            looks_made=is_ours and not otherwise,
            exists=(reports.subscription_exists(wanted, chosen),),
            tells={Fact.PAYS_FROM: chosen.subscription_at} if chosen.subscription_at else {},
            bills=self.biller.of_adopted(chosen, self.priced_at, self._zone_of(wanted))
            if self.priced_at
            else None,
        )

    def tell(self, wanted: Wanted, ref: str, key: str) -> Facts:
        return {Fact.SUBSCRIPTION_KEY: key or wanted.subscription_external_id}

    def create(self, task: Task) -> Made:
        wanted = task.wanted
        if wanted.subscription_at is None:
            raise ValueError("a subscription needs a start")
        self.births.keep_apart(wanted.external_id)
        made = self.client.create_subscription(
            external_id=wanted.subscription_external_id,
            external_customer_id=wanted.external_id,
            plan_code=wanted.plan_code,
            subscription_at=wanted.subscription_at,
            billing_time=wanted.billing_time,
            ending_at=asked_end(wanted),
        )
        self._check_price(made)
        return Made(made.lago_id, key=made.external_id)

    def _check_price(self, made: Subscription) -> None:
        """Raise LagoError if the plan costs something else by now than when its price was told."""
        told = self.biller.price_cents(made.plan_code)
        if None in (told, made.plan_amount_cents) or told == made.plan_amount_cents:
            return
        message = (
            f"The subscription was made on the plan {made.plan_code}, which has cost something else since the"
            f" plan was shown: {made.plan_amount_cents} instead of {told} cents. Preview the file again."
        )
        raise LagoError(UNEXPECTED, message, sent=True)

    def key_of(self, thing: Thing, found: Mapping[str, list[Subscription]]) -> str | None:
        subscription = recorded(thing.ref, found.get(thing.wanted.external_id, ()))
        return subscription.external_id if subscription else None

    def part_of(self, found: Live, things: Sequence[Thing]) -> Subscribed:
        unread = among(dict.fromkeys(found.seen.unread), things)
        return Subscribed(among(found, things), frozenset(unread), found.seen.places, found.seen.total_count)

    def found_in(self, part: Subscribed) -> Live:
        return Live(part, self.client, self.seen)

    def obstacle(self, thing: Thing, found: Live) -> str:
        return reports.CANNOT_END if thing.wanted.external_id in found.seen.unread else ""

    def remove(self, thing: Thing, found: Live) -> Removed:
        """End what is under our id; the active one first, since with it goes a downgrade that waits."""
        wanted = thing.wanted
        if obstacle := self.obstacle(thing, found):
            raise LagoError(UNREADABLE, obstacle)
        ours = list(_under_our_id(wanted, found.get(wanted.external_id, [])))
        if any(one.external_customer_id != wanted.external_id for one in ours):
            return Removed(Removal.KEPT, "another Lago customer has this subscription id by now")
        ours.sort(key=lambda one: one.status != "active")
        ended = [terminate(self.client, one) for one in ours]
        return Removed(Removal.REMOVED if any(ended) else Removal.GONE)

    def compare(self, thing: Thing, found: Live) -> Sequence[Divergence]:
        return compare_subscription(thing.wanted, thing.ref, found, self.now())

    def remarks(self, thing: Thing, found: Live) -> Sequence[Problem]:
        subscription = recorded(thing.ref, found.get(thing.wanted.external_id, ()))
        return _endings(subscription) if subscription and not thing.is_made else ()

    def invoiced(self, things: Iterable[Thing], since: Since) -> Sequence[Invoiced]:
        customers = {thing.wanted.external_id for thing in things}
        if not customers:
            return ()
        began = since.started_at + min(self.ahead, timedelta()) - CLOCK_TOLERANCE
        periods = {fee.lago_invoice_id: fee for fee in self.client.base_fees_since(customers, began)}
        invoices = self.client.invoices_since(customers, began)
        return [self._invoiced(one, periods.get(one.lago_id)) for one in invoices if not one.is_void]

    def _invoiced(self, invoice: Invoice, base: BaseFee | None) -> Invoiced:
        return Invoiced(
            invoice.external_customer_id,
            invoice.net_cents,
            invoice.currency,
            self._day(base.from_date if base else None),
            self._day(base.to_date if base else None),
        )

    def _day(self, moment: datetime | None) -> date | None:
        return moment.astimezone(self.biller.zone).date() if moment else None

    def look_back(self, things: Iterable[Thing], since: Since) -> Mapping[str, int]:
        """Count the usage events of what the run made, by its key in Lago; nothing of what has none."""
        made = {thing.wanted.subscription_external_id for thing in things if thing.is_made}
        return {key: number for key, number in self.client.events_of(made).items() if number}

    def activity(
        self, things: Sequence[Thing], found: Live, back: Mapping[str, int], since: Since
    ) -> Iterator[tuple[str, str]]:
        """Tell of usage, and of what became of the subscription that the run made."""
        made = {thing.wanted.subscription_external_id: thing for thing in things if thing.is_made}
        for key, thing in made.items():
            if number := back.get(key):
                yield thing.wanted.external_id, f"usage events in Lago: {number}"
        for thing in made.values():
            external_id = thing.wanted.external_id
            if changed := _changed(thing, list(_under_our_id(thing.wanted, found.get(external_id, [])))):
                yield external_id, changed


def _changed(thing: Thing, ours: Sequence[Subscription]) -> str:
    """Tell of a change; a downgrade waits as a second one under the same id, with an id of its own in Lago.

    Where the run never heard Lago's id, the one that is there is it.
    """
    ours = [one for one in ours if one.external_customer_id == thing.wanted.external_id]
    if plans := {one.plan_code for one in ours} - {thing.wanted.plan_code}:
        return f"changed the plan to {', '.join(sorted(plans))}"
    if thing.ref and ours and thing.ref not in {one.lago_id for one in ours}:
        return "has another subscription under the same id"
    return ""


def _endings(subscription: Subscription) -> tuple[Problem, ...]:
    """Tell of an end that somebody has set; it comes without a word from anybody."""
    ending_at = subscription.ending_at
    return (reports.subscription_ends(subscription, ending_at),) if ending_at else ()


def _under_our_id(wanted: Wanted, subscriptions: Sequence[Subscription]) -> Iterator[Subscription]:
    return (s for s in subscriptions if s.external_id == wanted.subscription_external_id)


def terminate(client: LagoClient, subscription: Subscription) -> bool:
    """End it without invoice and credit note; it may have become active, or ended, since it was looked up."""
    if not subscription.can_end_unbilled:
        raise LagoError(
            "lago_refused", "This Lago is older than 1.32 and would bill when a subscription ends"
        )
    pending = subscription.status == "pending"
    return any(
        client.terminate_subscription(subscription.external_id, pending=state) is not None
        for state in (pending, not pending)
    )
